"""Cleaning as a plan: what the pipeline gives page by page, with the profiles that `learn` gives host by host."""

import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from crawl import crawl as crawled
from crawl import write_jsonl, write_warc
from hypothesis import given, settings
from hypothesis import strategies as st
from made import prose

from cleantext.chrome.hosts.repeated_lines import learn
from cleantext.cli import main
from cleantext.errors import ConfigError, InputError
from cleantext.html import read_html
from cleantext.pipeline import Pipeline
from cleantext.plan import EmbeddedRunner, Table
from cleantext.run.clean_plan import clean_plan
from cleantext.run.cluster.reading import kind_of_carried, packed, unpacked
from cleantext.run.cluster.running import clean_on
from cleantext.run.cluster.writing import parts_table, write_plan
from cleantext.run.job import clean_files
from cleantext.run.learn import with_profile
from cleantext.run.readers.carried import as_type, common
from cleantext.run.shards.settings import Settings
from cleantext.run.writers.corpus import corpus_tables
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
def test_pages_of_a_table_as_the_pipeline_cleans_them(tmp_path, html):
    pages = crawl()
    recipe = Settings(Pipeline.load("zh-web"), duplicates="off", form="parquet", record=False)
    plan = clean_plan(recipe, source="html" if html else "text")
    given = {"pages": table_of(tmp_path / "pages", pages, html=html)}
    found = EmbeddedRunner(tmp_path / "run", workers=1).run(plan, given)
    expected, learned = directly(pages, html=html)
    cleaned = [row for row in found["cleaned"].read().to_pylist() if row["tally"] is None]
    assert {row["id"]: row["text"].rstrip("\n") for row in cleaned} == {i: text.rstrip("\n") for i, text in expected.items()}
    assert found["profiles"].rows == learned == 2
    assert expected != directly(pages, html=html, learns=False)[0], "what was learned takes something"
    parts = parts_table(found["cleaned"], found["marks"], tmp_path / "parts.parquet")
    EmbeddedRunner(tmp_path / "write", workers=1).run(write_plan(found, recipe, tmp_path), {"parts": parts})
    assert sorted(row["text"] for table in corpus_tables(tmp_path) for row in table.to_pylist()) == sorted(row["text"] for row in cleaned)


# ------------------------------------------------------------------ files in, the corpus of one machine out


