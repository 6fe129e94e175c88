"""One stage beside the packages that do the same: scripts, repair, main text, documents; and the stages in a chain."""

from __future__ import annotations

import random
from statistics import mean

from benchmarks.crawl import Crawl
from benchmarks.rows.sample_data import crawl_file, html_cases, pages_of, real_text, saved
from benchmarks.scoreboard.measured import Contender, Context, Measure, in_turn, scripts
from cleantext.repair.damage import draw_injector, garble

CONVERSIONS = {"t2s": "hant", "s2t": "hans", "s2twp": "hans", "tw2sp": "hant"}
SLOW = 20_000  # characters for a converter in pure Python
EXTRACTORS = (
    ("trafilatura", "trafilatura"),
    ("trafilatura precision", "trafilatura"),
    ("rs-trafilatura", "rs_trafilatura"),
    ("readability-lxml", "readability"),
    ("resiliparse", "resiliparse"),
    ("jusText, no stop words", "justext"),
    ("gne", "gne"),
    ("magic-html", "magic_html"),
)
SEARCHES = (
    ("rensa", "rensa"),
    ("rensa, hashes given", "rensa"),
    ("gaoya", "gaoya"),
    ("datasketch", "datasketch"),
    ("datatrove", "datatrove"),
    ("text-dedup", "text_dedup"),
    ("data-juicer", "data_juicer"),
    ("fast-dedup", "fast_dedup"),
    ("fastdedup", "fastdedup"),
)


def conversion(context: Context) -> list[Measure]:
    """Conversion of scripts: MB/s of one long text, and the share of lines equal to what OpenCC says."""
    out = []
    for configuration, script in CONVERSIONS.items():
        text, data = real_text(script, context.size(4, 20))
        path = context.work / f"{configuration}.txt"
        path.write_text(text, "utf-8")
        options = {"configuration": configuration}
        share = len(text[:SLOW].encode()) / len(text.encode())
        names = (("OpenCC", "opencc"), ("opencc-pyo3", "opencc_pyo3"), ("zhconv-rs", "zhconv_rs"))
        contenders = [Contender("cleantext", "", options=options), *(Contender(t, name, name, options) for t, name in names)]
        slow = Contender("opencc-python-reimplemented", "opencc_reimplemented", "opencc_reimplemented", options | {"limit": SLOW}, share)
        answers: dict[int, list[str]] = {}

        def judge(value: dict, answers: dict = answers) -> tuple[dict[str, float], str]:
            answers[len(answers)] = value["lines"]
            return {}, ""

        found = in_turn(f"script.{configuration}", data, "conversion", path, len(text.encode()) / 1e6, [*contenders, slow], context, judge)
        told = [m for m in found if not m.error]
        reference = next((answers[n] for n, m in enumerate(told) if m.engine == "OpenCC"), None)
        for n, m in enumerate(told):
            if reference:
                m.quality["lines as OpenCC"] = round(mean(a == b for a, b in zip(answers[n], reference, strict=False)), 4)
        out += found
    return out


def repair(context: Context) -> list[Measure]:
    """Repair beside ftfy: clean text, visible lines of pages, mojibake, real accents among mojibake."""
    from cleantext.html import read_html

    size, out = context.size(0.3, 4), []
    clean, of_clean = real_text("hans", size)
    traditional, of_traditional = real_text("hant", size)
    pages = [read_html(case.html).text for case in html_cases()[0]]
    rng = random.Random(1)
    lines = [line for line in clean.split("\n") if len(line) > 20][: int(size * 3000)]
    garbled = [(garble(line, "utf-8 as cp1252") or line, line) for line in lines]
    mixed = [shown if rng.random() < 0.3 else "À Noël, l’élève a reçu une œuvre naïve à 5 €." for shown, _ in garbled]
    sets = (
        ("clean", of_clean, pages_of(clean), None),
        ("traditional", of_traditional, pages_of(traditional), None),
        ("pages", html_cases()[1] + ", visible lines", pages, None),
        ("mojibake", "UTF-8 read as cp1252", pages_of("\n".join(g for g, _ in garbled)), "\n".join(t for _, t in garbled)),
        ("mixed", "the same among real accents", pages_of("\n".join(mixed)), None),
    )
    for name, data, texts, truth in sets:

        def judge(value: list[str], truth: str | None = truth, name: str = name, texts: list[str] = texts) -> tuple[dict[str, float], str]:
            if truth is None:
                changed = mean(a != b for a, b in zip(texts, value, strict=True))
                return ({"pages unchanged": round(1 - changed, 4)}, "") if name in ("clean", "traditional") else ({}, "")
            told = "\n".join(value).split("\n")
            return {"lines mended": round(mean(a == b for a, b in zip(told, truth.split("\n"), strict=False)), 4)}, ""

        path = saved(context, f"repair-{name}.json", texts)
        megabytes = sum(len(t.encode()) for t in texts) / 1e6
        contenders = [Contender("cleantext", ""), Contender("ftfy", "ftfy")]
        out += in_turn(f"repair.{name}", f"{data}, {len(texts):,} pages", "mending", path, megabytes, contenders, context, judge)
    return out


