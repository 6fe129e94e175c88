"""Plots as SVG, drawn here: the same figures give the same bytes."""

from __future__ import annotations

import math
from html import escape
from typing import Any

WIDE, LEFT, BAR = 760, 250, 18
STYLE = 'font-family="sans-serif" font-size="12" fill="#333"'
OURS, THEIRS = "#1f5f8b", "#c9a227"
OWN = ("cleantext", "the same work here", "cleantext clean", "without edits", "with edits")


def svg(height: float, parts: list[str]) -> str:
    """Return a document of a height."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{height:.0f}" viewBox="0 0 {WIDE} {height:.0f}">'
    return "\n".join([head, f'<rect width="{WIDE}" height="{height:.0f}" fill="#fff"/>', *parts, "</svg>"]) + "\n"


def bars(rows: dict[str, list[dict[str, Any]]]) -> str:
    """Return bars of speeds on a logarithmic scale, or nothing where no two engines are compared."""
    shown = {sub: [m for m in ms if m.get("speed") and "error" not in m] for sub, ms in rows.items()}
    shown = {sub: ms for sub, ms in shown.items() if len(ms) > 1 and any("ratio" in m for m in ms)}
    if not shown:
        return ""
    values = [m["speed"][0] for ms in shown.values() for m in ms]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 1e-9)
    scale = (WIDE - LEFT - 90) / max(1, high - low)
    y, parts = 8.0, []
    for sub, ms in shown.items():
        y += BAR
        parts.append(f'<text x="8" y="{y:.0f}" {STYLE} font-weight="bold">{escape(sub)}, MB/s</text>')
        for m in ms:
            y += BAR
            long = (math.log10(m["speed"][0]) - low) * scale
            color = OURS if m["engine"] in OWN else THEIRS
            parts.append(f'<text x="{LEFT - 8}" y="{y:.0f}" {STYLE} text-anchor="end">{escape(m["engine"])}</text>')
            parts.append(f'<rect x="{LEFT}" y="{y - 11:.0f}" width="{max(1, long):.1f}" height="13" fill="{color}"/>')
            parts.append(f'<text x="{LEFT + max(1, long) + 6:.1f}" y="{y:.0f}" {STYLE}>{m["speed"][0]:.3g}</text>')
        y += 6
    return svg(y + 10, parts)


def growth_plot(measures: list[dict[str, Any]]) -> str:
    """Return seconds of processor against pages, both logarithmic, with the line of proportion through the first of each row."""
    series: dict[str, list[tuple[float, float]]] = {}
    for m in measures:
        if m.get("speed") and m["unit"] == "pages/s":
            pages = float(m["engine"].split()[0].replace(",", ""))
            series.setdefault(m["row"], []).append((pages, pages / m["speed"][0]))
    points = [p for found in series.values() for p in found]
    if len(points) < 2:
        return ""
    (x0, x1), (y0, y1) = ((math.floor(math.log10(min(v))), math.ceil(math.log10(max(v)) + 1e-9)) for v in zip(*points, strict=True))
    high, left, top = 300, 70, 20

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            left + (math.log10(x) - x0) / max(1, x1 - x0) * (WIDE - left - 40),
            top + (y1 - math.log10(y)) / max(1, y1 - y0) * high,
        )

    parts = [f'<rect x="{left}" y="{top}" width="{WIDE - left - 40}" height="{high}" fill="none" stroke="#999"/>']
    parts += [
        f'<text x="{place(10**k, 10**y0)[0]:.0f}" y="{top + high + 18}" {STYLE} text-anchor="middle">10^{k}</text>'
        for k in range(x0, x1 + 1)
    ]
    parts += [
        f'<text x="{left - 8}" y="{place(10**x0, 10**k)[1] + 4:.0f}" {STYLE} text-anchor="end">{10.0**k:g}</text>'
        for k in range(y0, y1 + 1)
    ]
    parts.append(
        f'<text x="{WIDE / 2}" y="{top + high + 38}" {STYLE} text-anchor="middle">pages (across), seconds of processor (up)</text>'
    )
    for sub, found in series.items():
        found.sort()
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*p) for p in found))
        (ax, ay), bx = found[0], found[-1][0]
        even = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(ax, ay), place(bx, ay * bx / ax)))
        parts.append(f'<polyline points="{even}" fill="none" stroke="#bbb" stroke-dasharray="4 4"/>')
        parts.append(f'<polyline points="{line}" fill="none" stroke="{OURS}" stroke-width="2"/>')
        end = place(*found[-1])
        parts.append(f'<text x="{end[0] - 6:.0f}" y="{end[1] - 8:.0f}" {STYLE} text-anchor="end">{escape(sub)}</text>')
    return svg(top + high + 50, parts)
