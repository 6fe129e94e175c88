"""Cleaning as a plan: what the pipeline gives page by page, with the profiles that `learn` gives host by host."""

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made import prose
from test_plan import rows

from cleantext.chrome.learn import learn
from cleantext.dedup import find_duplicates
from cleantext.errors import ConfigError
from cleantext.html import read_html
from cleantext.pipeline import Pipeline
from cleantext.plan import EmbeddedRunner, Table
from cleantext.run.clean_plan import clean_plan
from cleantext.run.learn import with_profile
from cleantext.transform import Page


def crawl(seed=1, hosts=3, pages=12):
    """Pages of hosts that each repeat lines of their own, one of them with too few pages to learn from; some pages come twice."""
    rng = random.Random(seed)
    made = []
    for h in range(hosts):
        frame = [f"第{h}城市频道今日要闻", prose(rng, 12).strip("。"), f"{'甲乙丙丁'[h]}网出品"]
        for n in range(pages if h else 4):
            body = [prose(rng, 70), prose(rng, 90)]
            made.append((f"{h}-{n:03d}", f"https://www{h}.example.cn/{n}.html", "\n".join([frame[0], frame[1], *body, frame[2]])))
    made += [(f"again-{i}", f"https://copy.example.cn/{i}", text) for i, _, text in made[-5:]]
    rng.shuffle(made)
    return made


def table_of(folder, pages, *, html=False, files=3):
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(files):
        ids, urls, texts = zip(*pages[n::files], strict=True)
        held = [f"<html><body><div>{t}</div></body></html>".replace("\n", "</div><div>").encode() for t in texts] if html else texts
        pq.write_table(pa.table({"id": ids, "url": urls, "html" if html else "text": held}), folder / f"{n}.parquet")
    return Table.of(sorted(folder.glob("*.parquet")), positions=True)


def directly(pages, *, html=False, files=3, learns=True):
    """Clean pages as one process does, in the order of the files: texts by id."""
    pages = [page for n in range(files) for page in pages[n::files]]
    if html:
        read = [
            (i, read_html(f"<html><body><div>{t}</div></body></html>".replace("\n", "</div><div>").encode(), url=u)) for i, u, t in pages
        ]
    else:
        read = [(i, Page(t, id=i, url=u)) for i, u, t in pages]
    hosts = {}
    for (_, url, _), (i, page) in zip(pages, read, strict=True):
        hosts.setdefault(url.split("/")[2], []).append((i, page))
    out, learned = {}, 0
    for host, held in hosts.items():
        pipeline = Pipeline.load("zh-web")
        profile = learn([p for _, p in held], host=host) if learns and len(held) >= 10 else None
        if profile and profile.hosts:
            learned += 1
            pipeline = with_profile(pipeline, profile)
        out |= {i: page.text for (i, _), page in zip(held, pipeline.fast([p for _, p in held]), strict=True)}
    return out, learned


@pytest.mark.parametrize("html", [False, True])
def test_pages_as_the_pipeline_cleans_them(tmp_path, html):
    pages = crawl()
    plan = clean_plan(Pipeline.load("zh-web"), html=html, duplicates="off")
    found = EmbeddedRunner(tmp_path / "run", workers=1).run(plan, {"pages": table_of(tmp_path / "pages", pages, html=html)})
    expected, learned = directly(pages, html=html)
    assert {row["id"]: row["text"] for row in found["written"].read().to_pylist()} == expected
    assert found["profiles"].rows == learned == 2
    assert expected != directly(pages, html=html, learns=False)[0], "what was learned takes something"


@pytest.mark.parametrize("level", ["passages", "documents"])
def test_duplicates_are_removed(tmp_path, level):
    pages = crawl(2)
    plan = clean_plan(Pipeline.load("zh-web"), duplicates=level)
    found = EmbeddedRunner(tmp_path / "run", workers=1).run(plan, {"pages": table_of(tmp_path / "pages", pages)})
    cleaned, _ = directly(pages)
    ids = list(cleaned)
    search = find_duplicates(list(cleaned.values()), ids=ids, level=level.removesuffix("s"), threshold=0.8)
    expected = {i: text for i, text in zip(ids, search.texts(), strict=True) if text.strip() or not search.edits_for(i)}
    assert {row["id"]: row["text"] for row in found["written"].read().to_pylist()} == expected
    assert len(expected) < len(pages)
    assert rows(found["pairs"].read()) == search.pairs.to_pylist()


def test_what_cannot_work_is_said():
    with pytest.raises(ConfigError, match="expected off"):
        clean_plan(Pipeline.load("zh-web"), duplicates="lines")