def extraction(context: Context) -> list[Measure]:
    """Main text from HTML: F1 and loss against expected texts, MB/s of HTML, decoded rightly for all."""
    scripts()
    import extraction as scoring

    cases, data = html_cases()
    texts = [case.html.decode(case.encoding, "replace") for case in cases]
    megabytes = sum(len(case.html) for case in cases) / 1e6

    def judge(value: list[str]) -> tuple[dict[str, float], str]:
        scores = [scoring.score(text, case) for text, case in zip(value, cases, strict=True)]
        hosts: dict[str, list[scoring.Score]] = {}
        for case, score in zip(cases, scores, strict=True):
            hosts.setdefault(case.host, []).append(score)
        figures = {
            name: mean(mean(s[k] for s in found) for found in hosts.values()) for k, name in enumerate(("F1", "precision", "recall"))
        }
        lost = {"lost": mean(s.loss for s in scores), "lost, worst page": max(s.loss for s in scores)}
        return {name: round(value, 4) for name, value in (figures | lost).items()}, ""

    seen = "its rules and models have seen these pages: of hosts left out see the row quality"
    contenders = [Contender("cleantext", "", note=seen), *(Contender(name, environment) for name, environment in EXTRACTORS)]
    path = saved(context, "extraction.json", texts)
    return in_turn("extraction", f"{data}, {megabytes:.1f} MB", "extraction", path, megabytes, contenders, context, judge)


def documents(context: Context) -> list[Measure]:
    """Near-duplicate documents at .8: pairs of a made-up crawl against exact similarities."""
    from cleantext.dedup import find_duplicates
    from cleantext.fold import kept_column

    _, megabytes, count = crawl_file(context, context.size(2, 20))
    crawl = Crawl(count)
    names, texts = [crawl.name(n) for n in range(count)], [crawl.page(n).shown for n in range(count)]
    rows = find_duplicates(texts, ids=list(range(count)), level="document", threshold=0.8, recall=0.9999).pairs.to_pylist()
    want = {tuple(sorted((r["a"], r["b"]))) for r in rows}  # exact similarities; of LSH with so high a recall
    kept = kept_column(texts)
    source = saved(context, "documents.json", {"texts": texts, "folded": [kept[i].text for i in range(count)]})

    def judge(value: dict) -> tuple[dict[str, float], str]:
        found = {tuple(sorted(p)) for p in value["pairs"]}
        quality = {"recall": len(found & want) / len(want), "precision": len(found & want) / max(1, len(found))}
        return {key: round(v, 4) for key, v in quality.items()}, value["note"]

    options = {"threshold": 0.8}
    contenders = [Contender("cleantext", "", options=options)]
    for title, environment in SEARCHES:
        name = {"rensa, hashes given": "rensa_hashes"}.get(title, environment)
        contenders.append(Contender(title, environment, name, options))
    data = f"crawl of {len(names):,} texts, {megabytes:.1f} MB, {len(want):,} pairs"
    return in_turn("documents", data, "duplicate", source, megabytes, contenders, context, judge)


def stages(context: Context) -> list[Measure]:
    """The stages of zh-web in a chain, one process: without edits and with them."""
    from cleantext.html import read_html

    size, out = context.size(0.5, 6), []
    simplified, of_simplified = real_text("hans", size)
    traditional, of_traditional = real_text("hant", size)
    rng = random.Random(2)
    whole = pages_of(traditional.encode("gbk", "ignore").decode("gbk"), 1500)[: int(size * 60)]
    damaged = [draw_injector(rng, page, pairs=60, separators=3).damage(page) for page in whole]
    sets = (
        ("statutes", of_simplified, pages_of(simplified)),
        ("traditional", of_traditional, pages_of(traditional)),
        ("pages", html_cases()[1] + ", visible lines", [read_html(case.html).text for case in html_cases()[0]]),
        ("damaged", "question marks and pinyin injected as in seed 000", damaged),
    )
    for name, data, texts in sets:
        path = saved(context, f"stages-{name}.json", texts)
        megabytes = sum(len(t.encode()) for t in texts) / 1e6
        options = {"pipeline": "zh-web"}
        contenders = [Contender("without edits", "", options=options), Contender("with edits", "", options=options)]
        out += in_turn(f"stages.{name}", f"{data}, {len(texts):,} pages", "stage", path, megabytes, contenders, context)
    return out