def inputs(folder, n=60):
    """A crawl in three forms: lines of which one is broken, a WARC file with pages of the same addresses, a table with columns of its own."""
    made = list(crawled(n, letters=80))
    folder.mkdir()
    write_jsonl(folder / "a.jsonl", made[: n // 2], broken='{"url": 3')
    write_warc(folder / "b.warc.gz", made[n // 3 :])
    table = {"url": [p.url + "x" for p in made[:9]], "html": [p.html for p in made[:9]]}
    table |= {"when": pa.array(range(9), pa.timestamp("us")), "rank": pa.array([1.5] * 9)}
    pq.write_table(pa.table(table), folder / "c.parquet")
    return folder


def outputs(folder):
    """Return all rows of a corpus and of what was dropped from it, and its tables of duplicates."""
    order = [("shard", "ascending"), ("file", "ascending"), ("record", "ascending")]
    dropped = [pq.read_table(path) for path in sorted(folder.glob("dropped*.parquet"))]
    tables = {"corpus": pa.concat_tables(corpus_tables(folder)).sort_by(order)}
    tables |= {"dropped": pa.concat_tables(dropped).sort_by(order)} if dropped else {}
    tables |= {n: pq.read_table(path) for n in ("clusters", "cuts", "boilerplate") if (path := folder / f"{n}.parquet").exists()}
    return {name: (list(zip(table.column_names, table.schema.types, strict=True)), table.to_pylist()) for name, table in tables.items()}


def same_outputs(here, there):
    """Check that two folders hold the same rows, and that their reports count the same."""
    one, other = outputs(here), outputs(there)
    assert one.keys() == other.keys()
    for name in one:
        assert one[name] == other[name], name
    one, other = (json.loads((folder / "report.json").read_text("utf-8")) for folder in (here, there))
    for report in (one, other):
        report["rules"] = {
            name: rule for name, rule in report["rules"].items() if rule["step"] != "dedup"
        }  # of edits, which are not written
        report["duplicates"] = {name: report["duplicates"].get(name) for name in ("level", "pairs", "clusters", "removable")}
    for name in (
        "pages",
        "bytes_in",
        "characters",
        "changed",
        "skipped",
        "renamed",
        "flags",
        "encodings",
        "rules",
        "duplicates",
        "failures",
    ):
        assert one[name] == other[name], name
    return one


WHERE = "han_share > 0.3 and (rank is null or rank < 11)"


@pytest.mark.parametrize(
    ("level", "form", "where"), [("passages", "parquet", WHERE), ("documents", "jsonl.gz", ""), ("lines", "parquet", "")]
)
def test_the_rows_of_one_machine(tmp_path, level, form, where):
    """Whole tables: learned hosts, ids that stood before, carried columns, duplicates and filters removed, figures of each page."""
    src, options = inputs(tmp_path / "in"), {"form": form, "duplicates": level, "remove": True, "where": where}
    clean_files(src, tmp_path / "one", workers=1, **options)
    report = clean_on(lambda folder: EmbeddedRunner(folder, workers=1), src, tmp_path / "plan", **options)
    told = same_outputs(tmp_path / "one", tmp_path / "plan")
    assert told["pages"]["failed"] == 1
    assert told["pages"]["duplicate"] > 20
    assert any(note.startswith("80 pages in = ") for note in report.notes)
    assert not (tmp_path / "plan" / ".cleantext").exists()


def test_a_run_into_the_folder_of_another(tmp_path):
    """What the earlier one wrote goes, a stopped one is taken up, and `strict` names the record that is broken."""
    src, out = inputs(tmp_path / "in", 30), tmp_path / "out"
    options = {"form": "parquet", "duplicates": "off"}
    clean_files(src, out, workers=1, where="chars > 300", **options)
    assert (out / "dropped.parquet").exists()
    done = []

    def make(folder):
        return EmbeddedRunner(folder, workers=1, progress=done.append)

    with pytest.raises(InputError, match="line 4"):
        clean_on(make, src, out, strict=True, **options)
    first, done[:] = list(done), []
    clean_on(make, src, out, **options)
    assert "cleaned" in first
    assert "written" in done
    assert "cleaned" not in done
    clean_files(src, tmp_path / "one", workers=1, **options)
    same_outputs(tmp_path / "one", out)
    assert not (out / "edits.parquet").exists()
    with pytest.raises(ConfigError, match="where"):
        clean_on(make, src, tmp_path / "bad", where="no_such_column > 1", **options)
    with pytest.raises(ConfigError, match="use --format"):
        clean_on(make, src, tmp_path / "bad", form="text")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--check"], "--check"),
        (["--workers", "2"], "spark.executor"),
        (["--edits"], "--edits"),
        (["--format", "text"], "parquet or jsonl"),
    ],
)
def test_options_of_one_machine_are_refused_on_spark(tmp_path, option, said):
    result = CliRunner().invoke(main, ["clean", str(tmp_path), "-o", str(tmp_path / "out"), "--engine", "spark", *option])
    assert result.exit_code == 2
    assert said in result.output


KINDS = [
    pa.struct([("a", pa.int64()), ("when", pa.timestamp("ns")), ("tags", pa.list_(pa.string()))]),
    pa.struct([("a", pa.float64()), ("d", pa.dictionary(pa.int32(), pa.string())), ("raw", pa.binary())]),
    pa.struct([]),
]
FIELDS = {
    "a": st.none() | st.integers(-9, 9),
    "when": st.none() | st.integers(0, 2**62),
    "tags": st.none() | st.lists(st.text(max_size=2), max_size=2),
    "d": st.none() | st.text(max_size=3),
    "raw": st.none() | st.binary(max_size=3),
}


@settings(max_examples=25)
@given(st.data())
def test_further_fields_come_back_as_one_table_has_them(data):
    """Rows of files with other fields, packed one by one and put together in any order, are what `as_type` makes of whole columns."""
    rows, kinds, expected = [], [], []
    whole = common(KINDS)
    for kind in KINDS:
        held = data.draw(st.lists(st.fixed_dictionaries({f.name: FIELDS[f.name] for f in kind}), max_size=4))
        if kind != pa.struct([]):
            children = [pa.array([row[f.name] for row in held], f.type) for f in kind]
            column = pa.StructArray.from_arrays(children, fields=list(kind))
        else:
            column = pa.array(held, kind)
        rows += packed(column, kind_of_carried(kind))
        kinds += [kind_of_carried(kind)] * len(held)
        expected.append(as_type(column, whole) if len(kind) or held else pa.array([], whole))
    order = data.draw(st.permutations(range(len(rows))))
    made = unpacked([rows[n] for n in order], [kinds[n] for n in order], whole)
    assert made.equals(pa.concat_arrays(expected).take(pa.array(order, pa.int64())))
