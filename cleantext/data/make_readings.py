"""Make ``readings.tsv``: the first reading of every character that OpenCC's t2s changes.

Run with pypinyin installed (MIT, https://github.com/mozillazg/python-pinyin; the file was made with
0.55.0): ``python -m cleantext.data.make_readings``. It is needed here only, never at run time.

The pages with injected pinyin were made with the first reading of such a table: 391 of 391 pairs in
seed 000 and 76 of 76 further ones on 18 pages of 13 sites. One row a reading: reading, tab, characters.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Write the table beside this file."""
    from pypinyin.constants import PINYIN_DICT

    rows = defaultdict(list)
    for name in ("TSCharacters.txt", "TSCharactersExt.txt"):
        for line in (HERE / "opencc" / name).read_text("utf-8").splitlines():
            character, _, targets = line.partition("\t")
            known = PINYIN_DICT.get(ord(character)) if len(character) == 1 and targets.split()[0] != character else None
            if known:
                rows[known.split(",")[0]].append(character)
    text = "".join(f"{reading}\t{''.join(sorted(set(characters)))}\n" for reading, characters in sorted(rows.items()))
    (HERE / "readings.tsv").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
