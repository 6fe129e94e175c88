"""Nothing in the rules is copied from the development data: what stands in both, longer than eight characters, has a second source.

Looked at are the words, anchors, samples and every run of literals inside the patterns of the pack, against all visible lines of the pages,
their expected texts and the made-up lines; and the names of classes and meta tags that HTML is read by, against the markup. For each that
occurs there the table names where else it comes from. Samples may not share longer runs with the pages either.
"""

import json
import re
import re._parser as sre_parse
import sys
import tomllib
from pathlib import Path

import pytest

import cleantext.chrome
from cleantext.chrome.rules.value_shapes import expand
from cleantext.fold import view
from cleantext.html import read_html
from cleantext.html.parsing.class_words import class_words

FILES = sorted((Path(cleantext.chrome.__file__).parent / "packs" / "zh-web-rules").glob("*.toml"))
LONGEST = 8  # characters that may agree by chance
SHARED_RUN = 12  # Han characters of a sample that may stand in a page


def listed(text):
    return {item.strip() for item in text.split("|")}


# Where else than in the development data a wording stands.
SOURCES = {
    "the name of an office and of its service, on the badges that all licensed sites carry": listed(
        "网络110报警服务|中国互联网举报中心|违法和不良信息举报|网上有害信息举报专区"
    ),
    "the language files of Discuz!": listed("如果您要查看本帖隐藏内容请|powered by"),
    "the interface messages of MediaWiki": listed(
        "jump to navigation|jump to search|this page was last|last edited|last modified|from wikipedia,|维基百科,自由的百科全书|wikipedia"
    ),
    "the heading that one large encyclopaedia sets on all its articles": listed("百科词条人人可编辑"),
    "the strings of WordPress and its default themes": listed(
        "leave a comment|previous post|next post|filed under|categories|continue reading|read more|load more|back to top|you may also like"
    ),
    "the buttons that platforms hand out to sites": listed(
        "share on facebook|share on twitter|分享至facebook|follow us|share this|share this article|copy link|instagram|iphone客户端"
    ),
    "the formula of a copyright notice (Berne and Universal Copyright Conventions), and of reprints": listed(
        "all right|copyright|rights reserved|rights to"
    ),
    "the footer links that law asks for (privacy, terms, imprint, advertising)": listed(
        "privacy policy|terms of use|contact us|contact us:|disclaimer|disclaimer:|advertise with us|advertise|newsletter"
    ),
    "the press's own terms: bylines, credits, disclaimers of opinion, marks of advertising": listed(
        "editing by|reporting|reporting by|published|image source|views expressed|expressed|advertisement|sponsored"
    ),
    "an English word or phrase of every interface": listed(
        "information|navigation|subscribe|subscribe to|this page|this site|technology|entertainment|publications|posted by|text size|you are here|play video"
    ),
    "JavaScript and the DOM, and scripts that sites embed": listed(
        "document.|document.write|document.write(|getelement|location.|javascript|undefined|object object|_bd_share"
    ),
}
QUOTED = {"licence.number": "the names of two licences, of 12 characters and more, as the offices that give them write them"}
NAMES = {
    "Open Graph, Dublin Core, Twitter Cards": listed("article:published_time|og:release_date|dcterms.created|twitter:title"),
    "an English word for what the element holds": listed(
        "breadcrumbs|copyright|disclaimer|navigation|pagination|promotion|published|publisher|recommend|recommended|signature|statement|subscribe|publishdate"
    ),
    "pinyin of 相关": {"xiangguan"},
}


def runs(pattern):
    """Yield the runs of literals of a pattern, those of each branch apart."""
    pending = [sre_parse.parse(pattern)]
    while pending:
        run = ""
        for op, arg in pending.pop():
            kind = str(op)
            if kind == "LITERAL":
                run += chr(arg)
                continue
            yield run
            run = ""
            if kind == "BRANCH":
                pending += arg[1]
            elif kind in ("SUBPATTERN", "ASSERT", "ASSERT_NOT"):
                pending.append(arg[-1])
            elif kind.endswith("REPEAT"):
                pending.append(arg[2])
        yield run


def test_runs_are_those_of_all_branches():
    assert {run for run in runs("ab(?:cd|e{2}f)g+(?<!hi)[jk]l") if run} == {"ab", "cd", "e", "f", "g", "hi", "l"}


@pytest.fixture(scope="module")
def rows():
    return [row for file in FILES for rows in tomllib.loads(file.read_text("utf-8")).values() for row in rows]


@pytest.fixture(scope="module")
def literals(rows):
    found = set()
    for row in rows:
        for name in ("words", "anchors", "hit", "miss"):
            found |= {line for text in row.get(name, ()) for line in text.split("\n")}
        for name in ("match", "row", "unless"):
            found |= set(runs(expand(row.get(name, ""))))
    return {view(text).strip() for text in found}


@pytest.fixture(scope="module")
def data(shared):
    made_up = [(shared / f"{kind}-lines.jsonl").read_text("utf-8").splitlines() for kind in ("keep", "drop", "span")]
    pages = [read_html(p.read_bytes()).text for p in shared.glob("pages/*/page.html")]
    pages += [p.read_text("utf-8") for p in shared.glob("pages/*/expected.txt")]
    assert len(pages) == 72
    return view("\n".join(json.loads(line)["text"] for lines in made_up for line in lines)), view("\n".join(pages))


@pytest.mark.shared
def test_what_the_pack_shares_with_the_data_has_another_source(literals, data):
    shared_with = {text for text in literals if len(text) > LONGEST and any(text in part for part in data)}
    named = set().union(*SOURCES.values())
    assert shared_with - named == set(), "name where else it stands, in SOURCES, or write it in words of your own"
    assert named - shared_with == set(), "these need no excuse any more"


@pytest.mark.shared
def test_no_sample_quotes_a_page(rows, data):
    quoted = set()
    for row in rows:
        for text in (*row.get("hit", ()), *row.get("miss", ())):
            for run in re.findall(rf"[\u3400-\u9fff]{{{SHARED_RUN},}}", view(text)):
                quoted |= {row["id"] for i in range(len(run) - SHARED_RUN + 1) if run[i : i + SHARED_RUN] in data[1]}
    assert quoted == set(QUOTED)


@pytest.mark.shared
def test_what_names_share_with_the_markup_has_another_source(shared):
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks" / "cleaning"))
    try:
        import extraction
        import left_out
    finally:
        sys.path.pop(0)
    used = {name for kind, name in left_out.in_use() if kind == "name" and len(name) > LONGEST}
    seen = set()
    for case in extraction.cases(shared / "pages"):
        seen |= left_out.names_in(case)
    assert used & seen == set().union(*NAMES.values())
    assert class_words("padding xiangguan-list") == ("padding", "xiangguan", "list")
