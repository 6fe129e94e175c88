"""Choose among several Traditional forms of a Simplified character by its neighbours: 发 in 发明 is 發, in 头发 it is 髮.

OpenCC takes the longest phrase from the left, and so makes 被髮明 of 被发明 and 與制造 of 与制造. Here a linear model over the
characters around looks at each such place again. What the dictionaries said stays unless another form is ahead by `MARGIN`.

The weights, 128 kB, are learned from text and word lists (``benchmarks/make_contextmodel.py``); words are known to the model by
their characters, so no text is cut into words. A segmentation of its own (Viterbi, by frequencies of words) was measured beside it:
162,000 characters of the halves left out had 388 wrong ones against 390 of the longest match; under this model both had 304.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.data import BUNDLED
from cleantext.jit import kernel, kernel_beside
from cleantext.script.dictionaries import CONTEXT, Group, usual_forms
from cleantext.script.matching import FROZEN

__all__ = ["BITS", "MARGIN", "PRIOR", "SCALE", "Certain", "Context", "certainty", "choose", "context", "hashes", "neighbours"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

BLOCK = 1024  # characters per block, in which ambiguous places are listed first
BITS = 17  # bits of the hash of a feature
SCALE = 16  # weights are stored in sixteenths of a natural logarithm
PRIOR = 1 * SCALE  # advantage of the form that the dictionaries choose
MARGIN = 2 * SCALE  # another form must be ahead of it by so much
DOUBT = PRIOR  # a form at most so far behind is chosen if the surrounding words support it, since the prior then counts for it
LEAD = 2 * SCALE  # a form so far behind after three features is dropped
MOST = 16  # maximum number of forms of a character
FEATURES = 8  # the form alone; with one character before, behind; two before, two behind; one on each side; the second before, behind
A, B, C, D, E = 0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35, 0x5BD1E995, 0x2C1B3C6D
UA, UB, UC, UD, UE, WORD = (np.uint64(n) for n in (A, B, C, D, E, 0xFFFFFFFF))
U15, ONE, THREE, SEVEN, LOW16 = (np.uint64(n) for n in (15, 1, 3, 7, 0xFFFF))
USHIFT = np.uint64(32 - BITS)
STEPS = tuple(np.uint64(n * C) for n in range(FEATURES))
U0, U1, U2, U3, U4, U5, U6, U7 = STEPS


class Context(NamedTuple):
    """The model for one target. Numba takes a named tuple of arrays as it is."""

    site: npt.NDArray[np.uint16]  # [code point below 0x10000] -> number (from 1) of the ambiguous character, or 0
    is_site: U8  # the same as a bit set, which fits in the first-level cache
    first: I32  # start of the forms of each character
    form: I32  # forms in the features
    written: I32  # forms as the target writes them
    weight: npt.NDArray[np.int8]  # weights by hash of the feature


def neighbours(points: I32, at: I64, low: I64, high: I64) -> list[npt.NDArray[np.uint64]]:
    """Return the characters at distance -2, -1, 1 and 2 from ``at`` as features use them: Han as code points, digits as 1, letters as 2, others as 0."""
    seen = []
    for shift in (-2, -1, 1, 2):
        place = at + shift
        inside = (place >= low) & (place < high)
        c = np.where(inside, points[np.clip(place, 0, max(len(points) - 1, 0))], 0).astype(np.uint64) if len(at) else np.zeros(0, np.uint64)
        han = ((c >= 0x3400) & (c <= 0x9FFF)) | (c >= 0x20000)
        digit, letter = (c >= 48) & (c <= 57), ((c >= 65) & (c <= 90)) | ((c >= 97) & (c <= 122))
        seen.append(np.where(han, c, np.where(digit, 1, np.where(letter, 2, 0))).astype(np.uint64))
    return seen


def hashes(seen: list[npt.NDArray[np.uint64]], form: npt.NDArray[np.uint64]) -> I64:
    """Return the hashes of the features of forms in their surroundings, shape (places, `FEATURES`)."""
    p2, p1, q1, q2 = seen
    sums = [np.zeros_like(p1), p1 * UA, q1 * UA, p1 * UA + p2 * UB, q1 * UA + q2 * UB, p1 * UA + q1 * UB, p2 * UB, q2 * UB]
    h = np.stack([(s + step + form * UD) & WORD for s, step in zip(sums, STEPS, strict=True)], axis=1)
    h = h ^ h >> U15
    places: I64 = (((h * UE) & WORD) >> USHIFT).astype(np.int64)
    return places


@kernel
def _seen(points: I32, place: Any, low: Any, high: Any) -> Any:
    """Return the character at a place as features use it (see `neighbours`)."""
    if place < low or place >= high:
        return 0
    c = points[place]
    if 0x3400 <= c <= 0x9FFF or c >= 0x20000:
        return c
    if 48 <= c <= 57:
        return 1
    return 2 if 65 <= c <= 90 or 97 <= c <= 122 else 0


@kernel
def _hash(mixed: Any) -> Any:
    """Return the index of the weight of a feature."""
    h: Any = mixed & WORD
    h = h ^ h >> U15
    return ((h * UE) & WORD) >> USHIFT


def _choose_at_once(points: I32, low: I64, high: I64, marks: U8, model: Context, out: I32, tags: U8, doubt: I32, rival: I32) -> int:
    """Compute what `choose` does in NumPy."""
    span = np.repeat(np.arange(len(low)), high - low)
    at = np.concatenate([np.arange(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True)] or [np.zeros(0, np.int64)])
    bmp = points[at] < 0x10000
    at, span = at[bmp], span[bmp]
    here = (model.site[points[at]] > 0) & ((marks[at] & FROZEN == 0) if len(marks) else True)
    at, span = at[here], span[here]
    site = model.site[points[at]].astype(np.int64) - 1
    count = (model.first[site + 1] - model.first[site]).astype(np.int64)
    seen = neighbours(points, at, low[span], high[span])
    best, best_form, base = np.full(len(at), -(1 << 20)), np.zeros(len(at), np.int32), np.full(len(at), 1 << 20)
    near_best, near_base = best.copy(), base.copy()
    for k in range(int(count.max(initial=0))):
        some = np.flatnonzero(count > k)
        which = model.first[site[some]] + k
        scores = model.weight[hashes([s[some] for s in seen], model.form[which].astype(np.uint64))].astype(np.int64)
        score, near = scores.sum(axis=1), scores[:, :3].sum(axis=1)
        own = model.written[which] == out[at[some]]
        base[some[own]], near_base[some[own]] = score[own], near[own]
        rivals = some[~own]
        better = score[~own] > best[rivals]
        best[rivals[better]], best_form[rivals[better]] = score[~own][better], model.written[which[~own][better]]
        near_best[rivals] = np.maximum(near_best[rivals], near[~own])
    base[near_best < near_base - LEAD] = 1 << 20
    ahead = best > base + PRIOR + MARGIN
    out[at[ahead]] = best_form[ahead]
    if len(tags):
        tags[at[ahead]] = CONTEXT
    unsure = np.flatnonzero(~ahead & (best >= base - DOUBT))[: len(doubt)]
    doubt[: len(unsure)] = at[unsure]
    rival[: len(unsure)] = best_form[unsure]
    return len(unsure)


@kernel_beside(_choose_at_once)
def choose(points: I32, low: I64, high: I64, marks: U8, model: Context, out: I32, tags: U8, doubt: I32, rival: I32) -> int:
    """Write the forms that the model is sure of to ``out``, which holds the conversion of ``points`` by the dictionaries, place by place.

    Only within the spans ``low`` to ``high``, and where ``marks``, unless it is empty, freezes nothing. ``tags``, unless it is empty,
    takes the rule. Where the model alone, without prior and margin, has another form: the place goes to ``doubt``, the form to
    ``rival``, until these are full; returned is how many there are.
    """
    marked, record = len(marks) > 0, len(tags) > 0
    places, part = np.empty(BLOCK, np.int64), np.empty(MOST, np.int64)
    doubts: Any = np.int64(0)
    for s in range(len(low)):
        begin, end = low[s], high[s]
        for block in range(begin, end, BLOCK):
            sites: Any = np.int64(0)
            for i in range(block, min(block + BLOCK, end)):
                places[sites] = i
                c: Any = np.uint64(points[np.uint64(i)])
                sites += np.int64((np.uint64(model.is_site[(c & LOW16) >> THREE]) >> (c & SEVEN) & ONE) & np.uint64(c <= LOW16))
            for n in range(sites):
                i = places[n]
                if marked and marks[i] & FROZEN:
                    continue
                p2: Any = np.uint64(_seen(points, i - 2, begin, end))
                p1: Any = np.uint64(_seen(points, i - 1, begin, end))
                q1: Any = np.uint64(_seen(points, i + 1, begin, end))
                q2: Any = np.uint64(_seen(points, i + 2, begin, end))
                s1, s2 = p1 * UA + U1, q1 * UA + U2
                number = np.int64(model.site[points[i]])
                first, last = model.first[number - 1], model.first[number]
                best, base = np.int64(-(1 << 20)), np.int64(1 << 20)
                for k in range(first, last):
                    f: Any = np.uint64(model.form[k]) * UD
                    score = np.int64(model.weight[_hash(f)]) + np.int64(model.weight[_hash(f + s1)]) + np.int64(model.weight[_hash(f + s2)])
                    part[k - first] = score
                    if model.written[k] == out[i]:
                        base = score
                    elif score > best:
                        best = score
                if best < base - LEAD:
                    continue
                s3, s4, s5 = p1 * UA + p2 * UB + U3, q1 * UA + q2 * UB + U4, p1 * UA + q1 * UB + U5
                s6, s7 = p2 * UB + U6, q2 * UB + U7
                best, base, form = np.int64(-(1 << 20)), np.int64(1 << 20), np.int32(0)
                for k in range(first, last):
                    f = np.uint64(model.form[k]) * UD
                    score = (
                        part[k - first]
                        + np.int64(model.weight[_hash(f + s3)])
                        + np.int64(model.weight[_hash(f + s4)])
                        + np.int64(model.weight[_hash(f + s5)])
                        + np.int64(model.weight[_hash(f + s6)])
                        + np.int64(model.weight[_hash(f + s7)])
                    )
                    if model.written[k] == out[i]:
                        base = score
                    elif score > best:
                        best, form = score, model.written[k]
                if best > base + PRIOR + MARGIN:
                    out[i] = form
                    if record:
                        tags[i] = CONTEXT
                elif best >= base - DOUBT and doubts < len(doubt):
                    doubt[doubts] = i
                    rival[doubts] = form
                    doubts += 1
    return doubts  # type: ignore[no-any-return]


class Certain(NamedTuple):
    """The certainty of the forms at ambiguous places."""

    at: I64  # ascending
    others: I32  # shape (places, most): the other forms, the likeliest first, padded with 0
    margin: npt.NDArray[np.float32]  # lead of the chosen form over the best other one, in nats


def certainty(points: I32, low: I64, high: I64, marks: U8, model: Context, plain: I32, out: I32) -> Certain:
    """Return the certainty of the forms in ``out`` at each ambiguous place of the spans. ``plain`` is the conversion by the dictionaries."""
    here = np.zeros(len(points) + 1, np.int8)
    np.add.at(here, low, 1)
    np.add.at(here, high, -1)
    at = np.flatnonzero(np.cumsum(here[:-1], dtype=np.int8) > 0)
    at = at[points[at] < 0x10000]
    at = at[(model.site[points[at]] > 0) & ((marks[at] & FROZEN == 0) if len(marks) else True)]
    span = np.searchsorted(low, at, "right") - 1
    seen = neighbours(points, at, low[span], high[span])
    site = model.site[points[at]].astype(np.int64) - 1
    count = model.first[site + 1] - model.first[site]
    most = int(count.max(initial=1))
    scores, written = np.full((len(at), most), -(1 << 20), np.int64), np.zeros((len(at), most), np.int32)
    for k in range(most):
        some = np.flatnonzero(count > k)
        which = model.first[site[some]] + k
        written[some, k] = model.written[which]
        scores[some, k] = model.weight[hashes([s[some] for s in seen], model.form[which].astype(np.uint64))].astype(np.int64).sum(axis=1)
    scores += PRIOR * (written == plain[at][:, None])
    chosen = written == out[at][:, None]
    own = np.where(chosen, scores, -(1 << 20)).max(axis=1, initial=-(1 << 20))
    scores[chosen | (written == 0)] = -(1 << 20)
    order = np.argsort(-scores, axis=1, kind="stable")
    scores, written = np.take_along_axis(scores, order, 1), np.take_along_axis(written, order, 1)
    for k in range(most):  # merge forms that the region writes in the same way
        written[:, k] *= (scores[:, k] > -(1 << 20)) & ~(written[:, :k] == written[:, k : k + 1]).any(axis=1)
    empty = np.argsort(written == 0, axis=1, kind="stable")
    told = chosen.any(axis=1) & (scores[:, 0] > -(1 << 20))
    margin = ((own - scores[:, 0]) / SCALE).astype(np.float32)
    return Certain(at[told], np.take_along_axis(written, empty, 1)[told], margin[told])


@lru_cache(maxsize=8)
def context(forms: tuple[Group, ...], *, source: str = BUNDLED) -> Context:
    """Load the model, with forms as the regions of a target write them; ``forms`` as for `cleantext.script.dictionaries.compiled`."""
    with (resources.files("cleantext.data") / "contextmodel.npz").open("rb") as file, np.load(file) as data:
        characters, first, form, weight = (data[name] for name in ("characters", "first", "forms", "weights"))
    usual = usual_forms(forms, source=source)
    site = np.zeros(0x10000, np.uint16)
    site[characters] = np.arange(1, len(characters) + 1)
    written = np.array([ord(usual[c][0]) if (c := chr(point)) in usual else point for point in form.tolist()], np.int32)
    return Context(site, np.packbits(site > 0, bitorder="little"), first.astype(np.int32), form.astype(np.int32), written, weight)
