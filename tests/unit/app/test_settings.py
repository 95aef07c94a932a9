from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from adapters.web.limits import Rate
from app.settings import VARIABLES, FtpTls, LogFormat, SettingsError, read_settings, variables_table

IN_THE_CONTRACT = """
DATABASE_URL DATA_DIR HOST PORT DEBUG LOG_FORMAT IOTS_CONFIG
FTP_SA4CPS_HOST FTP_SA4CPS_PORT FTP_SA4CPS_USERNAME
FTP_SA4CPS_PASSWORD FTP_SA4CPS_REMOTE_PATH FTP_SA4CPS_TLS FTP_SA4CPS_CA_FILE FTP_CHECK_INTERVAL
FTP_SKIP_INITIAL_SCAN REDIS_URL REDIS_ENABLED RETENTION_DAYS RETENTION_INTERVAL ROOM_METRICS_INTERVAL
EVENT_SCHEDULER_INTERVAL AUTO_RESPONSE_INTERVAL CORS_ORIGINS RATE_LIMIT POLLER_ALLOWED_HOSTS HOLIDAYS_COUNTRY
BOOTSTRAP_ADMIN_KEY TIMEZONE MIGRATE_ON_START MIGRATION_DATABASE_URL
"""


def faults(**given: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read_settings(given, None)
    return list(refused.value.faults)


def test_every_variable_of_the_contract_is_there_and_in_the_table() -> None:
    names = {variable.name for variable in VARIABLES}
    assert names >= set(IN_THE_CONTRACT.split())
    assert all(f"| `{name}` |" in variables_table() for name in names)


def test_the_defaults_are_the_contracts() -> None:
    settings = read_settings({}, None)
    assert settings.database_url is None
    assert (settings.retention_days, settings.retention_interval) == (90, 86_400)
    assert (settings.ftp_check_interval, settings.room_metrics_interval) == (21_600, 300)
    assert (settings.event_scheduler_interval, settings.auto_response_interval) == (60, 30)
    assert settings.timezone == ZoneInfo("Europe/Lisbon")
    assert settings.rate_limit is None
    assert not settings.debug
    assert settings.ftp_port == 21


def test_values_are_read(tmp_path: Path) -> None:
    iots = tmp_path / "iots.json"
    iots.write_text("{}")
    settings = read_settings(
        {
            "DATABASE_URL": "postgres://u:p%40ss@db:5432/energy?sslmode=require",
            "DEBUG": "Yes",
            "PORT": " 0 ",
            "LOG_FORMAT": "JSON",
            "IOTS_CONFIG": str(iots),
            "FTP_SA4CPS_TLS": "implicit",
            "FTP_CHECK_INTERVAL": "0.5",
            "RETENTION_DAYS": "0",
            "CORS_ORIGINS": "https://a.example, http://localhost:5173",
            "RATE_LIMIT": "10/minute",
            "POLLER_ALLOWED_HOSTS": "10.0.0.0/8, meter.example.com",
            "HOLIDAYS_COUNTRY": "pt",
            "TIMEZONE": "Asia/Kathmandu",
            "DATA_DIR": "",
        },
        None,
    )
    assert settings.database_url == "postgresql://u:p%40ss@db:5432/energy?sslmode=require"
    assert settings.debug
    assert settings.port == 0
    assert settings.log_format is LogFormat.JSON
    assert settings.iots_config == iots
    assert (settings.ftp_sa4cps_tls, settings.ftp_port) == (FtpTls.IMPLICIT, 990)
    assert settings.ftp_check_interval == 0.5
    assert settings.retention_days == 0
    assert settings.cors_origins == ("https://a.example", "http://localhost:5173")
    assert settings.rate_limit == Rate(10, 60)
    assert settings.poller_allowed_hosts == ("10.0.0.0/8", "meter.example.com")
    assert settings.holidays_country == "PT"
    assert settings.timezone == ZoneInfo("Asia/Kathmandu")
    assert settings.data_dir is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "8e3"),
        ("PORT", "٨٠"),
        ("PORT", "9" * 5000),
        ("DEBUG", "maybe"),
        ("LOG_FORMAT", "xml"),
        ("IOTS_CONFIG", "/no/such/file"),
        ("FTP_CHECK_INTERVAL", "0"),
        ("FTP_CHECK_INTERVAL", "-1"),
        ("FTP_CHECK_INTERVAL", "nan"),
        ("FTP_CHECK_INTERVAL", "inf"),
        ("FTP_CHECK_INTERVAL", "1h"),
        ("FTP_SA4CPS_TLS", "on"),
        ("RETENTION_DAYS", "-1"),
        ("CORS_ORIGINS", "example.com"),
        ("CORS_ORIGINS", "https://a.example/path"),
        ("CORS_ORIGINS", "https://[::1"),
        ("RATE_LIMIT", "10"),
        ("RATE_LIMIT", "0/second"),
        ("RATE_LIMIT", "10/day"),
        ("POLLER_ALLOWED_HOSTS", "10.0.0.0/64"),
        ("HOLIDAYS_COUNTRY", "Portugal"),
        ("TIMEZONE", "Lisbon"),
        ("TIMEZONE", "../x"),
        ("REDIS_URL", "http://x"),
        ("BODY_LIMIT", "1"),
        ("DATABASE_URL", "mysql://u:hunter2@db/energy"),
        ("DATABASE_URL", "postgresql://u:hunter2@db:port/energy"),
        ("DATABASE_URL", "postgresql://u:hunter2@db"),
        ("DATABASE_URL", "hunter2"),
        ("BOOTSTRAP_ADMIN_KEY", "hunter2 hunter2"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_it(name: str, value: str) -> None:
    [line] = faults(**{name: value})
    assert line.startswith(f"{name}: ")
    assert " is not allowed; give " in line
    assert "\n" not in line
    assert "hunter2" not in line
    assert value in line or name in {"DATABASE_URL", "BOOTSTRAP_ADMIN_KEY", "REDIS_URL"}


def test_all_faults_are_told_at_once() -> None:
    assert len(faults(PORT="x", DEBUG="x", TIMEZONE="x")) == 3


def test_secrets_are_not_shown() -> None:
    settings = read_settings(
        {
            "DATABASE_URL": "postgresql://u:hunter2@db/energy",
            "FTP_SA4CPS_PASSWORD": "hunter2",
            "BOOTSTRAP_ADMIN_KEY": "hunter2",
        },
        None,
    )
    assert "hunter2" not in repr(settings)


def test_a_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(
        "\ufeff# a comment\n\nPORT=9000\nexport HOST = 0.0.0.0 # all\nTIMEZONE='Europe/Paris' # quoted\n"
        'FTP_SA4CPS_PASSWORD="a # b"\nHOLIDAYS_COUNTRY= # none\n'
    )
    settings = read_settings({"PORT": "9001"}, dotenv)
    assert settings.port == 9001
    assert settings.host == "0.0.0.0"  # noqa: S104
    assert settings.timezone == ZoneInfo("Europe/Paris")
    assert settings.ftp_sa4cps_password == "a # b"
    assert settings.holidays_country is None


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("PORT=1\nnonsense\n")
    with pytest.raises(SettingsError, match="line 2: is no NAME=value"):
        read_settings({}, dotenv)
    dotenv.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings({}, dotenv)
    assert read_settings({}, tmp_path / "none").port == 8000


@pytest.mark.parametrize("text", ["ftp.example.com", "meters", "192.0.2.7", "2001:db8::1", "[2001:db8::1]"])
def test_the_ftp_server_is_a_host(text: str) -> None:
    assert read_settings({"FTP_SA4CPS_HOST": text}, None).ftp_sa4cps_host == text.strip("[]")


@pytest.mark.parametrize(
    "text", ["ftp://ftp.example.com", "ftp://me:hunter2@ftp.example.com/", "ftp.example.com:21", "a b", "a/b"]
)
def test_and_nothing_else_of_a_url(text: str) -> None:
    (fault,) = faults(FTP_SA4CPS_HOST=text)
    assert fault.startswith("FTP_SA4CPS_HOST: ")
    assert "hunter2" not in fault
