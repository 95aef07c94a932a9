import pytest

from adapters.pollers.secret_mask import SecretMask
from domain.ingestion.iot_configuration import AuthType


@pytest.mark.parametrize(
    ("secret", "kind", "said", "told"),
    [
        ("hunter2token", AuthType.BEARER, "Bearer hunter2token", "Bearer ***"),
        ("a.b+c", AuthType.HEADER, "a.b+c aXbbc", "*** aXbbc"),
        ("me:pa:ss", AuthType.BASIC, "me:pa:ss, pa:ss, pa", "***, ***, pa"),
        ("me:s3cret1", AuthType.BASIC, "bWU6czNjcmV0MQ== bWU6czNjcmV0MQ", "*** ***"),
        ("abc", AuthType.BEARER, "abc", "abc"),
        ("", AuthType.BASIC, "Basic", "Basic"),
    ],
)
def test_every_form_of_a_secret_is_hidden(secret: str, kind: AuthType, said: str, told: str) -> None:
    assert SecretMask(secret, kind).text(said) == told


def test_documents_are_walked_however_deep_they_are() -> None:
    deep: list[object] = ["hunter2"]
    for _ in range(5_000):
        deep = [deep]
    masked = SecretMask("hunter2", AuthType.BEARER).document(deep)
    while isinstance(masked, list):
        (masked,) = masked
    assert masked == "***"


def test_numbers_and_whatever_no_secret_belongs_to_stay() -> None:
    document = {"a": [1234567, 1.5, True, None], "hunter2": "hunter2"}
    assert SecretMask().document(document) is document
    assert SecretMask("1234567", AuthType.BEARER).document(dict(document)) == document
