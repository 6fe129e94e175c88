"""Lines of both scripts: find the spans in the script to be converted.

A character that only one script has speaks for its neighbours: within a run of Han characters, each belongs to the script of the
nearest such character. Runs without one stay, and so do lines that set both forms side by side on purpose.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from cleantext.fold import variants
from cleantext.jit import kernel_beside
from cleantext.script.detect import HAN, HONG_KONG, SIMPLIFIED, TAIWAN, TRADITIONAL, class_table
from cleantext.script.dictionaries import pairs

__all__ = ["mixed_spans", "stray_spans"]

I32 = npt.NDArray[np.int32]

# Lines about the forms of characters.
ABOUT_FORMS = re.compile("[繁简簡正异異俗][体體]|字[形体體]|[繁简簡]化|繁[简簡]|[简簡]繁|[Tt]raditional|[Ss]implified")
RUN = re.compile("[\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003347f]+")
# Traditional characters that stray into Simplified text, in words that cannot be names: 对於, 瞭解.
YU, LIAO, JIE = ord("於"), ord("瞭"), ord("解")
BEFORE_YU = np.array([ord(c) for c in "对关由属至等位处高低基终归"], np.int32)


@lru_cache(maxsize=1)
def _simpler() -> dict[int, int]:
    """Map all forms of a character in both scripts to one form: 鍊, 鏈 and 链 are the same, since a phrase converts 項鍊 to 项链."""
    simplified = {ord(key): ord(value[0]) for key, value in pairs("TSCharacters")}
    closure = variants()
    one = {c: closure.get(c, c) for c in {*simplified, *simplified.values(), *closure}}
    links = [(one.get(a, a), one.get(b, b)) for a, b in simplified.items()]
    for phrase, answer in pairs("TSPhrases"):
        if len(phrase) == len(answer):
            links += [(one.get(ord(a), ord(a)), one.get(ord(b), ord(b))) for a, b in zip(phrase, answer, strict=True) if a != b]
    group = {c: {c} for link in links for c in link}
    for a, b in links:
        if group[a] is not group[b]:
            group[a] |= group[b]
            for c in group[b]:
                group[c] = group[a]
    return {c: min(group.get(f, {f})) for c, f in {**{c: c for c in group}, **one}.items()}


@lru_cache(maxsize=1)
def _japanese() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return the new Japanese forms, the old forms they replaced, and the new ones that are in neither GB 2312 nor Big5."""
    new, old = (frozenset(key for key, _ in pairs(f"JPShinjitaiCharacters{which}")) for which in ("", "Rev"))
    return new, old, frozenset(c for c in new if not c.encode("gb2312", "ignore") + c.encode("big5", "ignore"))


def is_japanese(line: str, traditional: str, simplified: str) -> bool:
    """Return whether a line without kana may be Japanese: it has a purely Japanese form, or all its evidence is also used in Japan.

    >>> is_japanese("国際会議", "際議", "国会"), is_japanese("国際発展", "際", "国"), is_japanese("国内發展", "發", "国")
    (True, True, False)
    """
    new, old, only = _japanese()
    return not only.isdisjoint(line) or (set(simplified) <= new and old.isdisjoint(traditional))


def has_both_forms(line: str) -> bool:
    """Return whether a line has the same word in both scripts side by side: 发(發), 頭髮／头发.

    >>> has_both_forms("头发（頭髮）"), has_both_forms("這個问题，我们討論")
    (True, False)
    """
    if ABOUT_FORMS.search(line):
        return True
    runs = RUN.findall(line)
    simpler = _simpler()
    plain = [run.translate(simpler) for run in runs]
    if any(same[i] == same[i + 1] and run[i] != run[i + 1] for run, same in zip(runs, plain, strict=True) for i in range(len(run) - 1)):
        return True  # 说說
    alone: dict[str, str] = {}
    for run, same in zip(runs, plain, strict=True):
        if alone.setdefault(same, run) != run:
            return True
    for n in range(1, len(runs)):
        # 头发（頭髮）, 他的头发（頭髮）: one run ends with the next, or begins it.
        one, other = plain[n - 1], plain[n]
        if one.endswith(other) and not runs[n - 1].endswith(runs[n]):
            return True
        if other.startswith(one) and not runs[n].startswith(runs[n - 1]):
            return True
    return False


def mixed_spans(points: I32, script: str) -> list[tuple[int, int]]:
    """Return the spans of a line in ``script`` ("hant" or "hans"); none if the line shows both forms on purpose."""
    line = points.tobytes().decode("utf-32-le", "surrogatepass")
    classes = class_table().classes[points]
    traditional = (classes == TRADITIONAL) | (classes == TAIWAN) | (classes == HONG_KONG)
    tells = np.flatnonzero(traditional | (classes == SIMPLIFIED))
    told = [[line[i] for i in tells.tolist() if traditional[i] == which] for which in (True, False)]
    if not len(tells) or is_japanese(line, "".join(told[0]), "".join(told[1])) or has_both_forms(line):
        return []
    places = np.arange(len(points))
    right = np.minimum(np.searchsorted(tells, places), len(tells) - 1)
    left = np.maximum(right - (tells[right] > places), 0)
    near = np.where(np.abs(tells[right] - places) < np.abs(places - tells[left]), tells[right], tells[left])
    gaps = np.cumsum(classes < HAN)  # constant within a run
    ours = (traditional[near] == (script == "hant")) & (gaps[near] == gaps) & (classes >= HAN)
    edges = np.flatnonzero(np.diff(ours, prepend=False, append=False))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _strays_at_once(points: I32) -> bool:
    """Compute what `has_strays` does in NumPy."""
    return bool(((points == YU) | (points == LIAO)).any())


@kernel_beside(_strays_at_once)
def has_strays(points: I32) -> bool:
    """Return whether the text has 於 or 瞭. Rare in Simplified text, so this fast check runs first."""
    seen = False
    for i in range(len(points)):
        seen |= (points[i] == YU) | (points[i] == LIAO)
    return seen


def stray_spans(points: I32) -> list[tuple[int, int]]:
    """Return the spans of 於 and 瞭 in words of Simplified text. For 瞭 the span is the whole word 瞭解, which dictionaries need."""
    if len(points) < 2 or not has_strays.sized(len(points))(points):
        return []
    at = np.flatnonzero((points == YU) | (points == LIAO))
    before, behind = points[np.maximum(at - 1, 0)], points[np.minimum(at + 1, len(points) - 1)]
    yu, liao = (points[at] == YU) & np.isin(before, BEFORE_YU), (points[at] == LIAO) & (behind == JIE)
    return [(int(i), int(i) + width) for i, width in zip(at[yu | liao], 1 + liao[yu | liao], strict=True)]
