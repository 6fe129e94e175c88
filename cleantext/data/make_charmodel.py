"""Make ``charmodel.npz``, the words from which `cleantext.repair.model` knows Chinese text, from the word list of jieba.

Run with jieba installed (MIT, https://github.com/fxsjy/jieba; the file was made with 0.42.1, whose
``dict.txt`` counts 348,974 Chinese words): ``python -m cleantext.data.make_charmodel``. It is needed here
only, never at run time.

Words of up to four characters, made Simplified, that were counted at least `LEAST` times, and all single
characters. Natural logarithms of the counts are stored in sixteenths.
"""

from __future__ import annotations

from collections import Counter
from importlib.metadata import distribution
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
LEAST = 6
LONGEST = 4
STEP = 16


def simplified() -> dict[int, str]:
    """Return OpenCC's Traditional -> Simplified table, first candidates only."""
    rows = (line.split("\t") for line in (HERE / "opencc" / "TSCharacters.txt").read_text("utf-8").splitlines())
    return {ord(key): values.split()[0] for key, values in rows if len(key) == 1}


def main() -> None:
    """Count and write, in order of length and then of code points, which packs best."""
    counts: Counter[str] = Counter()
    table = simplified()
    for line in Path(str(distribution("jieba").locate_file("jieba/dict.txt"))).read_text("utf-8").splitlines():
        word, count = line.split(" ")[:2]
        word = word.translate(table)
        if len(word) <= LONGEST and all("\u3400" <= c <= "\u9fff" for c in word):
            counts[word] += int(count)
    for character in {c for word in counts for c in word}:
        counts[character] += 1  # a character is a word of its own, too
    words = sorted((w for w, n in counts.items() if n >= LEAST or len(w) == 1), key=lambda w: (len(w), w))
    np.savez_compressed(
        HERE / "charmodel.npz",
        characters=np.frombuffer("".join(words).encode("utf-16-le"), np.uint16),
        words=np.array([sum(len(w) == n for w in words) for n in range(1, LONGEST + 1)], np.int32),
        counts=np.array([round(STEP * np.log(counts[w])) for w in words], np.uint8),
    )


if __name__ == "__main__":
    main()
