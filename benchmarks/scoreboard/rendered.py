"""Write RESULTS.md, its plots and the README's table from results.json: nothing in them is typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.scoreboard.peer_environments import ROOT
from benchmarks.scoreboard.plots import bars, growth_plot

RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "benchmarks" / "RESULTS.md"
PLOTS = ROOT / "benchmarks" / "plots"
README = ROOT / "README.md"
BEGIN, END = "<!-- benchmarks: written by python -m benchmarks -->", "<!-- benchmarks: end -->"
INTRODUCTION = """# Results

Written by `python -m benchmarks` from results.json, in which every figure stands with its machine, date and commit. Speeds are of processor seconds, one core,
engines in turn. A ratio says how many times as fast as an engine the first one of its table was, in the same round: median (least-most). Where the load was
above 1, others used the machine: speeds are too low then, and ratios less certain.

"""
# Of the README: the row, what it is called there, and the quality that is told.
TOLD = (
    ("chain.data-juicer", "repair, whitespace, Simplified, document duplicates", ("recall", "precision")),
    ("chain.datatrove", "document duplicates, file to file", ("recall", "precision")),
    ("chain.warc", "WARC to texts without duplicates", ("recall", "precision")),
    ("documents", "document duplicates, in memory", ("recall", "precision")),
    ("extraction", "main text of HTML", ()),  # its models have seen these pages: quality on pages not seen stands under "Limits"
    ("script.t2s", "Traditional to Simplified", ("lines as OpenCC",)),
    ("script.s2t", "Simplified to Traditional", ("lines as OpenCC",)),
    ("repair.pages", "repair of pages", ()),
)


def load(path: Path = RESULTS) -> dict[str, Any]:
    """Return the results, or what is in their place before the first run."""
    return json.loads(path.read_text("utf-8")) if path.exists() else {"schema": 1, "rows": {}, "reports": {}}


def save(results: dict[str, Any], path: Path = RESULTS) -> None:
    """Write the results."""
    path.write_text(json.dumps(results, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")


def number(value: float) -> str:
    """Return a number with three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(values: list[float] | None, unit: str = "") -> str:
    """Return a median with the least and the most."""
    if not values:
        return ""
    middle, least, most = values
    return f"{number(middle)}{unit}" if least == most else f"{number(middle)}{unit} ({number(least)}-{number(most)})"


def quality(found: dict[str, float]) -> str:
    """Return figures with their names."""
    return ", ".join(f"{name} {value:.4g}" for name, value in found.items())


def escaped(text: str) -> str:
    return text.replace("|", "\\|")


def table(measures: list[dict[str, Any]]) -> list[str]:
    """Return the table of one row."""
    unit = measures[0].get("unit", "MB/s")
    ratios = any("ratio" in m for m in measures)
    head = ["", unit, *([f"{measures[0]['engine']} : it"] if ratios else []), "quality", "peak MB", ""]
    out = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for m in measures:
        if "error" in m:
            cells = ["-", *([""] if ratios else []), quality(m.get("quality", {})), "", m["error"]]
        else:
            ratio = [spread(m.get("ratio"))] if ratios else []
            cells = [
                spread(m.get("speed")),
                *ratio,
                quality(m.get("quality", {})),
                number(m["peak"]) if "peak" in m else "",
                m.get("note", ""),
            ]
        out.append(f"| {m['engine']} | {' | '.join(map(escaped, cells))} |")
    return out


def grouped(row: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the measures of a row by their sub-rows."""
    out: dict[str, list[dict[str, Any]]] = {}
    for m in row["measures"]:
        out.setdefault(m["row"], []).append(m)
    return out


def measured_on(row: dict[str, Any]) -> str:
    """Return when and on what a row was measured."""
    m = row["machine"]
    size = "quick sizes" if row["quick"] else "full sizes"
    return (
        f"{row['when']}, commit {row['commit']}, {size}, {row['rounds']} rounds; {m['cpu']}, {m['cores']} cores, load {m['load']}, "
        f"{m['loop_ns']} ns a round of an empty Python loop."
    )


def results_page(results: dict[str, Any], plots: Path = PLOTS) -> str:
    """Return RESULTS.md; write its plots."""
    plots.mkdir(exist_ok=True)
    out = INTRODUCTION.splitlines()
    for name, row in sorted(results["rows"].items()):
        out += [f"## {row['title']}: `python -m benchmarks --only {name}`", "", measured_on(row), ""]
        for sub, measures in grouped(row).items():
            out += [f"**{sub}**: {measures[0]['data']}", "", *table(measures), ""]
        picture = growth_plot(row["measures"]) if name == "growth.pages" else bars(grouped(row))
        if picture:
            (plots / f"{name}.svg").write_text(picture, "utf-8")
            out += [f"![{row['title']}](plots/{name}.svg)", ""]
    for _, report in sorted(results["reports"].items()):
        out += [f"## {report['title']}", "", f"Output of `{report['command']}`, {report['when']}.", "", *report["lines"], ""]
    return "\n".join(out).rstrip() + "\n"


def readme_table(results: dict[str, Any]) -> str:
    """Return the README's table: what is measured, how fast, beside whom, how well."""
    rows = [m | {"machine": row["machine"], "when": row["when"]} for row in results["rows"].values() for m in row["measures"]]
    out = ["| | MB/s | beside | speed, cleantext : it | quality, cleantext | quality, it |", "|---|---|---|---|---|---|"]
    for sub, title, told in TOLD:
        found = [m for m in rows if m["row"] == sub]
        own = next((m for m in found if m["engine"] in ("cleantext", "the same work here", "cleantext clean") and "error" not in m), None)
        if not own:
            continue
        first = True
        for m in found:
            if "ratio" not in m or m["engine"].startswith("cleantext"):
                continue
            mine, theirs = ({k: v for k, v in x.get("quality", {}).items() if k in told} for x in (own, m))
            cells = [title, number(own["speed"][0])] if first else ["", ""]
            out.append(f"| {' | '.join([*cells, m['engine'], spread(m['ratio']), quality(mine) if first else '', quality(theirs)])} |")
            first = False
    used = [row for name, row in sorted(results["rows"].items()) if any(sub.startswith(name) for sub, _, _ in TOLD)]
    sizes = " and ".join(sorted({"quick" if row["quick"] else "full" for row in used}))
    loads = [row["machine"]["load"] for row in used]
    when = sorted({row["when"].split()[0] for row in used})
    out += (
        [
            "",
            f"Measured {' to '.join(dict.fromkeys((when[0], when[-1])))}, {sizes} sizes; {used[0]['machine']['cpu']}, load {min(loads):g} to {max(loads):g}.",
        ]
        if used
        else []
    )
    return "\n".join(out)


def readme(text: str, results: dict[str, Any]) -> str:
    """Return the README with its table in place; as it is where there is no place for one."""
    if BEGIN not in text:
        return text
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{readme_table(results)}\n\n{END}{after}"


def render(results: dict[str, Any]) -> None:
    """Write all that is generated."""
    PAGE.write_text(results_page(results), "utf-8")
    README.write_text(readme(README.read_text("utf-8"), results), "utf-8")
