"""UnifyScript: convert a corpus to one script, with OpenCC's dictionaries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import Changes, EditColumns, to_original
from cleantext.data import BUNDLED, is_own, own_words
from cleantext.errors import ConfigError, unknown
from cleantext.script.convert import Batch, Converter, converter, merged
from cleantext.script.detect import counts_of, is_foreign, is_script
from cleantext.script.dictionaries import CONFIGURATIONS, LONGEST, TO_HK, TO_TW, Group
from cleantext.script.mixture import mixed_spans, stray_spans
from cleantext.script.utf8 import recoded
from cleantext.transform import HOLDS, Breaks, Law, Page, Safety, Transform, register

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMS", "TARGETS", "Doubt", "UnifyScript", "doubts", "unify_script"]

I64 = npt.NDArray[np.int64]

# The configuration that each target applies to each script. Targets never convert regional vocabulary (the *p configurations):
# on mainland text, tw2sp turns 核心 into 内核 and 影片 into 视频, 14 errors in 10,000 characters.
TARGETS: Mapping[str, Mapping[str, str]] = {
    "hans": {"hant": "t2s"},
    "hant": {"hans": "s2t"},
    "hant-tw": {"hans": "s2tw", "hant": "t2tw"},
    "hant-hk": {"hans": "s2hk", "hant": "t2hk"},
    "jp": {"hant": "t2jp"},
}

# The regions whose forms a target writes when it converts Simplified to Traditional. "hant" uses those common to both, so it never writes
# 爲, 衆 and 羣, which are in neither standard: 161 of 380 differing characters in the 500 sentences of UD were 爲.
FORMS: Mapping[str, tuple[Group, ...]] = {"hant": (TO_TW, TO_HK), "hant-tw": (TO_TW,), "hant-hk": (TO_HK,)}

# In a page of both scripts a single character does not decide a line, since a name may keep its own spelling (主编：榮新江).
LEAST = 2


# Metadata that is converted with the text. The original value is kept as well, for example as ``title_raw``.
CONVERTED = ("title", "original_title", "source", "author", "editor")


class Work(NamedTuple):
    """Spans of texts of a batch that are converted by one converter."""

    converter: Converter
    text: I64  # index of the text, ascending
    low: I64  # code points of the batch
    high: I64


@register
@dataclass(frozen=True)
class UnifyScript(Transform):
    """Bring text into one script.

    ``to`` is a target or an OpenCC configuration. A *target* ("hans", "hant", "hant-tw", "hant-hk", "jp") is
    meant for corpora. It converts only pages in the other script; in pages of both scripts, only the paragraphs (lines)
    in the other script; and in lines of both, only the spans in it (`cleantext.script.mixture`). It does not touch paragraphs with
    kana or Hangul, Japanese and Korean pages, or places where both forms stand side by side. It does not write characters
    outside the common fonts, and converts 著 to 着 where it is the particle. A *configuration* ("t2s", "tw2sp", ...) does
    exactly what OpenCC does: it converts all text. ``rare_glyphs`` and ``zhe`` override these two switches.

    When converting to Traditional, targets write the forms of their region, and choose among several forms of a character by its
    neighbours and words (`cleantext.script.ambiguity`), whereas OpenCC takes the longest phrase.

    In a page of both scripts, "hant-tw" and "hant-hk" convert each line from its own script; if ``phrases`` change
    lengths, they convert only the Simplified lines.

    The title of a page and the names of its source, authors and editors are converted in the same way as its text. The
    original values are kept in the metadata as ``title_raw``, ``author_raw`` and so on.

    ``dictionary`` is "bundled", "opencc-python-reimplemented", a folder of OpenCC dictionaries, or a file of your own words,
    which are used with the bundled ones: one entry per line, word and replacement separated by a tab. (If there are several replacements
    separated by blanks, the first is used, as in OpenCC; in a ``.tsv`` file the whole field is the replacement.) Words in ``keep``
    are not changed. ``phrases`` are pairs of your own, applied before all others and not changed afterwards.

    >>> UnifyScript()("憑藉隨著名氣而來的發展，他的著作顯著增多")
    '凭借随着名气而来的发展，他的著作显著增多'
    >>> UnifyScript(to="s2twp")("软件里的鼠标")
    '軟體裡的滑鼠'
    """

    to: str = "hans"
    dictionary: str = BUNDLED
    keep: tuple[str, ...] = ()
    phrases: tuple[tuple[str, str], ...] = ()
    rare_glyphs: bool | None = None
    zhe: bool | None = None

    id: ClassVar[str] = "script.to"
    version: ClassVar[int] = 3
    safety: ClassVar[Safety] = Safety.LOSSY  # 乾 and 幹 become 干
    laws: ClassVar[Mapping[Law, bool | Breaks]] = {
        # True for "hans": converted text has no Traditional evidence left, so it is not converted again. Not true for OpenCC's
        # configurations: t2s maps 薴 to 苧 and 苧 to 苎.
        Law.IDEMPOTENT: HOLDS,
        Law.LINE_LOCAL: Breaks("發展\n发展", "the page decides whether a line is converted"),
        Law.KEEPS_HAN: Breaks("發展", "Han characters are what it changes"),
        Law.KEEPS_LENGTH: HOLDS,  # except for the *p configurations and phrases of the user
        Law.NEVER_GROWS: HOLDS,
        Law.KEEPS_LINES: HOLDS,
        Law.ONLY_DELETES: Breaks("發展", "characters are replaced"),
    }
    rules: ClassVar[Mapping[str, str]] = {
        "script.character": "a character has one form in the other script: 發 -> 发",
        "script.phrase": "a phrase decides between forms: 憑藉 -> 凭借",
        "script.variant": "the standard form of a region: 裏 -> 裡",
        "script.vocabulary": "the word of a region, in the *p configurations only: 软件 -> 軟體",
        "script.zhe": "著 as particle or verb is 着: 隨著 -> 随着",
        "script.compatibility": "a CJK compatibility ideograph is its unified one",
        "script.user": "a phrase of the user",
        "script.context": "the characters around decide between forms, against the longest phrase: 被髮明 -> 被發明",
    }

    def __post_init__(self) -> None:
        if self.to not in TARGETS and self.to not in CONFIGURATIONS:
            raise unknown("script", self.to, (*TARGETS, *CONFIGURATIONS))
        if isinstance(self.keep, str) or not all(self.keep):
            raise ConfigError(f"keep={self.keep!r}: give a list of words, none of them empty")
        pairs = self.phrases.items() if isinstance(self.phrases, Mapping) else self.phrases
        object.__setattr__(self, "keep", tuple(self.keep))
        object.__setattr__(self, "phrases", tuple((before, after) for before, after in pairs))
        if not all(before and after for before, after in self.phrases):
            raise ConfigError(f"phrases={self.phrases!r}: neither side of a phrase may be empty")
        if any(len(after) > LONGEST for _, after in self.phrases) or any(len(word) > LONGEST for word in self.keep):
            raise ConfigError(f"a phrase or protected word has more than {LONGEST} characters, the most that a table holds")

    @property
    def _own(self) -> tuple[tuple[str, str], ...]:
        """The words of the user: those of the file, then the phrases."""
        return (*own_words(self.dictionary, longest=LONGEST), *self.phrases) if is_own(self.dictionary) else self.phrases

    def run(self, pages: Sequence[Page]) -> Changes:
        parts: list[EditColumns] = []
        texts: dict[int, str] = {}
        restated: dict[int, Mapping[str, Any]] = {}
        first = 0
        for group in _groups(pages):
            batch = Batch.of([page.text for page in group])
            works = self._work(batch)
            out, _, edits = self._convert(batch, works, record=True)
            restated |= {first + n: said for n, said in _restated(group, works).items()}
            parts += [replace(e, page=e.page + np.int32(first)) for e in edits if len(e)]
            changed = np.unique(np.concatenate([e.page for e in edits])).tolist() if edits else []
            texts |= zip([first + n for n in changed], out.texts(changed), strict=True)
            first += len(group)
        return Changes(columns_=merged(parts), texts=texts, restated=restated)

    def fast(self, pages: Sequence[Page]) -> list[Page]:
        out: list[Page] = []
        for group in _groups(pages):
            if len(group) == 1 and self.to in CONFIGURATIONS and not (self.keep or self._own or group[0].html):
                text = "".join(self._fast([Page(piece)])[0].text for piece in _pieces(group[0].text))
                page = _with_text(group[0], text)
                said = _restated([page], self._work(Batch.of([""])))
                out.append(replace(page, metadata={**page.metadata, **said[0]}) if said else page)
            else:
                out += self._fast(group)
        return out

    def _fast(self, pages: Sequence[Page]) -> list[Page]:
        batch = Batch.of([page.text for page in pages])
        works = self._work(batch)
        converted, touched, _ = self._convert(batch, works, record=False)
        out = list(pages)
        for n, said in _restated(pages, works).items():
            out[n] = replace(out[n], metadata={**out[n].metadata, **said})
        for n, text in zip(touched, converted.texts(touched), strict=True):
            page = out[n]
            if page.html and len(text) != len(page.text):  # the edits are needed to move blocks
                return super().fast(pages)
            if text != page.text:
                out[n] = _with_text(page, text)
        return out

    def arrow(self, column: Any) -> pa.ChunkedArray:
        """Convert an Arrow column of strings through its buffers. Nulls stay null.

        >>> import pyarrow as pa
        >>> UnifyScript().arrow(pa.array(["發展", None])).to_pylist()
        ['发展', None]
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        chunks = (
            column
            if isinstance(column, pa.ChunkedArray)
            else pa.chunked_array(column if hasattr(column, "__arrow_c_stream__") else [column])
        )
        out = []
        for chunk in chunks.cast(pa.large_string()).chunks:
            texts = recoded(chunk, lambda batch: self._convert(batch, self._work(batch), record=False)[0])
            out.append(pc.if_else(chunk.is_valid(), texts, None) if chunk.null_count else texts)
        return pa.chunked_array(out, pa.large_string())

    def _convert(self, batch: Batch, works: Sequence[Work], *, record: bool) -> tuple[Batch, list[int], list[EditColumns]]:
        """Return the converted batch, the texts with converted spans, and the edits."""
        now, touched, parts = batch, np.zeros(len(batch.start) - 1, np.bool_), []
        for work in works:
            shift = (now.start - batch.start)[work.text]
            now, edits, _ = work.converter.convert(now, work.low + shift, work.high + shift, record=record)
            touched[work.text] = True
            parts += [edits] if edits is not None else []
        return now, np.flatnonzero(touched).tolist(), parts

    def _work(self, batch: Batch) -> list[Work]:
        """Return the spans of the batch to convert, by converter."""
        if self.to in CONFIGURATIONS:
            texts = np.arange(len(batch.start) - 1)
            return [Work(self._converter(self.to, zhe=bool(self.zhe)), texts, batch.start[:-1], batch.start[1:])] if len(texts) else []
        counts = counts_of(batch.points, batch.start[:-1], batch.start[1:])
        work = []
        free = np.ones(len(counts), np.bool_)
        for script, configuration in TARGETS[self.to].items():
            text, low, high = _spans(batch, counts, script, free, alone=len(TARGETS[self.to]) == 1)
            # In a page of both scripts each line gets its own direction, unless phrases may move the lines that come second.
            free[text] = all(len(before) == len(after) for before, after in self._own)
            # A page that writes 着 as often as 著 tells the two apart itself.
            zhe = (counts[text, 5] > counts[text, 6]) | (counts[text, 5] == 0)
            for chosen, on in ((zhe, self.zhe is not False), (~zhe, False)):
                if chosen.any():
                    work.append(Work(self._converter(configuration, zhe=on), text[chosen], low[chosen], high[chosen]))
        return work

    def _converter(self, configuration: str, *, zhe: bool) -> Converter:
        rare = self.to in CONFIGURATIONS if self.rare_glyphs is None else self.rare_glyphs
        return converter(
            configuration,
            dictionary=BUNDLED if is_own(self.dictionary) else self.dictionary,
            rare_glyphs=rare,
            zhe=zhe,
            forms=FORMS.get(self.to, ()) if configuration.startswith("s2") else (),
            phrases=tuple((dict(self._own) | {word: word for word in self.keep}).items()),
        )


