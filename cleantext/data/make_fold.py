"""Make ``fold.npz``, the frozen tables of `cleantext.fold`, from Unicode 14.0 and OpenCC's dictionaries.

Run with Python 3.11, whose ``unicodedata`` is Unicode 14.0: ``python -m cleantext.data.make_fold``.
Frozen, because ``unicodedata`` differs between Python versions and a fold that differs between two
machines gives different duplicates. What a later Unicode may assign is of one kind on all: an ideograph in planes 2 and 3,
which are kept for them, elsewhere no letter, and printable.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

UNICODE = "14.0.0"
SIZE = 0x110000
DROP, SLOW, JOINS = 0, 0xFFFFFFFF, 0xFFFFFFFE  # values in the table `kept` that are no code points
LATER, LATER_HAN = 0xFFFD, 0x20000  # what the view has for characters of a later Unicode: no letter, and some ideograph
HERE = Path(__file__).parent
U32 = npt.NDArray[np.uint32]

# Variants that no OpenCC table joins and that pages mix: nephew, female you, animal it.
EXTRA = ("姪侄", "妳你", "牠它")


def rows(name: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the single-character rows of an OpenCC dictionary: the key and its candidates."""
    for line in (HERE / "opencc" / name).read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            key, values = line.split("\t")[:2]
            if len(key) == 1:
                yield key, [v for v in values.split() if len(v) == 1]


def simplified() -> dict[str, str]:
    """Return Traditional -> Simplified: the first candidate of each single character of TSCharacters.txt."""
    return {key: values[0] for key, values in rows("TSCharacters.txt") if values and values[0] != key}


def _in_gb2312(char: str) -> bool:
    try:
        char.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


class VariantClasses:
    """Disjoint classes of characters that stand for one another."""

    def __init__(self) -> None:
        self.members: dict[str, list[str]] = {}

    def of(self, char: str) -> list[str]:
        """Return the class of a character."""
        return self.members.setdefault(char, [char])

    def join(self, a: str, b: str) -> None:
        """Make one class of two."""
        x, y = self.of(a), self.of(b)
        if x is not y:
            x += y
            for char in y:
                self.members[char] = x


def closure() -> dict[str, str]:
    """Return the wide variant closure: each character to the one that stands for its class.

    All candidates count, not only the first (藉 -> 藉 借 joins both). Japanese forms join only where
    that does not make one class of two characters of GB 2312: 芸 is no 艺 and 弁 no 辨 in Chinese.
    """
    classes = VariantClasses()
    for name in ("TSCharacters.txt", "STCharacters.txt", "TSCharactersExt.txt", "TWVariants.txt", "HKVariants.txt"):
        for key, values in rows(name):
            for value in values:
                classes.join(key, value)
    for pair in EXTRA:
        classes.join(*pair)
    for key, values in rows("JPShinjitaiCharacters.txt"):
        for value in values:
            if sum(map(_in_gb2312, {*classes.of(key), *classes.of(value)})) <= 1:
                classes.join(key, value)
    first = simplified()

    def rank(char: str) -> tuple[bool, bool, bytes, str]:
        # GB 2312 lists the frequent characters (level 1) before the rare ones.
        known = _in_gb2312(char)
        return not known, char in first, char.encode("gb2312") if known else b"", char

    best = {char: min(members, key=rank) for char, members in classes.members.items()}
    return {char: to for char, to in best.items() if char != to}


