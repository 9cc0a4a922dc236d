"""What to say of a text file that is not UTF-8. The guess is for the message: no file is read with it."""

from __future__ import annotations

from pathlib import Path

from fitwright.core.errors import DataError


def encoding_error(path: Path) -> DataError:
    """The error for a file that is not UTF-8: which byte, what it may be instead, how to convert it."""
    content = path.read_bytes()
    try:
        content.decode("utf-8-sig")
        offset = 0
    except UnicodeDecodeError as error:
        offset = error.start
    likely = _likely_encoding(content, offset)
    fixed = path.with_name(f"{path.stem}.utf8{path.suffix}").name
    return DataError(
        f"{path} is not UTF-8: byte 0x{content[offset]:02x} at offset {offset:,}",
        allowed="UTF-8",
        mend=f"It looks like {likely}: iconv -f {likely} -t utf-8 '{path.name}' > '{fixed}'",
    )


def _likely_encoding(content: bytes, offset: int) -> str:
    """A guess for the message only: the file itself is never read with it."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    part = content[max(0, offset - 2000) : offset + 200_000]
    text = part.decode("gb18030", errors="replace")
    foreign = [character for character in text if ord(character) > 127]
    chinese = sum("\u4e00" <= c <= "\u9fff" or "\u3000" <= c <= "\u303f" or "\uff00" <= c <= "\uffef"
                  for c in foreign)  # fmt: skip
    pairs = sum(byte > 127 for byte in part)
    if foreign and chinese >= 0.9 * len(foreign) and pairs > 1.5 * len(foreign):
        return "gb18030"
    return "cp1252" if any(0x80 <= byte <= 0x9F for byte in part) else "latin1"