class Doubt(NamedTuple):
    """An ambiguous place: the form that was chosen, the alternatives, and the certainty."""

    start: int  # offset in the input, in code points
    before: str
    after: str
    alternatives: str  # the other forms, the likeliest first
    margin: float  # lead of the chosen form over the likeliest other one, in nats; negative if words overruled neighbours


def doubts(
    text: str, *, to: str = "hant", dictionary: str = BUNDLED, keep: Iterable[str] = (), phrases: Mapping[str, str] | None = None
) -> list[Doubt]:
    """Return the places where a target chose among several forms of a character, the least sure first.

    This includes unchanged characters, for which there is no edit. Only "hant", "hant-tw" and "hant-hk" make such choices.

    >>> [(d.before, d.after, d.alternatives) for d in doubts("电话是在那一年被发明的", to="hant")]
    [('发', '發', '髮')]
    """
    transform = _unify(to, dictionary, tuple(keep), tuple((phrases or {}).items()))
    batch = Batch.of([text])
    found: list[Doubt] = []
    for work in transform._work(batch):  # noqa: SLF001 - of this module
        out, edits, certain = work.converter.convert(batch, work.low, work.high)
        if certain is None or edits is None:
            continue
        at = certain.at.astype(np.int32)
        start, _ = to_original(edits, np.zeros(len(at), np.int32), at, at + np.int32(1))
        rows = zip(start.tolist(), out.points[at].tolist(), certain.others.tolist(), certain.margin.tolist(), strict=True)
        found += [Doubt(low, text[low], chr(after), "".join(map(chr, filter(None, others))), margin) for low, after, others, margin in rows]
    return sorted(found, key=lambda doubt: (doubt.margin, doubt.start))


