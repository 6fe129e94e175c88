"""How deep the elements of a document are open, as its parser would have them, and the document without what is opened beyond a depth.

For each tag a parser looks through the elements that are open: 40,000 ``<q>`` and as many ``<hr>`` take it half a minute. Here the tags
are read once against a stack that is never deeper than the bound, by the rules of the HTML standard for what a tag closes: an end tag
that closes nothing there lowers nothing here. In doubt an element stays open.
"""

from __future__ import annotations

import re

__all__ = ["ATTRIBUTE", "NAME", "SPACE", "cut"]

SPACE = r"[\t\n\f\r ]"
NAME = r"[^\t\n\f\r />]"
VALUE = r"\"[^\"]*+\"|'[^']*+'|(?![\"'])[^\t\n\f\r >]*+"
ATTRIBUTE = rf"(?:{SPACE}|/)*+{NAME}[^\t\n\f\r />=]*+(?:{SPACE}*+={SPACE}*+(?:{VALUE}))?+"
# A comment, a tag (its slash, its name and what is between its attributes and its end), or what is read as a comment
TOKEN = re.compile(rf"<!--(?:-?>|(?s:.*?)--!?>|(?s:.*))|<(/?)([A-Za-z]{NAME}*+)(?:{ATTRIBUTE})*+((?:{SPACE}|/)*+)>?|<[!?/][^>]*+>?")

VOID = frozenset(
    [
        "area",
        "base",
        "basefont",
        "bgsound",
        "br",
        "col",
        "embed",
        "frame",
        "hr",
        "image",
        "img",
        "input",
        "keygen",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    ]
)
RAW = {
    name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE)
    for name in ["script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"]
}
ROOTS = frozenset(("html", "head", "body"))
FORMATTING = frozenset(["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"])
HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
# Those that end a paragraph, and begin a line
BLOCKS = HEADINGS | frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "center",
        "dd",
        "details",
        "dialog",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "hgroup",
        "li",
        "listing",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "plaintext",
        "pre",
        "search",
        "section",
        "summary",
        "table",
        "ul",
        "xmp",
    ]
)
FOREIGN = frozenset(("svg", "math"))
MARKERS = frozenset(("applet", "caption", "marquee", "object", "td", "template", "th"))  # formatting ends with them
LOST = "?"  # an element that may have ended
# Where HTML may stand in foreign markup
INTEGRATION = frozenset(["annotation-xml", "desc", "font", "foreignobject", "mi", "mn", "mo", "ms", "mtext", "title"])
SCOPE = MARKERS | INTEGRATION - {"font"} | {"table"}
# What ends foreign markup
BREAKOUT = HEADINGS | frozenset(
    [
        "b",
        "big",
        "blockquote",
        "body",
        "br",
        "center",
        "code",
        "dd",
        "div",
        "dl",
        "dt",
        "em",
        "embed",
        "head",
        "hr",
        "i",
        "img",
        "li",
        "listing",
        "menu",
        "meta",
        "nobr",
        "ol",
        "p",
        "pre",
        "ruby",
        "s",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "table",
        "tt",
        "u",
        "ul",
        "var",
    ]
)
SPECIAL = BLOCKS | SCOPE | {LOST} | frozenset(["button", "colgroup", "iframe", "select", "tbody", "tfoot", "thead", "tr"])
ROW_GROUPS = frozenset(("tbody", "tfoot", "thead", "caption", "colgroup"))
CELLS = frozenset(("td", "th"))
# What a part of a table closes, of what its table holds
CDATA = re.compile(r"]]>")
TABLES = frozenset(("table", "template"))
ALIKE = 3  # formatting elements that say the same are opened anew to this number
TABLE_PARTS = dict.fromkeys(ROW_GROUPS, ROW_GROUPS | CELLS | {"tr"}) | {"tr": CELLS | {"tr"}} | dict.fromkeys(CELLS, CELLS)


