"""Emoji short codes that a page left as text: `:copyright:` is ©.

Only codes of an allowlist, and only free-standing ones: `std::a::b`, `12:on:30` and `key:date:2024` contain short
codes as well, and the `emoji` package would replace them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cleantext.edits import Edit
from cleantext.transform import HOLDS, Breaks, Law, Laws, Page, PageTransform, Safety, register

__all__ = ["Shortcodes"]

# Names of at least four letters (except tm) that are not words in programs or schedules.
CODES = {
    "copyright": "©", "registered": "®", "tm": "™", "trade_mark": "™",
    "smile": "😄", "smiley": "😃", "grinning": "😀", "laughing": "😆", "joy": "😂", "rofl": "🤣", "blush": "😊", "wink": "😉", "relaxed": "☺",
    "heart_eyes": "😍", "sunglasses": "😎", "thinking": "🤔", "smirk": "😏", "sweat_smile": "😅", "sweat": "😓", "scream": "😱", "angry": "😠", "rage": "😡",
    "disappointed": "😞", "kissing_heart": "😘", "stuck_out_tongue": "😛", "sleeping": "😴", "heart": "❤", "broken_heart": "💔",
    "thumbsup": "👍", "thumbsdown": "👎", "ok_hand": "👌", "clap": "👏", "pray": "🙏", "muscle": "💪", "raised_hands": "🙌", "point_right": "👉", "point_left": "👈",
    "rocket": "🚀", "sparkles": "✨", "tada": "🎉", "gift": "🎁", "rose": "🌹", "sunny": "☀", "umbrella": "☔", "snowflake": "❄", "coffee": "☕", "beers": "🍻",
    "white_check_mark": "✅", "heavy_check_mark": "✔", "warning": "⚠", "bangbang": "‼", "interrobang": "⁉", "telephone": "☎", "email": "✉", "musical_note": "🎵",
}  # fmt: skip
# The pattern starts with the colon, followed by a lookbehind before it, so that the search goes from colon to colon.
CODE = re.compile(rf":(?<![0-9A-Za-z_:]:)({'|'.join(CODES)}):(?![0-9A-Za-z_:])")


@register
@dataclass(frozen=True)
class Shortcodes(PageTransform):
    """Replace free-standing short codes of the allowlist with their characters.

    >>> Shortcodes()("Copyright :copyright: 天山网")
    'Copyright © 天山网'
    """

    id: ClassVar[str] = "repair.shortcodes"
    characters: ClassVar[str] = "3a"  # :
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    rules: ClassVar[Mapping[str, str]] = {"shortcodes.code": "a short code of an emoji or a sign"}
    laws: ClassVar[Laws] = {
        Law.IDEMPOTENT: HOLDS,
        Law.LINE_LOCAL: HOLDS,
        Law.KEEPS_HAN: HOLDS,
        Law.KEEPS_LENGTH: Breaks(":copyright:", "codes are longer than characters"),
        Law.NEVER_GROWS: HOLDS,
        Law.KEEPS_LINES: HOLDS,
        Law.ONLY_DELETES: Breaks(":copyright:", "a character comes"),
    }

    def wants(self, text: str) -> bool:
        return ":" in text and CODE.search(text) is not None

    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        return [Edit(m.start(), m.end(), m[0], CODES[m[1]], "shortcodes.code") for m in CODE.finditer(page.text)], (), {}