def _joining() -> set[int]:
    """Return the code points that may join with what stands before them under NFKC."""
    second = {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}  # Hangul vowels and final consonants
    for cp in range(SIZE):
        parts = unicodedata.decomposition(chr(cp)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            second.add(int(parts[1], 16))
    found = set()
    for cp in range(SIZE):
        first = unicodedata.normalize("NFKD", chr(cp))[0]
        if unicodedata.combining(chr(cp)) or unicodedata.combining(first) or ord(first) in second:
            found.add(cp)
    return found


def later(char: str) -> bool:
    """Say whether a later Unicode may assign a character. Planes 2 and 3 are kept for ideographs."""
    return unicodedata.category(char) == "Cn" and not 0xFDD0 <= ord(char) <= 0xFDEF and ord(char) & 0xFFFE != 0xFFFE


def later_han(char: str) -> bool:
    """Say whether a character is an ideograph of a later Unicode."""
    return 0x20000 <= ord(char) <= 0x3FFFF and later(char)


CLASSES: dict[str, Callable[[str], bool]] = {
    "space": str.isspace,
    "alpha": lambda char: char.isalpha() or later_han(char),
    "digit": str.isdigit,
    "decimal": str.isdecimal,
    "alnum": lambda char: char.isalnum() or later_han(char),
    "printable": lambda char: char.isprintable() or later(char),
    "later": later,
}


def class_table(test: Callable[[str], bool]) -> U32:
    """Return which code points are of a class."""
    return np.fromiter(map(test, map(chr, range(SIZE))), np.uint32, SIZE)


def kept_table() -> U32:
    """Return what each code point alone contributes to the fold: itself folded, DROP, SLOW or JOINS."""
    script = simplified()
    table = np.zeros(SIZE, np.uint32)
    for cp in range(SIZE):
        if 0xD800 <= cp <= 0xDFFF:
            continue  # a lone surrogate counts as U+FFFD, which is no letter
        normal = unicodedata.normalize("NFKC", chr(cp))
        out = "".join(x for c in normal for x in script.get(c, c).lower() if x.isalnum())
        table[cp] = SLOW if len(out) > 1 else ord(out) if out else DROP
    table[sorted(_joining())] = JOINS
    return table


def view_table() -> U32:
    """Return the one-to-one view: width, case, script and variants folded, every space a plain one."""
    wide = closure()

    def once(char: str) -> str:
        if unicodedata.category(char) == "Zs":
            return " "
        if later(char):  # unassigned now: `re` of a later Python may take it for a letter, digit or capital
            return chr(LATER_HAN if later_han(char) else LATER)
        normal = unicodedata.normalize("NFKC", char)
        char = normal if len(normal) == 1 else char
        char = wide.get(char, char)
        lower = char.lower()
        return lower if len(lower) == 1 else lower[0] if lower[1:] == "\N{COMBINING DOT ABOVE}" else char

    table = np.arange(SIZE, dtype=np.uint32)
    for cp in range(SIZE):
        if not 0xD800 <= cp <= 0xDFFF:
            char = chr(cp)
            while (after := once(char)) != char:
                char = after
            table[cp] = ord(char)
    return table


def runs(table: U32) -> npt.NDArray[np.int64]:
    """Pack a table as rows (first code point, value or value - code point, is it the value itself)."""
    cp = np.arange(SIZE, dtype=np.int64)
    same = table[1:] == table[:-1]
    marker = np.append(same, False) | np.append(False, same)
    value = np.where(marker, table, table.astype(np.int64) - cp)
    new = np.flatnonzero(np.diff(value, prepend=-SIZE) | np.diff(marker, prepend=~marker[0]))
    return np.column_stack([new, value[new], marker[new]])


def tables() -> dict[str, npt.NDArray[np.int64]]:
    """Return all that ``fold.npz`` holds."""
    if unicodedata.unidata_version != UNICODE:
        raise SystemExit(f"this Python knows Unicode {unicodedata.unidata_version}; the fold is frozen at {UNICODE}: use Python 3.11")
    variants = sorted((ord(k), ord(v)) for k, v in closure().items())
    unicode = np.array([int(part) for part in UNICODE.split(".")])
    classes = {name: runs(class_table(test)) for name, test in CLASSES.items()}
    return {"unicode": unicode, "kept": runs(kept_table()), "view": runs(view_table()), "variants": np.array(variants), **classes}


if __name__ == "__main__":
    np.savez_compressed(HERE / "fold.npz", **tables())  # type: ignore[arg-type]