class _Open:
    """The open elements, and the formatting elements that a parser opens anew in each block."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.formatting: list[str] = []  # "" where a cell or the like begins

    def place(self, wanted: frozenset[str], barriers: frozenset[str]) -> int:
        """Return the place of the innermost of these elements, -1 if there is none inside of all barriers."""
        if wanted.isdisjoint(self.names):
            return -1
        for at in range(len(self.names) - 1, -1, -1):
            if self.names[at] in wanted:
                return at
            if self.names[at] in barriers:
                return -1
        return -1

    def close(self, at: int) -> None:
        """Close an element and all in it."""
        if at < 0:
            return
        for name in self.names[at:]:
            if name in MARKERS:
                while self.formatting and self.formatting.pop():
                    pass
        del self.names[at:]

    def lose(self, at: int) -> None:
        """Let an element and all in it, which may be closed or not, close nothing and be closed from outside only."""
        self.names[at:] = [LOST] * len(self.names[at:])

    def is_foreign(self) -> bool:
        """Say whether a tag surely stands in an image or a formula."""
        return not FOREIGN.isdisjoint(self.names) and self.place(FOREIGN, INTEGRATION) >= 0

    def may_switch(self) -> bool:
        """Say whether a script, a style or the like, or CDATA, may be read otherwise than in a body."""
        return not FOREIGN.isdisjoint(self.names) or "select" in self.names

    @property
    def count(self) -> int:
        """Formatting elements that may be opened anew, here or elsewhere."""
        return len(self.formatting) - self.formatting.count("")

    def held(self, name: str) -> list[int]:
        """Return where a formatting element stands among those that are opened anew here."""
        start = next((k for k in range(len(self.formatting), 0, -1) if not self.formatting[k - 1]), 0)
        return [k for k in range(start, len(self.formatting)) if self.formatting[k] == name]

    def start(self, name: str) -> bool:
        """Close what the start tag of an element closes; say whether it opens one."""
        names = self.names
        if name in BREAKOUT and (at := self.place(FOREIGN, INTEGRATION - {"font"})) >= 0:
            if "font" in names[at:]:
                self.lose(at)
            else:
                self.close(at)
        if not FOREIGN.isdisjoint(names):
            return name not in VOID or name not in BREAKOUT  # there nothing closes anything, and hardly anything is void
        if name in ("input", "keygen", "textarea") and "select" in names:
            self.lose(names.index("select"))
        if "select" in names and name not in IN_SELECT:
            return name not in VOID
        if name == "select" and name in names:
            self.lose(names.index(name))
            return False
        if name == "hr":
            self.close(self.place(frozenset("p"), SCOPE | {"button"}))
        if name in VOID or (name == "form" and "form" in names):
            return False
        if name == "table":
            self.close(self.place(frozenset((name,)), CELLS | {"caption", "template"}))
        elif name in TABLE_PARTS:
            if self.place(TABLES, frozenset()) < 0:
                return False
            while (at := self.place(TABLE_PARTS[name], TABLES)) >= 0:
                self.close(at)
        elif name in BLOCKS:
            self._start_block(name)
        elif name in ("option", "optgroup"):
            while names and (names[-1] == "option" or (name == "optgroup" and names[-2:] == ["select", "optgroup"])):
                self.close(len(names) - 1)
        elif name == "button":
            self.close(self.place(frozenset(("button",)), SCOPE))
        elif name in ("a", "nobr") and self.held(name):
            self.end(name)
        return True

    def _start_block(self, name: str) -> None:
        self.close(self.place(frozenset("p"), SCOPE | {"button"}))
        if name in HEADINGS and self.names and self.names[-1] in HEADINGS:
            self.close(len(self.names) - 1)
        elif name in ("li", "dd", "dt"):
            wanted = frozenset(("li",)) if name == "li" else frozenset(("dd", "dt"))
            self.close(self.place(wanted, SPECIAL - wanted - {"address", "div", "p"}))

    def end(self, name: str) -> None:
        """Close what the end tag of an element closes."""
        wanted = frozenset((name,))
        if "select" in self.names and name not in IN_SELECT:
            self.close(len(self.names) - 1 if self.names[-1] == name else -1)
        elif name in FORMATTING and (held := self.held(name)):
            self._end_formatting(name, held)
        elif name in TABLE_PARTS:
            self.close(self.place(wanted, TABLES))
        elif name in HEADINGS:
            self.close(self.place(HEADINGS, SCOPE))
        elif name in TABLES:
            self.close(self.place(wanted, TABLES - wanted))
        elif name in FOREIGN:
            self.close(self.place(wanted, INTEGRATION))
        elif name in ("form", "select"):  # what is in it may stay
            at = self.place(wanted, SCOPE)
            while name == "select" and at >= 0 and self.names[-1] in ("option", "optgroup"):
                del self.names[-1]
            if at >= 0 and name == "select":
                self.lose(at + 1)
            del self.names[at : at + (at >= 0)]
        elif name in SPECIAL:
            barriers = SCOPE | {"button"} if name == "p" else SCOPE | {"ol", "ul"} if name == "li" else SCOPE
            self.close(self.place(wanted, barriers - wanted))
        else:
            self.close(self.place(wanted, SPECIAL))

    def _end_formatting(self, name: str, held: list[int]) -> None:
        at = self.place(frozenset((name,)), SCOPE)
        if at >= 0 or name not in self.names:
            del self.formatting[held[-1]]
        if at >= 0 and SPECIAL.isdisjoint(self.names[at:]):
            del self.names[at:]
        elif at >= 0 and len(held) <= ALIKE:
            del self.names[at]  # the blocks in it stay open


IN_SELECT = frozenset(("option", "optgroup", "select", *TABLES, *TABLE_PARTS))  # what may close something in a list of options
OPTIONS = 2000  # of a document, invisible; a parser goes through those of a list for each


def cut(markup: str, *, deepest: int, formatting: int) -> str:
    """Return markup without the tags of elements beyond a depth, and of formatting elements beyond a number; their text stays.

    Where such a tag began or ended a line, a ``<br>`` does.

    >>> cut("<div>" * 5 + "春" + "</div>" * 5, deepest=3, formatting=2)
    '<div><div><div><br><br>春<br><br></div></div></div>'
    """
    is_open, dropped = _Open(), dict[str, int]()
    parts, kept, at, doubtful, options = [], 0, 0, 0, 0
    while tag := TOKEN.search(markup, at):
        at = tag.end()
        name = (tag[2] or "").lower()
        name = "template" if name == "noscript" else name  # as `canonical` will have it
        if name in ROOTS and not is_open.may_switch():
            continue
        drops = False
        if tag[1]:
            drops = dropped.get(name, 0) > 0
            if drops:
                dropped[name] -= 1
            elif tag.start() >= doubtful:
                is_open.end(name)
        elif (tag[3] or "").endswith("/") and (name in FOREIGN or (is_open.is_foreign() and name not in BREAKOUT)):
            continue  # it is closed at once
        else:
            ends = CDATA if is_open.may_switch() and tag[0].startswith("<![CDATA[") else RAW.get(name)
            if ends and at > doubtful:
                found = ends.search(markup, at if name else tag.start())
                end = found.start() if found else len(markup)
                if is_open.may_switch():  # what follows is text or tags: what it opens counts, what it closes does not
                    doubtful = end
                    at = at if name else tag.start() + 9
                elif name:
                    at = end
                    continue
            if not name:
                continue
            if name == "plaintext" and not is_open.may_switch():
                break
            options += name == "option"
            repeats = name in FORMATTING and name != "a"  # a link ends the one before it
            drops = (repeats and is_open.count >= formatting) or (name == "option" and options > OPTIONS)
            if not drops and is_open.start(name):
                drops = len(is_open.names) >= deepest  # then nothing was closed
                if not drops:
                    is_open.names.append(name)
                    is_open.formatting += [name] * (name in FORMATTING) + [""] * (name in MARKERS)
            if drops:
                dropped[name] = dropped.get(name, 0) + 1
        if drops:
            parts += [markup[kept : tag.start()], "<br>" if name in BLOCKS else ""]
            kept = tag.end()
    return "".join(parts) + markup[kept:] if parts else markup
