"""Estimate how likely a text is Chinese: a model of words, for choosing among few readings of damaged text.

Text is modelled as a sequence of independent words. That gives two measures: `steps`, how likely one character follows
another (within a word, or from the end of one word to the start of the next), which is fast for many candidates at once; and
`score`, the sum over all segmentations of a text into words, for the few best. The data is a word list
(`cleantext.data.make_charmodel`), 0.5 MB. The model never decides alone: repairs also need a byte certificate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import code_points
from cleantext.data import opencc_text
from cleantext.jit import kernel, kernel_beside

__all__ = ["Links", "WordArrays", "WordModel", "follows", "word_list", "word_model"]

U32 = npt.NDArray[np.uint32]
F64 = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
STEP = 16  # unit of stored logarithms: 1/16
LONGEST = 4  # maximum characters of a word
# Shares among the words of a text; the rest is Chinese words. Punctuation has its frequency in news text.
SHARES = {
    "，": 0.055, "。": 0.032, "、": 0.018, "“": 0.008, "”": 0.008, "：": 0.006, "；": 0.005, "（": 0.005, "）": 0.005, "《": 0.004, "》": 0.004,
    "？": 0.002, "！": 0.002, "·": 0.001, "—": 0.002, "…": 0.001, "‘": 0.001, "’": 0.001, "「": 0.001, "」": 0.001, "『": 0.0003, "』": 0.0003, "%": 0.001, ".": 0.001, " ": 0.004, "\n": 0.01, "\u3000": 0.002,
    "【": 0.0005, "】": 0.0005, "〈": 0.0005, "〉": 0.0005, "～": 0.0003, "-": 0.001, "/": 0.0005, "○": 0.0005, "×": 0.0003, "℃": 0.0003, "Ⅱ": 0.0001, "①": 0.0001, "②": 0.0001,
} | {str(digit): 0.006 for digit in range(10)} | {chr(c): 0.0002 for c in (*range(65, 91), *range(97, 123))}  # fmt: skip
PUNCTUATION = "，。、；：？！…“”‘’（）《》「」『』\n"
TOGETHER = "。” ！” ？” …” …… …。 …， ，” ：“ ，“ 。“ 、“ ”， ”。 ”、 ”； ”（ “《 》” 》， 》。 》、 》（ 、《 ，《 ：《 （《 》） ）， ）。 ）、 ）； ）《 。（ ，（ 。） ：（ 。《 。「 ：「 。」 」， 」。 」、 、「 ？」 ！」 「《 ；（ ）： 》； 》： ”： ）” ！」"
ENDS = "。；：？！”」）"  # common before a line break
APART = -7.0  # log weight of two punctuation marks that do not occur together
NEAR = 2.0  # log weight of two that do
# Words that need another word after them: at most 4 % of them end a clause (10 % of all characters in the first half of the laws).
OPEN = "和与及或于在把被从向将由以而且并如若即既不没很最太各每该某其这那第未按至非已但再仍两到"
OPEN_ENDS = -4.0
OF_ENDS = -1.5  # 的 sometimes does
UNSEEN = -17.0  # for everything that is not listed
HALF = {0xFEE0 + code: code for code in range(0x21, 0x7F)}


class Links(NamedTuple):
    """How likely one character follows another, for kernels. Numba accepts a named tuple of arrays."""

    start: F32  # log share of the words that begin with a character, and of punctuation
    end: F32  # log share of the occurrences of a character that end a word
    key: npt.NDArray[np.uint64]  # pairs of characters that are adjacent within words, ascending
    row: I32  # for each character, where its successors within words begin
    right: I32  # the successors, ascending
    joined: F32  # log P(right | left)


class WordArrays(NamedTuple):
    """The model for kernels that read bytes: `Links`, and how to find their indices."""

    start: F32
    end: F32
    key: npt.NDArray[np.uint64]
    row: I32
    right: I32
    joined: F32
    pairs: I32  # the index of what GBK shows for each pair of bytes
    fold: I64  # the index of each code point below 0x10000


@kernel
def follows(links: Links | WordArrays, left: Any, right: Any) -> Any:
    """Return log P(right | left), as a kernel."""
    low, high = links.row[left], links.row[left + 1]
    while low < high:
        middle = (low + high) >> 1
        if links.right[middle] < right:
            low = middle + 1
        else:
            high = middle
    if low < links.row[left + 1] and links.right[low] == right:
        return links.joined[low]
    return links.end[left] + links.start[right]


def _gains_at_once(points: U32, fold: I64, links: Links, gains: F64) -> None:
    """Compute the same as `_gains` with NumPy."""
    folded = fold[np.where(points < 0x10000, points, 0)]
    left, right = folded[:-1], folded[1:]
    keys = (left << 16 | right).astype(np.uint64)
    at = np.minimum(np.searchsorted(links.key, keys), len(links.key) - 1)
    gains[:1] = links.start[folded[:1]]
    gains[1:] = np.where(links.key[at] == keys, links.joined[at], links.end[left] + links.start[right])


@kernel_beside(_gains_at_once)
def _gains(points: U32, fold: I64, links: Links, gains: F64) -> None:
    """Write the log probability of each character given the previous one; for the first character, its probability alone."""
    left = np.int64(0)
    for i in range(len(points)):
        right = fold[np.int64(points[i]) if points[i] < 0x10000 else 0]
        gains[i] = follows(links, left, right) if i else links.start[right]
        left = right


class WordModel:
    """Log probabilities of texts. A character is a code point below 0x10000, converted to Simplified; 0 is anything else."""

    def __init__(self, data: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take the ``characters`` of all words, the number of ``words`` of each length, and their ``counts`` (see `STEP`)."""
        characters, lengths = data["characters"].astype(np.uint64), data["words"].tolist()
        counts = np.exp(data["counts"].astype(np.float32) / STEP)
        self._fold = np.arange(0x10000)
        for line in (opencc_text("TSCharacters") or "").splitlines():
            key, values = line.split("\t")
            if max(key, values[0]) < "\U00010000":
                self._fold[ord(key)] = ord(values[0])
        for full, half in HALF.items():
            one, other = (half, full) if chr(half) in SHARES else (full, half)
            self._fold[other] = one
        self._words: list[tuple[npt.NDArray[np.uint64], F32]] = []
        start, end, seen = (np.full(0x10000, 0.01, np.float32) for _ in range(3))
        pairs, times = [], []
        at = word = 0
        for length, number in enumerate(lengths, 1):
            letters, n = characters[at : at + length * number].reshape(number, length), counts[word : word + number]
            self._words.append((_packed(letters), np.log(n / counts.sum() * (1 - sum(SHARES.values())))))
            np.add.at(start, letters[:, 0], n)
            np.add.at(end, letters[:, -1], n)
            for i in range(length):
                np.add.at(seen, letters[:, i], n)
            for i in range(length - 1):
                pairs.append(_packed(letters[:, i : i + 2]))
                times.append(n)
            at, word = at + length * number, word + number
        self._rank = np.full(0x10000, 0xFFFF)
        order = np.argsort(-seen, kind="stable")[: int((seen > 1).sum())]
        self._rank[order] = np.arange(len(order))
        self._pairs, which = np.unique(np.concatenate(pairs), return_inverse=True)
        sums = np.bincount(which, np.concatenate(times))
        self._inside = np.log(sums / seen[(self._pairs >> np.uint64(16)).astype(np.int64)]).astype(np.float32)
        self._start = np.where(seen > 1, np.log(start / counts.sum() * (1 - sum(SHARES.values()))), UNSEEN).astype(np.float32)
        self._end = np.where(seen > 1, np.log(end / seen), 0).astype(np.float32)
        for sign, share in SHARES.items():
            self._start[ord(sign)] = np.log(share)
        self._start[self._rank < 0xFFFF] = np.maximum(self._start[self._rank < 0xFFFF], UNSEEN)
        self._punctuate()
        left, right = (self._pairs >> np.uint64(16)).astype(np.int64), (self._pairs & np.uint64(0xFFFF)).astype(np.int64)
        self._joined = np.logaddexp(self._end[left] + self._start[right], self._inside)  # punctuation never occurs within a word
        row = np.searchsorted(left, np.arange(0x10001)).astype(np.int32)
        self.links = Links(self._start, self._end, self._pairs, row, right.astype(np.int32), self._joined)

    def _punctuate(self) -> None:
        """Set which punctuation marks occur together; row and column 0 are for everything else, the last rows for words that need another."""
        self._mark = np.zeros(0x10000, np.int64)
        self._mark[[ord(c) for c in PUNCTUATION]] = np.arange(1, len(PUNCTUATION) + 1)
        self._mark[[ord(c) for c in OPEN]] = len(PUNCTUATION) + 1
        self._mark[ord("的")] = len(PUNCTUATION) + 2
        self._apart = np.zeros((len(PUNCTUATION) + 3,) * 2, np.float32)
        self._apart[1:-2, 1:-2] = APART
        self._apart[-2, 1:-2] = OPEN_ENDS
        self._apart[-1, 1:-2] = OF_ENDS
        for pair in (*TOGETHER.split(), *(mark + "\n" for mark in ENDS)):
            self._apart[self._mark[ord(pair[0])], self._mark[ord(pair[1])]] = NEAR

    @cached_property
    def shown(self) -> U32:
        """The displayed code points for each pair of GBK bytes; U+FFFD for invalid pairs."""
        return code_points("".join(bytes((n >> 8, n & 255)).decode("gbk", "replace")[0] for n in range(0x10000)))

    @cached_property
    def pairs(self) -> I32:
        """The model's index for each pair of GBK bytes."""
        return self._fold[self.shown].astype(np.int32)

    @cached_property
    def arrays(self) -> WordArrays:
        """The model for kernels that read bytes."""
        return WordArrays(*self.links, self.pairs, self._fold)

    def indices(self, text: str) -> I64:
        """Return the code point of each character, folded."""
        points = code_points(text)
        folded: I64 = self._fold[np.where(points < 0x10000, points, 0)]
        return folded

    def rank(self, text: str) -> I64:
        """Return how many Han characters are more frequent than each character of the text; -1 for punctuation."""
        points = self.indices(text)
        return np.where((self._rank[points] == 0xFFFF) & (self._start[points] > UNSEEN), -1, self._rank[points])

    def steps(self, left: I64, right: I64) -> F32:
        """Return log P(right | left) for all pairs, shape (len(left), len(right))."""
        logs = self._end[left][:, None] + self._start[right][None, :] + self._apart[self._mark[left][:, None], self._mark[right][None, :]]
        keys = (left[:, None] << 16 | right[None, :]).astype(np.uint64)
        at = np.minimum(np.searchsorted(self._pairs, keys), len(self._pairs) - 1)
        return np.where(self._pairs[at] == keys, self._joined[at], logs)

    def quick(self, text: str) -> float:
        """Return the log probability of a text by `steps`, with the first character by itself."""
        gains = np.empty(len(text), np.float64)
        _gains.sized(8 * len(text))(code_points(text), self._fold, self.links, gains)
        return float(gains.sum())

    def score(self, text: str) -> float:
        """Return the log probability of a text, summed over all segmentations into words."""
        return self.scores([text])[0]

    def scores(self, texts: Sequence[str]) -> list[float]:
        """Return the `score` of texts of one length: a hundred of ten characters take as long as three single calls."""
        points = self.indices("".join(texts)).reshape(len(texts), -1)
        n = points.shape[1]
        tables = []
        letters = points.astype(np.uint64)
        keys = np.zeros((len(texts), n + 1), np.uint64)
        for length, (words, logs) in enumerate(self._words[:n], 1):
            keys = keys[:, :-1] << np.uint64(16) | letters[:, length - 1 :]
            at = np.minimum(np.searchsorted(words, keys), len(words) - 1)
            missing = np.maximum(self._start[points], UNSEEN) if length == 1 else np.full(keys.shape, -np.inf)
            tables.append(np.where(words[at] == keys, logs[at], missing).astype(np.float64).T.copy())
        total = np.full((n + 1, len(texts)), -np.inf)
        total[0] = 0
        for i in range(n):
            best = total[i] + tables[0][i]
            for k in range(1, min(i + 1, len(tables))):
                best = np.logaddexp(best, total[i - k] + tables[k][i - k])
            total[i + 1] = best
        signs = self._apart[self._mark[points[:, :-1]], self._mark[points[:, 1:]]].sum(axis=1)
        whole: list[float] = (total[n] + signs).tolist()
        return whole


def _packed(letters: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Pack up to four characters, the last axis, into one number."""
    keys = np.zeros(letters.shape[:-1], np.uint64)
    for column in range(letters.shape[-1]):
        keys = keys << np.uint64(16) | letters[..., column]
    return keys


def word_list() -> Mapping[str, npt.NDArray[Any]]:
    """Return the data of the model as stored."""
    with (resources.files("cleantext.data") / "charmodel.npz").open("rb") as file, np.load(file) as data:
        return dict(data)


@lru_cache(maxsize=1)
def word_model() -> WordModel:
    """Return the model, loaded at first use."""
    return WordModel(word_list())