def _restated(pages: Sequence[Page], works: Sequence[Work]) -> dict[int, dict[str, Any]]:
    """Return the converted title and names of pages with the original values, for pages in which they change."""
    found: dict[int, dict[str, Any]] = {}
    if not any(page.metadata for page in pages):
        return found
    for work in works:
        said = {
            n: {key: pages[n].metadata[key] for key in CONVERTED if pages[n].metadata.get(key)}
            for n in np.unique(work.text).tolist()
            if n not in found
        }
        values = [v for facts in said.values() for value in facts.values() for v in ([value] if isinstance(value, str) else value)]
        if not values:
            continue
        batch = Batch.of(values)
        after = iter(work.converter.convert(batch, batch.start[:-1], batch.start[1:], record=False).batch.texts())
        for n, facts in said.items():
            now = {key: next(after) if isinstance(value, str) else [next(after) for _ in value] for key, value in facts.items()}
            raw = {f"{key}_raw": pages[n].metadata.get(f"{key}_raw", value) for key, value in facts.items() if now[key] != value}
            if raw:
                found[n] = {**now, **raw}
    return found


def _with_text(page: Page, text: str) -> Page:
    """Replace the text of a page by one of the same length. Like `Page.rebase` without dataclasses.replace(), which took half the time of t2s."""
    return Page(text, page.id, page.url, page.host, page.html, page.metadata, page.flags)


