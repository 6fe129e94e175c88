"""Compute the nesting depth of elements as a parser would, and remove the tags of elements beyond a maximum depth.

For each tag a parser searches the open elements: 40,000 ``<q>`` and as many ``<hr>`` take it half a minute. Here the tags
are read once with a stack that never exceeds the maximum, by the rules of the HTML standard on which elements a tag closes: an end tag
that closes nothing there does not reduce the depth here. In doubt an element stays open.
"""

from __future__ import annotations

import re
from html import unescape

__all__ = ["ATTRIBUTE", "NAME", "SPACE", "cut"]

SPACE = r"[\t\n\f\r ]"
NAME = r"[^\t\n\f\r />]"
VALUE = r"\"[^\"]*+\"|'[^']*+'|(?![\"'])[^\t\n\f\r >]*+"
ATTRIBUTE = rf"(?:{SPACE}|/)*+{NAME}[^\t\n\f\r />=]*+(?:{SPACE}*+={SPACE}*+(?:{VALUE}))?+"
# A comment, a tag (its slash, its name, its attributes and its end), or what is parsed as a comment
TOKEN = re.compile(rf"<!--(?:-?>|(?s:.*?)--!?>|(?s:.*))|<(/?)([A-Za-z]{NAME}*+)((?:{ATTRIBUTE})*+)((?:{SPACE}|/)*+)>?|<[!?/][^>]*+>?")
NAMED = re.compile(rf"(?:{SPACE}|/)*+({NAME}[^\t\n\f\r />=]*+)(?:{SPACE}*+={SPACE}*+({VALUE}))?+")
FONT_NAMES = frozenset(("color", "face", "size"))  # attributes of an HTML font element

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
ROOTS = frozenset(("html", "head", "body", "frameset"))
FORMATTING = frozenset(["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"])
HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
# Elements that end a paragraph, and begin a line
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
MARKERS = frozenset(("applet", "caption", "marquee", "object", "td", "template", "th"))  # they limit the scope of formatting elements
# Elements of foreign markup have its name as a prefix. These may contain HTML; `annotation-html` is one of them depending on its encoding.
INTEGRATION = frozenset(f"math:{name}" for name in ("annotation-html", "mi", "mn", "mo", "ms", "mtext")) | frozenset(
    f"svg:{name}" for name in ("desc", "foreignobject", "title")
)
SCOPE = MARKERS | INTEGRATION | {"math:annotation-xml", "select", "table"}
ANNOTATIONS = ("text/html", "application/xhtml+xml")
# Tags that end foreign markup
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
SPECIAL = BLOCKS | SCOPE | frozenset(["button", "colgroup", "iframe", "tbody", "tfoot", "thead", "tr"])
IMPLIED = frozenset(["dd", "dt", "li", "optgroup", "option", "p", "rb", "rp", "rt", "rtc"])  # elements with optional end tags
ROW_GROUPS = frozenset(("tbody", "tfoot", "thead", "caption", "colgroup"))
CELLS = frozenset(("td", "th"))
# Elements inside a table that a part of the table closes
CDATA = re.compile(r"]]>")
TABLES = frozenset(("table", "template"))
ALIKE = 3  # at most this many equal formatting elements are reopened
TABLE_PARTS = dict.fromkeys(ROW_GROUPS, ROW_GROUPS | CELLS | {"tr"}) | {"tr": CELLS | {"tr"}} | dict.fromkeys(CELLS, CELLS)


