"""What to say of a text file that is not UTF-8. The guess is for the message: no file is read with it."""

from __future__ import annotations

from pathlib import Path

from fitwright.core.errors import DataError


def refuse_binary(path: Path) -> None:
    """Raise where the file's first bytes hold zeros: UTF-16, or no text at all."""
    with path.open("rb") as file:
        head = file.read(4096)
    marked = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    if b"\x00" not in head and not marked:
        return
    if marked or head.count(b"\x00") > len(head) / 4:
        likely = "utf-16" if marked else "utf-16le"
        raise DataError(f"{path} is not UTF-8 but holds two bytes a character", allowed="UTF-8",
                        mend=_conversion(path, likely))  # fmt: skip
    raise DataError(f"{path} is a binary file", allowed="UTF-8 text", mend="Give the table as text.")


def encoding_error(path: Path) -> DataError:
    """The error for a file that is not UTF-8: which byte, what it may be instead, how to convert it."""
    content = path.read_bytes()
    try:
        content.decode("utf-8")
        offset = 0
    except UnicodeDecodeError as error:
        offset = error.start
    likely = _likely_encoding(content, offset)
    return DataError(
        f"{path} is not UTF-8: byte 0x{content[offset]:02x} at offset {offset:,}",
        allowed="UTF-8", mend=_conversion(path, likely),
    )  # fmt: skip


def _conversion(path: Path, likely: str) -> str:
    fixed = f"{path.stem}.utf8{path.suffix}"
    return f"It looks like {likely}; convert it: iconv -f {likely} -t utf-8 '{path.name}' > '{fixed}'"


def _likely_encoding(content: bytes, offset: int) -> str:
    """A guess for the message only: the file itself is never read with it."""
    part = content[max(0, offset - 2000) : offset + 200_000]
    text = part.decode("gb18030", errors="replace")
    foreign = [character for character in text if ord(character) > 127]
    chinese = sum("\u4e00" <= c <= "\u9fff" or "\u3000" <= c <= "\u303f" or "\uff00" <= c <= "\uffef"
                  for c in foreign)  # fmt: skip
    pairs = sum(byte > 127 for byte in part)
    if foreign and chinese >= 0.9 * len(foreign) and pairs > 1.5 * len(foreign):
        return "gb18030"
    return "cp1252" if any(0x80 <= byte <= 0x9F for byte in part) else "latin1"
