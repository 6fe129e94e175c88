"""Marks (magic numbers) of other file formats, and the further conditions for a mark to count.

A text may begin as any mark of printable characters does (``GIF89a 是一种图像``, ``BM 广场``, in UTF-8 or GBK). So such a mark counts
only with control characters near it, which every binary format has in its first fields and no text has, or, for formats that are
written in printable characters themselves, with what must follow it there (`WRITTEN`).
"""

from __future__ import annotations

import re

__all__ = ["CONTROLS", "marked"]

CONTROLS = bytes([*range(9), 11, *range(14, 27), *range(28, 32), 127])  # control characters that do not occur in text
NEAR = 512  # a binary format has some of them within so many bytes at the start
LONG = 5  # a file that ends right after a mark of at least so many bytes has this format
LONE = re.compile(rb"[\d.]{0,9}\}?\s*")  # a version number that may follow the mark in such a file

# Marks with bytes that do not occur at the start of text: offset, bytes, name.
SURE: tuple[tuple[int, bytes, str], ...] = (
    (0, b"Obj\x01", "avro"), (0, b"SQLite format 3\0", "sqlite"), (0, b"\x89HDF\r\n\x1a\n", "hdf5"), (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"), (0, b"7z\xbc\xaf\x27\x1c", "7z"), (0, b"Rar!\x1a\x07", "rar"), (0, b"MSCF\0\0\0\0", "cab"),
    (0, b"\x1f\x8b", "gzip"), (0, b"\x28\xb5\x2f\xfd", "zstd"), (0, b"\xfd7zXZ\0", "xz"), (0, b"\x04\x22\x4d\x18", "lz4"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office"), (0, b"CAJ\0", "caj"), (0, b"\x89PNG\r\n\x1a\n", "image"),
    (0, b"\xff\xd8\xff", "image"), (0, b"II*\0", "image"), (0, b"MM\0*", "image"), (0, b"\0\0\1\0", "image"),
    (0, b"\x1aE\xdf\xa3", "sound"), (0, b"FLV\x01", "sound"), (0, b"\0\0\1\xba", "sound"), (0, b"\0\1\0\0\0", "font"),
    (0, b"\x7fELF", "program"), (0, b"\0asm", "program"), (0, b"\x80\x04\x95", "pickle"), (0, b"\x80\x05\x95", "pickle"),
)  # fmt: skip

# Marks that may also be the start of a text in ASCII or GBK.
PRINTABLE: tuple[tuple[int, bytes, str], ...] = (
    (0, b"PAR1", "parquet"), (0, b"PARE", "parquet"), (0, b"ARROW1", "arrow"), (0, b"FEA1", "arrow"), (8, b"DUCK", "duckdb"),
    (0, b"\x93NUMPY", "numpy"), (257, b"ustar", "tar"), (0, b"BZh", "bzip2"), (0, b"AT&TFORM", "djvu"), (0, b"ITSF", "chm"),
    (0, b"GIF87a", "image"), (0, b"GIF89a", "image"), (0, b"BM", "image"), (8, b"WEBP", "image"), (4, b"ftypheic", "image"),
    (4, b"ftypavif", "image"), (0, b"8BPS", "image"), (0, b"RIFF", "sound"), (0, b"ID3", "sound"), (0, b"OggS", "sound"),
    (0, b"fLaC", "sound"), (4, b"ftyp", "sound"), (0, b"wOFF", "font"), (0, b"wOF2", "font"), (0, b"OTTO", "font"),
    (0, b"MZ", "program"), (0, b"\xca\xfe\xba\xbe", "program"), (0, b"!<arch>\n", "program"), (0, b"ORC", "orc"), (0, b"\x80\x03", "pickle"),
    (0, b"%PDF-", "pdf"), (0, b"{\\rtf", "rtf"), (0, b"%!PS", "postscript"),
)  # fmt: skip

# Patterns of what follows the mark in formats with printable characters.
WRITTEN = {
    "pdf": re.compile(rb"%PDF-\d\.\d[ \t]*[\r\n]+(?:%[\x80-\xff]{4}\s|(?:.*[\r\n])?\d+ \d+ obj\b)", re.DOTALL),
    "rtf": re.compile(rb"\{\\rtf\d*\s*(?:\{\s*)?\\[a-z*]"),
    "postscript": re.compile(rb"%!PS[ -~]*[\r\n]+(?:%%[A-Z][A-Za-z]+|.*\b(?:showpage|def|moveto)\s)", re.DOTALL),
    "program": re.compile(rb"!<arch>\n[^\n]{58}`\n"),
}


def marked(head: bytes) -> str:
    r"""Return the name of the binary or page format at the start of a file, or "" if it may be text.

    >>> marked(b"GIF89a\x01\x00\x01\x00"), marked(b"GIF89a is a picture")
    ('image', '')
    >>> marked(b"%PDF-1.4\n1 0 obj\n"), marked(b"%PDF-1.4 is how it begins")
    ('pdf', '')
    """
    for offset, mark, name in SURE:
        if head.startswith(mark, offset):
            return name
    near = head[:NEAR]
    binary = len(near.translate(None, CONTROLS)) < len(near)
    for offset, mark, name in PRINTABLE:
        if not head.startswith(mark, offset):
            continue
        if binary or (name in WRITTEN and WRITTEN[name].match(head)) or (len(mark) >= LONG and LONE.fullmatch(head, offset + len(mark))):
            return name
    return ""
