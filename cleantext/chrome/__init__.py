"""Page chrome: the parts of a page that are not its text. Rules remove it, each with a stated reason; everything else is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, ClassVar

import numpy as np

from cleantext.changes import Changes, code_points, text_of
from cleantext.chrome.hosts.line_keys import key_hashes
from cleantext.chrome.hosts.profiles import HostProfile, host_of, load_profile, support
from cleantext.chrome.lines.decide import Decisions, PageDecision, Reason, decide
from cleantext.chrome.lines.decisions import Odds
from cleantext.chrome.lines.findings import LineCache
from cleantext.chrome.matching.line_memory import Rows
from cleantext.chrome.rules.load_packs import load_pack
from cleantext.chrome.rules.pack import Pack
from cleantext.chrome.scorer import Scorer
from cleantext.errors import ConfigError
from cleantext.fold import view_points
from cleantext.transform import HOLDS, Breaks, Law, Page, Safety, Transform, register

__all__ = ["Reason", "StripChrome", "strip_chrome"]

DEFAULT = ("zh-web-rules",)
HEADINGS = ("h1", "h2", "h3")
PREFORMATTED = "/pre"  # in the path of an element: rules apply to prose, not to code


class _Meanings(Mapping[str, str]):
    """The rules of the included pack, as a mapping of id to meaning; loaded on first access."""

    def __getitem__(self, rule: str) -> str:
        return load_pack(*DEFAULT).by_id[rule].meaning

    def __iter__(self) -> Iterator[str]:
        return iter(load_pack(*DEFAULT).by_id)

    def __len__(self) -> int:
        return len(load_pack(*DEFAULT).rules)


@register
@dataclass(frozen=True)
class StripChrome(Transform):
    r"""Remove share buttons, licence footers, editors' lines and similar chrome; salvage the metadata in them.

    ``packs`` are names or paths of rule packs, later ones overriding earlier ones by id; ``without``
    lists rule ids to leave out. A line with one of the phrases ``keep`` is always kept, like a line that a ``[[keep]]`` row of a pack
    matches. ``level`` "safe" requires strong evidence, "aggressive" also accepts weak
    evidence at the head and the foot of a page. ``profile`` is a host profile or its path: lines that
    repeat on the pages of a host are suspected there (`cleantext.chrome.hosts.profiles`); ``host`` is used for
    pages whose host is unknown. ``learned`` lets a scorer trained on labelled pages remove lines of plain text beyond those that
    rules match (`cleantext.chrome.scorer`); in HTML the main text is chosen by the markup, and only rules look at the rest.

    >>> StripChrome()("喀什的春天\n文字放大 文字缩小\n\n今年三月,喀什古城的杏花开了,游客比往年多了一倍。")
    '喀什的春天\n\n今年三月,喀什古城的杏花开了,游客比往年多了一倍。'
    """

    packs: tuple[str, ...] = DEFAULT
    without: tuple[str, ...] = ()
    level: str = "safe"
    profile: str | HostProfile = ""
    host: str = ""
    learned: bool = True
    keep: tuple[str, ...] = ()

    id: ClassVar[str] = "chrome.lines"
    version: ClassVar[int] = 4
    safety: ClassVar[Safety] = Safety.SAFE
    rules: ClassVar[Mapping[str, str]] = _Meanings()  # those of additional packs: see `pack`
    laws: ClassVar[Mapping[Law, bool | Breaks]] = {
        Law.IDEMPOTENT: HOLDS,  # rules are applied until nothing changes
        Law.LINE_LOCAL: Breaks(
            "昨夜,清河上游下了一场大雨,今晨水位涨了半米。\n责任编辑:石青",
            "a credit line goes at the foot of an article; alone it is all that there is, and stays",
        ),
        Law.KEEPS_HAN: Breaks("昨夜,清河上游下了一场大雨,今晨水位涨了半米。\n责任编辑:石青", "page chrome is Han too"),
        Law.KEEPS_LENGTH: Breaks("昨夜,清河上游下了一场大雨,今晨水位涨了半米。\n责任编辑:石青", "it deletes"),
        Law.NEVER_GROWS: HOLDS,
        Law.KEEPS_LINES: Breaks("昨夜,清河上游下了一场大雨,今晨水位涨了半米。\n责任编辑:石青", "a line goes with its line break"),
        Law.ONLY_DELETES: HOLDS,
    }

    def __post_init__(self) -> None:
        if self.level not in ("safe", "aggressive"):
            raise ConfigError(f"chrome level {self.level!r}: use 'safe' or 'aggressive'")

    @property
    def pack(self) -> Pack:
        """The compiled rules."""
        return load_pack(*self.packs, without=self.without, keep=self.keep)

    def spec(self) -> dict[str, Any]:
        """Return id, version, options, and digests of rules and profile: if one of them changes, so does the fingerprint of the pipeline."""
        known = self.known
        return {
            **super().spec(),
            "rules": self.pack.digest,
            "profile": known.digest if known else "",
            "model": self.scorer.digest if self.scorer else "",
        }

    @property
    def scorer(self) -> Scorer | None:
        """The learned scorer, if it is enabled."""
        return Scorer.of() if self.learned else None

    @property
    def known(self) -> HostProfile | None:
        """The host profile, read from its file if a path was given."""
        return (load_profile(self.profile) if isinstance(self.profile, str) else self.profile) if self.profile else None

    def page_decisions(self, texts: Sequence[str], *, hosts: Sequence[str] = ()) -> list[PageDecision]:
        """Judge many texts: edits, flags, metadata, and the reason for every removal."""
        return self._decide(texts, hosts, told=True).page_decisions() if texts else []

    def _decide(
        self,
        texts: Sequence[str],
        hosts: Sequence[str],
        *,
        marked: Sequence[bool] | None = None,
        told: bool = False,
        sure: Sequence[tuple[int, int]] = (),
    ) -> Decisions:
        """Judge many texts; those ``marked`` come from HTML, and the learned scorer is not used for them.

        ``sure`` are lines, given by text and line number, whose role is known from the HTML, so no rule removes them; the same holds for `[[keep]]` rows.

        One fold and one search for anchors serve the whole batch. ``hosts`` names the host of each text, for the profile.
        """
        cache = LineCache.of(self.pack)
        rows = Rows.split(view_points(code_points("\n".join(texts))))
        known = cache.look(rows)
        profile = self.known
        if profile and (rule := next(iter(cache.pack.of_kind["repeated"]), None)):
            ends = list(accumulate(text.count("\n") + 1 for text in texts))
            mine = zip([0, *ends], ends, hosts or [""] * len(texts), strict=False)
            learned = [(a, b, name) for a, b, host in mine if profile.lines_of(name := host or self.host)]
            hashes = key_hashes(rows)[0] if learned else np.zeros(0, np.int64)
            for a, b, name in learned:
                support(known[a:b], rows.part(a, b), hashes[a:b], profile, name, rule, cache)
        if cache.pack.of_kind["keep"]:
            folded, counts = text_of(rows.points).split("\n"), np.array([text.count("\n") + 1 for text in texts])
            kept = np.array([n for n, line in enumerate(folded) if cache.pack.keeps(line)], np.int64)
            page = np.searchsorted(np.cumsum(counts), kept, "right")
            sure = [*sure, *zip(page.tolist(), (kept - (np.cumsum(counts) - counts)[page]).tolist(), strict=True)]
        plain = np.full(len(texts), True) if marked is None else ~np.array(marked, bool)
        scorer = self.scorer if plain.any() else None
        return decide(texts, rows, known, cache, safety=self.level, scorer=scorer, plain=plain, told=told, spared=sure)

    def reasons(self, text: str) -> tuple[Reason, ...]:
        r"""Return for every removed line and part of a line the rule, and why its evidence was sufficient.

        >>> StripChrome().reasons("河水涨了。\n村里的人都到了堤上,一夜没有睡,天亮时雨停了。\n责任编辑:石青")
        (Reason(start=30, end=37, rule='meta.editor', strength='B', zone='tail', because='in the tail'),)
        """
        return self.page_decisions([text])[0].reasons

    def odds(self, texts: Sequence[str], *, hosts: Sequence[str] = ()) -> list[list[Odds]]:
        r"""Return for many texts the lines that a learned model decided on: the probability that each is page chrome, and whether it was removed for that.

        >>> [[odds]] = StripChrome().odds(["村里的人都到了堤上,一夜没有睡,天亮时雨停了。"])
        >>> odds.gone, odds.chrome < 0.5
        (False, True)
        """
        decided = self._decide(texts, hosts) if texts else None
        return [list(decided.weigh(n)) for n in range(len(texts))] if decided else []

    def run(self, pages: Sequence[Page]) -> Changes:
        return self._decided(pages).changes() if pages else Changes()

    def fast(self, pages: Sequence[Page]) -> list[Page]:
        if not pages or any(page.html for page in pages):  # blocks move with the edits
            return super().fast(pages)
        decided = self._decided(pages)
        texts = decided.changed_texts()
        out = []
        for n, page in enumerate(pages):
            flags = tuple(dict.fromkeys((*page.flags, *decided.flags[n]))) if n in decided.flags else page.flags
            out.append(Page(texts.get(n, page.text), page.id, page.url, page.host, (), {**decided.metadata[n], **page.metadata}, flags))
        return out

    def _decided(self, pages: Sequence[Page]) -> Decisions:
        """Judge many pages; their HTML tells lines that no rule removes."""
        hosts = [host_of(page) for page in pages] if self.profile else ()
        marked = [bool(page.html) for page in pages]
        sure = [(n, line) for n, page in enumerate(pages) if page.html for line in _sure_lines(page)]
        return self._decide([page.text for page in pages], hosts, marked=marked, sure=sure)


def _sure_lines(page: Page) -> Iterator[int]:
    """Yield the numbers of the lines of a page that are code, or its headline and a heading, according to their elements."""
    title = page.metadata.get("title", "")
    line = at = 0
    for block in page.html:
        headline = bool(title) and block.tag in HEADINGS and page.text[block.start : block.end].strip() == title
        if headline or PREFORMATTED in block.path:
            line, at = line + page.text.count("\n", at, block.start), block.start
            title = "" if headline else title  # only the first one
            yield line


def strip_chrome(text: str, *, page: Page | None = None, rules: str | Sequence[str] = DEFAULT, safety: str = "safe") -> str:
    r"""Remove page chrome from a text; ``rules`` names packs or paths, ``safety`` is "safe" or "aggressive".

    >>> strip_chrome("河水涨了。\n村里的人都到了堤上,一夜没有睡,天亮时雨停了。\n責任編輯:石青")
    '河水涨了。\n村里的人都到了堤上,一夜没有睡,天亮时雨停了。'
    """
    packs = (rules,) if isinstance(rules, str) else tuple(rules)
    return StripChrome(packs=packs, level=safety)(text, page=page)
