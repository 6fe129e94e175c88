"""The crawl generator of the benchmarks: one seed, one crawl; what its truth says is so."""

import hashlib
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from fastwarc.warc import ArchiveIterator

import cleantext as ct
from benchmarks.crawl import Crawl, write_crawl
from benchmarks.crawling.crawl_files import TRUTH
from benchmarks.crawling.crawl_plan import PRESETS, Role, host_weights
from benchmarks.crawling.source_text import folded, jaccard, shingles


@pytest.fixture(scope="module")
def crawl():
    return Crawl(600, seed=3)


def test_one_seed_gives_one_crawl(tmp_path):
    digests = set()
    for name in ("a", "b"):
        write_crawl(tmp_path / name / "crawl.warc.gz", pages=40, kind="html", seed=5)
        digests.add(tuple(hashlib.sha256((tmp_path / name / f).read_bytes()).hexdigest() for f in ("crawl.warc.gz", "truth.parquet")))
    assert len(digests) == 1
    write_crawl(tmp_path / "c" / "crawl.warc.gz", pages=40, kind="html", seed=6)
    assert hashlib.sha256((tmp_path / "c" / "crawl.warc.gz").read_bytes()).hexdigest() not in next(iter(digests))


def test_a_page_does_not_depend_on_the_pages_asked_for_before(crawl):
    fresh = Crawl(600, seed=3)
    numbers = np.random.default_rng(0).permutation(600)[:60].tolist()
    assert [fresh.page(n).truth for n in numbers] == [crawl.page(n).truth for n in sorted(numbers, key=numbers.index)]


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_clusters_have_the_shares_that_were_asked_for(preset):
    plan, shares = Crawl(1500, preset=preset).plan, PRESETS[preset]
    for role, share in ((Role.EXACT, shares.exact), (Role.NEAR, shares.near), (Role.FAR, shares.far)):
        assert abs((plan.role == role).mean() - share) < 0.04
    sizes = np.bincount(plan.cluster[plan.cluster >= 0]) if (plan.cluster >= 0).any() else np.array([])
    assert all(sizes >= 2)
    copies = np.isin(plan.role, [Role.EXACT, Role.NEAR, Role.FAR])
    assert all(plan.cluster[copies] == plan.cluster[plan.origin[copies]])
    assert all(plan.origin[plan.role == Role.ORIGINAL] == np.flatnonzero(plan.role == Role.ORIGINAL))


def test_no_host_has_more_than_its_share():
    for hosts in (12, 200, 5000):
        weights = host_weights(hosts)
        assert weights.max() <= max(0.05, 1.5 / hosts) and abs(weights.sum() - 1) < 1e-9 and all(np.diff(weights) <= 0)


def test_the_similarity_of_a_copy_is_that_which_the_search_reports(crawl):
    """Two implementations that share nothing: numpy here, the kernels and the fold of the library there."""
    clean = {crawl.name(n): crawl.clean(n)[0] for n in range(300)}
    found = ct.find_duplicates(list(clean.values()), ids=list(clean), level="document", threshold=0.5).pairs.to_pylist()
    assert len(found) > 30
    for row in found:
        expected = jaccard(shingles(folded(clean[row["a"]])), shingles(folded(clean[row["b"]])))
        assert abs(expected - row["similarity"]) < 2e-3, row  # a code point that NFKC takes apart is left out here


def test_nothing_is_alike_that_was_not_planted():
    crawl = Crawl(800, seed=4, preset="unique")
    texts = [crawl.clean(n)[0] for n in range(len(crawl))]
    assert ct.find_duplicates(texts, level="document", threshold=0.4).pairs.num_rows == 0


def test_passages_stand_where_the_truth_says(crawl):
    taken = 0
    for n in np.flatnonzero(crawl.plan.role == Role.PASSAGE).tolist():
        text, _, (span,) = crawl.clean(n)
        source = crawl.clean(int(crawl.plan.origin[n]))[0]
        assert text[span["start"] : span["end"]] == source[span["source_start"] : span["source_end"]] != ""
        taken += 1
    assert taken > 20


def test_damage_that_is_said_to_be_repairable_is_repaired(crawl):
    damaged = [(page.shown, dict(zip(TRUTH.names, page.truth, strict=True))) for page in map(crawl.page, range(300))]
    damaged = [(shown, truth) for shown, truth in damaged if truth["damage"] == "utf-8 as cp1252"]
    assert all(ct.repair(shown) != shown for shown, _ in damaged)


@pytest.mark.parametrize("name", ["crawl.jsonl", "crawl.jsonl.zst", "crawl.parquet", "crawl.warc", "crawl.warc.gz", "tree"])
def test_every_form_holds_the_same_pages(tmp_path, name):
    path = tmp_path / name
    pages, size = write_crawl(path, pages=30, kind="html", seed=2)
    truth = pq.read_table(tmp_path / "truth.parquet").to_pylist()
    crawl = Crawl(30, seed=2, kind="html")
    assert pages == len(truth) == 30 and size > 300_000
    assert [tuple(row.values())[:2] for row in truth] == [page.truth[:2] for page in crawl]
    if ".warc" in name:
        with path.open("rb") as file:
            bodies = [record.reader.read() for record in ArchiveIterator(file)]
        assert bodies == [page.html for page in crawl]
    if name == "tree":
        assert [(path / f"{page.id}.html").read_bytes() for page in crawl] == [page.html for page in crawl]
    if name == "crawl.jsonl":
        assert [json.loads(line)["html"] for line in path.read_text("utf-8").splitlines()] == [page.decoded() for page in crawl]


def test_pages_frame_their_text_with_the_lines_that_the_truth_lists():
    crawl = Crawl(60, seed=7, kind="html")
    for page in crawl:
        truth = dict(zip(TRUTH.names, page.truth, strict=True))
        if truth["damage"] or page.host.charset != "utf-8":
            continue
        seen = ct.read_html(page.html).text
        for line in truth["text"].split("\n"):
            assert "".join(line.split()) in "".join(seen.split())
        assert sum(line in seen for line in truth["chrome"]) >= 0.9 * len(truth["chrome"])