class _Open:
    """The open elements, and the formatting elements that a parser reopens in each block."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.formatting: list[str] = []  # "" at the start of a cell or another marker

    def place(self, wanted: frozenset[str], barriers: frozenset[str]) -> int:
        """Return the index of the innermost of these elements, -1 if there is none inside all barriers."""
        if wanted.isdisjoint(self.names):
            return -1
        for at in range(len(self.names) - 1, -1, -1):
            if self.names[at] in wanted:
                return at
            if self.names[at] in barriers:
                return -1
        return -1

    def close(self, at: int) -> None:
        """Close an element and everything in it."""
        if at < 0:
            return
        for name in self.names[at:]:
            if name in MARKERS:
                while self.formatting and self.formatting.pop():
                    pass
        del self.names[at:]

    @property
    def foreign(self) -> str:
        """The kind of foreign markup that the innermost element belongs to, "" for none."""
        return self.names[-1].partition(":")[0] if self.names and ":" in self.names[-1] else ""

    def leave(self) -> None:
        """Close foreign elements up to one that may contain HTML."""
        while self.foreign and self.names[-1] not in INTEGRATION:
            self.close(len(self.names) - 1)

    def imply(self, implied: frozenset[str] = IMPLIED) -> None:
        """Close the innermost elements whose end tags are optional."""
        while self.names and self.names[-1] in implied:
            self.close(len(self.names) - 1)

    @property
    def count(self) -> int:
        """Number of formatting elements that may be reopened, here or elsewhere."""
        return len(self.formatting) - self.formatting.count("")

    def held(self, name: str) -> list[int]:
        """Return the indices of a formatting element among those that are reopened here."""
        start = next((k for k in range(len(self.formatting), 0, -1) if not self.formatting[k - 1]), 0)
        return [k for k in range(start, len(self.formatting)) if self.formatting[k] == name]

    def start(self, name: str, attributes: str, *, closed: bool) -> str:
        """Close the elements that a start tag closes; return the element it opens, "" for none. ``closed`` means that the tag ends with a slash."""
        if self.foreign and self.names[-1] not in INTEGRATION:
            if name not in BREAKOUT and not (name == "font" and FONT_NAMES.intersection(named(attributes))):
                if f"{self.foreign}:{name}" == "math:annotation-xml" and named(attributes).get("encoding", "").lower() in ANNOTATIONS:
                    name = "annotation-html"
                return "" if closed else f"{self.foreign}:{name}"
            self.leave()
        if name in FOREIGN:
            return "" if closed else f"{name}:{name}"
        return name if self._starts(name) else ""

    def _starts(self, name: str) -> bool:
        """Close the elements that the start tag of an HTML element closes; return whether it opens one."""
        names = self.names
        list_of_options = self.place(frozenset(("select",)), SCOPE - {"select"}) if "select" in names else -1
        if name in ("select", "input") and list_of_options >= 0:
            self.close(list_of_options)
            return False
        if name == "hr":
            self.close(self.place(frozenset("p"), SCOPE | {"button"}))
        if name in ("option", "optgroup", "hr") and list_of_options >= 0:
            self.imply(IMPLIED - {"optgroup"} if name == "option" else IMPLIED)
        elif name in ("option", "optgroup"):
            self.imply(frozenset(("option",)))
        if name in VOID or name in ROOTS or (name == "form" and "form" in names):
            return False
        if name in ("rb", "rtc", "rp", "rt") and self.place(frozenset(("ruby",)), SCOPE) >= 0:
            self.imply(IMPLIED if name in ("rb", "rtc") else IMPLIED - {"rtc"})
        elif name == "table":
            self.close(self.place(frozenset((name,)), CELLS | {"caption", "template"}))
        elif name in TABLE_PARTS:
            if self.place(TABLES, frozenset()) < 0:
                return False
            while (at := self.place(TABLE_PARTS[name], TABLES)) >= 0:
                self.close(at)
        elif name in BLOCKS:
            self._start_block(name)
        elif name == "button":
            self.close(self.place(frozenset(("button",)), SCOPE))
        elif name in ("a", "nobr") and self.held(name):
            self._end(name)
        return True

    def _start_block(self, name: str) -> None:
        self.close(self.place(frozenset("p"), SCOPE | {"button"}))
        if name in HEADINGS and self.names and self.names[-1] in HEADINGS:
            self.close(len(self.names) - 1)
        elif name in ("li", "dd", "dt"):
            wanted = frozenset(("li",)) if name == "li" else frozenset(("dd", "dt"))
            self.close(self.place(wanted, SPECIAL - wanted - {"address", "div", "p"}))

    def end(self, name: str) -> None:
        """Close the elements that an end tag closes."""
        if self.foreign:
            if name in ("br", "p"):
                self.leave()
            at = len(self.names) - 1
            while at >= 0 and ":" in self.names[at]:
                if self.names[at].partition(":")[2].replace("annotation-html", "annotation-xml") == name:
                    self.close(at)
                    return
                at -= 1
        self._end(name)

    def _end(self, name: str) -> None:
        """Close the elements that the end tag of an HTML element closes."""
        wanted = frozenset((name,))
        if name in FORMATTING and (held := self.held(name)):
            self._end_formatting(name, held)
        elif name in TABLE_PARTS:
            self.close(self.place(wanted, TABLES))
        elif name in HEADINGS:
            self.close(self.place(HEADINGS, SCOPE))
        elif name in TABLES:
            self.close(self.place(wanted, TABLES - wanted))
        elif name == "form":  # its content may stay open
            at = self.place(wanted, SCOPE)
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


OPTIONS = 2000  # maximum <option> elements in a document, which are invisible; for each, a parser goes through those of its list


def cut(markup: str, *, deepest: int, formatting: int) -> str:
    """Return markup without the tags of elements beyond a depth, and of formatting elements beyond a number; their text is kept.

    If such a tag began or ended a line, it is replaced by a ``<br>``.

    >>> cut("<div>" * 5 + "春" + "</div>" * 5, deepest=3, formatting=2)
    '<div><div><div><br><br>春<br><br></div></div></div>'
    """
    is_open, dropped = _Open(), dict[str, int]()
    parts, kept, at, options = [], 0, 0, 0
    while tag := TOKEN.search(markup, at):
        at = tag.end()
        name = (tag[2] or "").lower()
        name = "template" if name == "noscript" else name  # as `canonical` will convert it
        in_html = not is_open.foreign or is_open.names[-1] in INTEGRATION  # otherwise a line break would end the foreign markup
        if not name:
            if is_open.foreign and tag[0].startswith("<![CDATA["):
                found = CDATA.search(markup, tag.start())
                at = found.end() if found else len(markup)
            continue
        if name in ROOTS and in_html:
            continue
        drops = False
        if tag[1]:
            drops = dropped.get(name, 0) > 0
            if drops:
                dropped[name] -= 1
            else:
                is_open.end(name)
        else:
            if name == "plaintext" and in_html:
                break
            options += name == "option"
            repeats = name in FORMATTING and name != "a"  # a link ends the previous one
            drops = (repeats and is_open.count >= formatting) or (name == "option" and options > OPTIONS)
            opened = "" if drops else is_open.start(name, tag[3], closed=tag[4].endswith("/"))
            raw = RAW.get(opened)
            if raw:
                found = raw.search(markup, at)
                at = found.start() if found else len(markup)
            elif opened:
                drops = len(is_open.names) >= deepest  # in this case nothing was closed
                if not drops:
                    is_open.names.append(opened)
                    is_open.formatting += [opened] * (opened in FORMATTING) + [""] * (opened in MARKERS)
            if drops:
                dropped[name] = dropped.get(name, 0) + 1
        if drops:
            parts += [markup[kept : tag.start()], "<br>" if name in BLOCKS and in_html else ""]
            kept = tag.end()
    return "".join(parts) + markup[kept:] if parts else markup


def named(attributes: str) -> dict[str, str]:
    """Return the attributes of a tag by their names; the first one if a name is repeated."""
    return {m[1].lower(): unescape((m[2] or "").strip("\"'")) for m in reversed(list(NAMED.finditer(attributes)))}
