"""Page chrome against the development data: real articles, made-up lines of both kinds, whole pages."""

import hashlib
import json

import pytest

from cleantext.chrome import StripChrome
from cleantext.edits import apply
from cleantext.fold import view

STRIP = StripChrome()


@pytest.fixture(scope="module")
def bodies(shared):
    found = {p.parent.name: [x for x in p.read_text("utf-8").split("\n") if x.strip()] for p in sorted(shared.glob("pages/*/expected.txt"))}
    return {name: lines for name, lines in found.items() if len(lines) >= 8}


def rows(shared, kind):
    return [json.loads(line) for line in (shared / f"{kind}-lines.jsonl").read_text("utf-8").splitlines()]


def inside(body, line, at):
    return "\n".join((*body[:at], line, *body[at:]))


@pytest.mark.shared
def test_no_line_of_body_text_is_lost_in_real_articles(shared, bodies):
    assert len(bodies) >= 10
    pages = [
        (r["text"], inside(b, r["text"], len(b) if r.get("zone") == "tail" else len(b) // 2))
        for r in rows(shared, "keep")
        for b in bodies.values()
    ]
    lost = [
        t
        for (t, page), v in zip(pages, STRIP.page_decisions([p for _, p in pages]), strict=True)
        if t not in apply(page, v.edits).split("\n")
    ]
    assert lost == []


@pytest.mark.shared
def test_articles_without_chrome_come_out_as_they_went_in(shared):
    texts = [p.read_text("utf-8") for p in sorted(shared.glob("pages/*/expected.txt"))]
    assert len(texts) == 36
    assert [v.edits for v in STRIP.page_decisions(texts)] == [[]] * 36


# Share of chrome lines removed at their end of a page; vocabulary was written beside the even half. Raised only.
FLOORS = {0: 0.99, 1: 0.97}


@pytest.mark.shared
@pytest.mark.parametrize("half", FLOORS)
def test_chrome_lines_go_at_head_and_foot(shared, bodies, half):
    body = bodies["163-2"]
    alone = [r for r in rows(shared, "drop") if r["alone"] and int(hashlib.sha1(r["text"].encode()).hexdigest(), 16) % 2 == half]
    pages = [inside(body, r["text"], 1 if r["zone"] == "head" else len(body)) for r in alone]
    stay = [
        r["text"]
        for r, v, page in zip(alone, STRIP.page_decisions(pages), pages, strict=True)
        if r["text"] in apply(page, v.edits).split("\n")
    ]
    assert 1 - len(stay) / len(alone) >= FLOORS[half], stay


@pytest.mark.shared
def test_spans_are_cut_exactly_in_real_articles(shared, bodies):
    for row in rows(shared, "span"):
        if not row["category"]:
            continue  # pinyin: another transform's
        for body in bodies.values():
            page = inside(body, row["text"], len(body) // 2)
            start = len("\n".join(body[: len(body) // 2])) + 1
            assert [e.before for e in STRIP.edits(page) if start <= e.start < start + len(row["text"])] == [row["span"]], row


@pytest.mark.shared
def test_whole_pages_without_html_evidence(shared):
    """All visible lines of 36 pages: most of what is not article goes, no line of an article does."""
    from cleantext.html import read_html

    def key(line):
        return "".join(view(line).split())

    chrome = gone = 0
    for folder in sorted(p.parent for p in shared.glob("pages/*/page.html")):
        text = read_html((folder / "page.html").read_bytes()).text
        body = {key(x) for x in (folder / "expected.txt").read_text("utf-8").split("\n") if key(x)}
        optional = {key(x) for x in json.loads((folder / "meta.json").read_text("utf-8")).get("optional_lines", ())}
        lines, left = ([key(x) for x in t.split("\n")] for t in (text, STRIP(text)))
        assert not (body & set(lines)) - set(left), folder.name
        before, after = ([x for x in some if x and x not in body | optional] for some in (lines, left))
        chrome += len(before)
        gone += len(before) - len(after)
    assert gone >= 0.92 * chrome, (gone, chrome)
