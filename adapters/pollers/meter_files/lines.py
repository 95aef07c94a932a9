"""A file's lines out of blocks of bytes of any size, in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from domain.ingestion.errors import UnreadableFileError

MAX_LINE_BYTES: Final = 65_536
TEXT_KEPT: Final = 500
"""So many characters of a line are kept with its reject."""
MAX_TEXT_BYTES: Final = 1_048_576
"""So much text is taken at once, unless a single line has more."""

# Larger than the longest line that is read, so that one without an end in here is too long for sure.
_WINDOW: Final = 4 * MAX_LINE_BYTES
_LARGEST_BLOCK: Final = 1_048_576
# A character has at most four bytes.
_HEAD: Final = 4 * TEXT_KEPT
_BOM: Final = b"\xef\xbb\xbf"
_SIGNATURES: Final = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"PK\x05\x06": "an empty zip archive",
    b"\x1f\x8b": "compressed by gzip",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ\x00": "compressed by xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a": "a rar archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF-": "a PDF",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "a database",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x7fELF": "a program",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines in a row; those longer than `MAX_LINE_BYTES` are cut to `TEXT_KEPT` characters."""

    first_line: int
    lines: Sequence[str]
    sizes: Sequence[int]
    """Bytes of each line as it stands in the file, with its end."""

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.lines)


class LineReader:
    """A queue of decoded lines that fills itself from the blocks as they are asked for."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = _small(blocks)
        self._buffer = bytearray()
        self._at_start = True
        self._ended = False
        self._latin = False
        self._lines: list[str] = []
        self._sizes: list[int] = []
        self._at = 0
        self._waiting_bytes = 0
        self._next_line = 1
        self.offset = 0
        """Where the first line that was not taken begins."""

    def peek(self, most: int) -> Piece:
        """Return the next lines, at most so many and at most `MAX_TEXT_BYTES`; none at the end only.

        Raises:
            UnreadableFileError: ``not_text``.

        """
        while (
            not self._ended
            and len(self._lines) - self._at < most
            # Beyond it, not at it: where to cut must not depend on what has been read so far.
            and self._waiting_bytes <= MAX_TEXT_BYTES
        ):
            self._fill()
        sizes = self._sizes[self._at : self._at + most]
        count = len(sizes)
        if sum(sizes) > MAX_TEXT_BYTES:
            total = count = 0
            while total + sizes[count] <= MAX_TEXT_BYTES:
                total += sizes[count]
                count += 1
            count = max(1, count)
        return Piece(self._next_line, self._lines[self._at : self._at + count], sizes[:count])

    def take(self, most: int) -> Piece:
        """Return the next lines as `peek` does, and go on behind them."""
        piece = self.peek(most)
        taken = sum(piece.sizes)
        self._at += len(piece)
        self._next_line += len(piece)
        self._waiting_bytes -= taken
        self.offset += taken
        return piece

    def _fill(self) -> None:
        while len(self._buffer) < _WINDOW:
            block = next(self._blocks, None)
            if block is None:
                break
            self._buffer += block
        if not self._buffer:
            self._ended = True
            return
        bom = 0
        if self._at_start:
            self._at_start = False
            bom = self._open()
        end = self._buffer.rfind(b"\n", 0, _WINDOW) + 1
        if end == 0 and len(self._buffer) >= _WINDOW:
            self._append(*self._skip_line())
        else:
            content = bytes(self._buffer[: end or len(self._buffer)])
            del self._buffer[: len(content)]
            _refuse_binary(content)
            self._append(*self._decoded(content))
        # The mark is no text, but it does take its place in the file.
        if bom and self._sizes:
            self._sizes[0] += bom
            self._waiting_bytes += bom

    def _open(self) -> int:
        for signature, what in _SIGNATURES.items():
            if self._buffer.startswith(signature):
                raise UnreadableFileError("not_text", f"the file is no text: it is {what}")
        if not self._buffer.startswith(_BOM):
            return 0
        del self._buffer[: len(_BOM)]
        return len(_BOM)

    def _append(self, lines: list[str], sizes: list[int]) -> None:
        self._lines = self._lines[self._at :] + lines
        self._sizes = self._sizes[self._at :] + sizes
        self._at = 0
        self._waiting_bytes += sum(sizes)

    def _decoded(self, content: bytes) -> tuple[list[str], list[int]]:
        raw = content.split(b"\n")
        if content.endswith(b"\n"):
            raw.pop()
        sizes = [len(line) + 1 for line in raw]
        if raw and not content.endswith(b"\n"):
            sizes[-1] -= 1
        try:
            lines = content.decode("latin-1" if self._latin else "utf-8").split("\n")[: len(raw)]
        except UnicodeDecodeError:
            lines = [self._decoded_line(line, size) for line, size in zip(raw, sizes, strict=True)]
        if b"\r" in content:
            lines = [line.rstrip("\r") for line in lines]
        if sizes and max(sizes) > MAX_LINE_BYTES:
            lines = [
                line[:TEXT_KEPT] if size > MAX_LINE_BYTES else line
                for line, size in zip(lines, sizes, strict=True)
            ]
        return lines, sizes

    def _decoded_line(self, raw: bytes, size: int) -> str:
        if self._latin:
            return raw.decode("latin-1")
        if size > MAX_LINE_BYTES:
            return raw[:_HEAD].decode(errors="replace")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self._latin = True
            return raw.decode("latin-1")

    def _skip_line(self) -> tuple[list[str], list[int]]:
        """Read a line that is too long to its end, and keep no more than its beginning."""
        head = bytes(self._buffer[:_HEAD])
        size = 0
        while True:
            end = self._buffer.find(b"\n") + 1
            passed = end or len(self._buffer)
            _refuse_binary(self._buffer[:passed])
            size += passed
            del self._buffer[:passed]
            if end:
                break
            block = next(self._blocks, None)
            if block is None:
                break
            self._buffer += block
        text = head.decode("latin-1") if self._latin else head.decode(errors="replace")
        return [text[:TEXT_KEPT]], [size]


def _small(blocks: Iterator[bytes]) -> Iterator[bytes]:
    for block in blocks:
        if len(block) <= _LARGEST_BLOCK:
            yield block
        else:
            for start in range(0, len(block), _LARGEST_BLOCK):
                yield block[start : start + _LARGEST_BLOCK]


def _refuse_binary(content: bytes | bytearray) -> None:
    if b"\0" in content:
        raise UnreadableFileError("not_text", "the file is no text: it holds NUL bytes")