# Arrays of so many characters stay in the second-level cache and on the heap: with other processes running, t2s reaches 730 MB/s in
# such pieces, and 320 without pieces.
PIECE = 200_000
DESCRIPTION = re.compile("[\u2ff0-\u2fff]")


def _pieces(text: str) -> Iterator[str]:
    """Cut a long text after line breaks, which no dictionary key contains, but not near an ideographic description (of up to 64 characters)."""
    at = look = 0
    while len(text) - look > PIECE:
        cut = text.find("\n", look + PIECE) + 1
        if cut == 0:
            break
        look = cut
        if not DESCRIPTION.search(text, cut - 64, cut):
            yield text[at:cut]
            at = cut
    yield text[at:]


def _groups(pages: Sequence[Page]) -> Iterator[Sequence[Page]]:
    """Yield consecutive pages with about `PIECE` characters in total."""
    first = length = 0
    for n, page in enumerate(pages):
        length += len(page.text)
        if length > PIECE:
            yield pages[first : n + 1]
            first, length = n + 1, 0
    if first < len(pages):
        yield pages[first:]


def _spans(batch: Batch, counts: I64, script: str, free: npt.NDArray[np.bool_], *, alone: bool) -> tuple[I64, I64, I64]:
    """Return text, low and high of the spans to convert: whole pages, lines of a page, or spans of lines of both scripts.

    Unless ``alone``, the other script has its own conversion, which handles pages in it.
    """
    japanese, korean = is_foreign(counts)
    ours = is_script(counts, script)
    kana = counts[:, 3] + counts[:, 4] > 0
    whole = ours & ~kana & free
    column = 1 if script == "hant" else 2
    evidence = counts[:, column]
    other = is_script(counts, "hans" if script == "hant" else "hant")
    by_line = free & ~whole & ~japanese & ~korean & (evidence >= LEAST)
    if not alone:
        by_line &= ~other
    text = np.flatnonzero(whole)
    low, high = batch.start[text], batch.start[text + 1]
    spans: list[tuple[int, int, int]] = []
    for n in np.flatnonzero(by_line).tolist():
        a, b = batch.start[n : n + 2].tolist()
        breaks = np.flatnonzero(batch.points[a:b] == 10) + a
        line_low, line_high = np.append(a, breaks + 1), np.append(breaks, b)
        lines = counts_of(batch.points, line_low, line_high)
        plain = lines[:, 3] + lines[:, 4] == 0
        fits = plain & is_script(lines, script) & (ours[n] | (lines[:, column] >= LEAST)) & ~other[n]
        spans += [(n, *span) for span in zip(line_low[fits].tolist(), line_high[fits].tolist(), strict=True)]
        for line in np.flatnonzero(plain & ~fits & (lines[:, column] >= LEAST)).tolist():
            first, last = int(line_low[line]), int(line_high[line])
            spans += [(n, first + i, first + j) for i, j in mixed_spans(batch.points[first:last], script)]
    if alone and script == "hant":
        stray = free & other & ~by_line & ~kana
        for i, j in stray_spans(batch.points) if stray.any() else ():
            n = int(np.searchsorted(batch.start, i, "right")) - 1
            spans += [(n, i, j)] if stray[n] and j <= batch.start[n + 1] else []
    if spans:
        found = np.array(spans, np.int64)
        text, low, high = np.append(text, found[:, 0]), np.append(low, found[:, 1]), np.append(high, found[:, 2])
    order = np.argsort(low, kind="stable")
    return text[order], low[order], high[order]


def unify_script(
    text: str, *, to: str = "hans", dictionary: str = BUNDLED, keep: Iterable[str] = (), phrases: Mapping[str, str] | None = None
) -> str:
    """Bring a text into one script; `UnifyScript` explains the options, and has two more.

    >>> unify_script("隨著經濟的發展")
    '随着经济的发展'
    >>> unify_script("發展", keep=["發展"])
    '發展'
    """
    return _unify(to, dictionary, tuple(keep), tuple((phrases or {}).items()))(text)


@lru_cache(maxsize=64)
def _unify(to: str, dictionary: str, keep: tuple[str, ...], phrases: tuple[tuple[str, str], ...]) -> UnifyScript:
    return UnifyScript(to, dictionary, keep, phrases)
