import os
from hashlib import sha256
from pathlib import Path

import pytest

from app.local_files import LocalFileError, NamedFile


async def test_a_file_knows_its_name_size_hash_and_how_many_lines_were_read(tmp_path: Path) -> None:
    content = b"time;value\n" * 50_000
    path = tmp_path / "meter.csv"
    path.write_bytes(content)
    file = NamedFile(path)
    await file.look()
    assert (file.name, file.size, file.sha256) == ("meter.csv", len(content), sha256(content).hexdigest())
    blocks = file.blocks()
    next(blocks)
    assert 0 < file.lines < 50_000
    assert sum(map(len, blocks)) < len(content)
    assert file.lines == 50_000
    await file.discard()
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("name", "said"),
    [("nothing.csv", "No such file"), ("folder", "is a folder"), ("pipe", "is no file"), ("\x00", "null")],
)
def test_what_is_no_file_is_said(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LocalFileError, match=said):
        NamedFile(tmp_path / name)


async def test_one_that_goes_away_is_said(tmp_path: Path) -> None:
    path = tmp_path / "meter.csv"
    path.write_text("x")
    file = NamedFile(path)
    path.unlink()
    with pytest.raises(LocalFileError, match=r"meter\.csv cannot be read"):
        await file.look()
