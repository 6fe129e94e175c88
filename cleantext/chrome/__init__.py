"""Page chrome: what stands on a page beside its text. Removed by rules that say why, or kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from cleantext.chrome.lines import judge
from cleantext.chrome.rules import Pack, load_pack
from cleantext.edits import Edit
from cleantext.errors import ConfigError
from cleantext.fold import view
from cleantext.transform import HOLDS, Breaks, Law, Page, PageTransform, Safety, register

__all__ = ["StripChrome", "strip_chrome"]


@register
@dataclass(frozen=True)
class StripChrome(PageTransform):
    """Remove share buttons, licence footers, editors' lines and their kin; salvage what they say.

    ``packs`` are names or paths of rule packs, later ones overriding earlier ones by id; ``without``
    lists rule ids to leave out. ``level`` "safe" asks for strong evidence, "aggressive" also lets weak
    evidence act at the head and the foot of a page.

    >>> StripChrome()("喀什的春天\\n文字放大 文字缩小\\n\\n今年三月,喀什古城的杏花开了,游客比往年多了一倍。")
    '喀什的春天\\n\\n今年三月,喀什古城的杏花开了,游客比往年多了一倍。'
    """

    packs: tuple[str, ...] = ("zh-web-rules",)
    without: tuple[str, ...] = ()
    level: str = "safe"

    id: ClassVar[str] = "chrome.lines"
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    rules: ClassVar[Mapping[str, str]] = {}  # those of the packs: see `pack`
    laws: ClassVar[Mapping[Law, bool | Breaks]] = {
        Law.IDEMPOTENT: Breaks("", "see tests: what stands at the edge of a page changes when the edge goes"),
        Law.LINE_LOCAL: Breaks("", "evidence comes from neighbours"),
        Law.KEEPS_HAN: Breaks("", "chrome is text too"),
        Law.KEEPS_LENGTH: Breaks("", "it deletes"),
        Law.NEVER_GROWS: HOLDS,
        Law.KEEPS_LINES: Breaks("", "it deletes lines"),
        Law.ONLY_DELETES: HOLDS,
    }

    def __post_init__(self) -> None:
        if self.level not in ("safe", "aggressive"):
            raise ConfigError(f"chrome level {self.level!r}: use 'safe' or 'aggressive'")

    @property
    def pack(self) -> Pack:
        """The compiled rules."""
        pack = load_pack(*self.packs)
        return pack.without(self.without) if self.without else pack

    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        return judge(page.text, view(page.text), self.pack, safety=self.level)


def strip_chrome(text: str, *, page: Page | None = None, rules: str | Sequence[str] = "zh-web-rules", safety: str = "safe") -> str:
    """Remove page chrome from a text; ``rules`` names packs or paths, ``safety`` is "safe" or "aggressive"."""
    packs = (rules,) if isinstance(rules, str) else tuple(rules)
    step = StripChrome(packs=packs, level=safety)
    return step(text, page=replace(page, text=text) if page else None)
