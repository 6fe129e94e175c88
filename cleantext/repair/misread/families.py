"""Chinese mojibake that ftfy leaves alone or destroys: GBK and Big5 on either side, and UTF-8 if a strict inverse exists.

The damage is one decoding with the wrong table, so its inverse is one encoding with that table. A run is changed
only if all its bytes are valid in the true encoding (so the certificate holds by construction: encoding
the output gives the bytes of the displayed text), and if the output reads as Chinese to a model of words.
This must run before ftfy, which changes GBK read as latin-1 irreversibly (`ÐÂ½®` becomes `н®`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from cleantext.edits import Edit
from cleantext.repair.misread.codec_runs import SHORTEST, codec_runs
from cleantext.repair.misread.losses import BROKEN, LOSS, TRAILING, resynchronised, without_broken
from cleantext.repair.model import word_model

__all__ = ["GBK_AS_BIG5", "UTF8_AS_GBK", "family_edits"]

# Characters that occur in nearly all mojibake of a family (97-99.7 % of runs of six characters) and hardly anywhere else
# (2-5 in a million characters of 1,800 laws). Found by a greedy search; they only decide which lines are examined.
UTF8_AS_GBK = "鏈浜涓绗銆鍏瀹鍦鍥鐢姘浠鍙浼鍚鐨悊锛缁甯琛涔娉鍐鍒鍓斿绉浣渻瀵鏀鏂淇鍗鎴瑙璁鐞寤瀛澶璨閲鏍鍕璐鍜キ缍鏃寰绋鍔渚宸褰骞鑱鎵鎳鐗琚閫杩鎶瑷鎸鏉鐐欒娴绠璜埗瑾璇璩鑷熷娆呭闄鎼灏鎬闋绔鎺鍖"
GBK_AS_BIG5 = "坋﹜楊俴沭衄眕燴珛ㄛ隅蚚昢睿岈冪茼馱婓儂汜翋麼踢膘鏍峈﹝莉祥眳庈悵脤囥昜摯笭垀珨觼訧跪煦頗笢囀堍咂阨麐萇褪漆摒赻帤菴腕寞諒枑蝠尪蜇˙阭猁粕蹈嘆濂甡痐淉腎肮噫夔砦桯囷俶盓岆腔"

WINDOWS, EASTERN, TURKISH, CYRILLIC = (f"sloppy-windows-{page}" for page in (1252, 1250, 1254, 1251))
# Displayed by this codec, truly encoded in these. GBK and Big5 only where pages of the time were read that way.
LATIN = (
    ("latin-1", ("utf-8", "gb18030", "big5hkscs")),
    (WINDOWS, ("utf-8", "gb18030", "big5hkscs")),
    (EASTERN, ("utf-8", "gb18030")),
    (TURKISH, ("utf-8", "gb18030")),
    ("iso8859-2", ("utf-8", "gb18030")),
    (CYRILLIC, ("utf-8", "gb18030")),
    ("koi8-r", ("utf-8", "gb18030")),
    ("mac-roman", ("utf-8",)),
    ("cp437", ("utf-8",)),
)
SINGLE = tuple(shown for shown, _ in LATIN)
# Bytes that are punctuation or rare letters where Cyrillic was displayed: every third byte of GBK, fewer than one in ten of Russian,
# Ukrainian or Kazakh. Without those of «, », №, ё and the no-break space.
SIGNS = frozenset(range(0x80, 0xC0)) - {
    0x82,
    *range(0x84, 0x86),
    0x88,
    0x8B,
    *range(0x91, 0x98),
    0x99,
    0x9B,
    0xA0,
    0xA3,
    0xA8,
    0xAB,
    0xB3,
    0xB8,
    0xB9,
    0xBB,
    0xBC,
}
SIGNS_LEAST = 0.1
ASCII, NO_SIGNS = bytes(range(0x80)), bytes(set(range(0x100)) - SIGNS)
HAN = (("gb18030", ("utf-8",)), ("big5hkscs", ("gb18030",)), ("cp950", ("gb18030",)))
# The display of Chinese characters: six characters for two of UTF-8, pairs for three of GBK or Big5.
OTHER = "[^\x00-\x7f\u3000-\U0010ffff]"
LATIN_PAIRS = (2, re.compile(f"{OTHER}{{3}}")), (3, re.compile(f"{OTHER}[^\x00-\x3f\x7f\u3000-\U0010ffff]"))  # this many matches
# Bytes that do not occur in UTF-8, or a first byte without a second: not UTF-8, whatever else `without_broken` removes.
NEVER_UTF8 = re.compile(rb"[\xc0\xc1\xf5-\xff]|[\xc2-\xf4](?![\x80-\xbf])")
LOST_PAIR = re.compile(rb"\x80\x80|\xff")  # one of these bytes is lost in GBK: box-drawing lines displayed by KOI8-R
HAN_LETTER = re.compile("[\u3400-\u9fff]")
PIECE = re.compile(r"[^\x00-\x7f]{2,}[@-~]?")
CUT_SHORT = re.compile(r"([^\x00-\x7f\ufffd]{3,})([?\ufffd]?)")
LOST = ("?", "\ufffd")
ALONE = re.compile(r"(?<=[A-Za-z])[\u3400-\u9fff](?![^\x00-\x7f])|(?<![^\x00-\x7f])[\u3400-\u9fff](?=[A-Za-z])")
HIDDEN = re.compile("[\x80-\x9f\ue000-\uf8ff]")
NEUTRAL = re.compile("[\x00-\x7f\u2500-\u257f\u3000]+")  # characters that both mojibake and text contain: no evidence for either
# Readings of runs that were already weighed: run, bytes, encoding, text (None if the bytes are invalid in it), and whether it is displayed so
Known = dict[tuple[str, bytes, str, str | None, bool], tuple[float, str] | None]
RULES = {"utf-8": "mojibake.utf8", "gb18030": "mojibake.gbk", "big5hkscs": "mojibake.big5"}
READABLE = -9.0  # nats per character: Chinese text has -5, random characters of GBK -14
CERTAIN = -7.5  # for runs of only two characters
APART_LOST = 8  # minimum characters of Chinese for each lost one
LOST_COST = 0.5  # penalty in nats per character for a reading that lost a byte
GAIN = 3.0  # nats per character over the displayed text, if that was Han characters


def family_edits(line: str, *, latin: bool) -> list[Edit]:
    """Return the edits that decode the mojibake of a line.

    With ``latin``, examine runs of Latin letters, otherwise runs of Han characters. Of the codecs that
    may have displayed a line, the one that decodes most of it is applied first: with another one, a part may
    seem right by chance.

    >>> family_edits("ÖÐ¹úÈËÃñ£¬ÄãºÃ", latin=True)[0].after, family_edits("鏂扮枂", latin=False)[0].after
    ('中国人民，你好', '新疆')
    """
    line = line.rstrip("\n")
    if latin and not any(len(list(islice(pairs.finditer(line), least))) == least for least, pairs in LATIN_PAIRS):
        return []
    codecs, whole = LATIN if latin else HAN, (0, len(line))
    runs: list[list[tuple[int, int]]] = [[] for _ in codecs]
    shown_by = codec_runs(line, SINGLE) if latin else []
    if latin and not shown_by:
        return []
    for n, low, high in shown_by:
        runs[n].append((low, high))
    known: Known = {}
    wholes = []
    seen: set[bytes | None] = set()
    for n, (shown, trues) in enumerate(codecs):  # usually all damage in a line is of one kind
        data = _written(line, shown) if not latin or runs[n] == [whole] else None
        if data and data not in seen and (found := _decoded(line, data, shown, trues, known)):
            wholes.append(found)
            if found[2] == "utf-8":
                break
        if not latin:  # the variants of Big5 usually write the same bytes
            seen.add(data)
    if wholes:  # tables that differ in few characters can all write a line: the most readable result is right
        _, text, true = max(wholes, key=lambda found: (found[2] == "utf-8", found[0]))
        return [Edit(0, len(line), line, text, RULES[true])]
    if not latin:
        runs = [[m.span() for m in PIECE.finditer(line)]] * len(codecs)
    tries = [list(_by_codec(line, *codec, spans, known)) for codec, spans in zip(codecs, runs, strict=True) if spans and spans != [whole]]
    if not latin and ("?" in line or LOSS in line):
        tries.append(list(_cut_short(line)))
    tries = [edits for edits in tries if edits]
    tries.sort(key=lambda edits: -sum(len(e.before) for e in edits))
    edits: list[Edit] = []
    for more in tries:
        edits = sorted([*edits, *_apart(more, edits)])
    return edits


def _apart(edits: Sequence[Edit], found: Sequence[Edit]) -> Iterator[Edit]:
    """Yield the edits that overlap none of those found. Both are sorted and disjoint, so one pass is enough."""
    at = 0
    for edit in edits:
        while at < len(found) and found[at].end <= edit.start:
            at += 1
        if at == len(found) or edit.end <= found[at].start:
            yield edit


def _by_codec(line: str, shown: str, trues: tuple[str, ...], spans: Sequence[tuple[int, int]], known: Known) -> Iterator[Edit]:
    """Yield the edits of runs of a line, assuming that one codec displayed them."""
    for low, high in spans:
        run = line[low:high]
        data = _written(run, shown)
        best = _decoded(run, data, shown, trues, known) if data and len(data) >= SHORTEST else None
        if best is not None:
            yield Edit(low, high, run, best[1], RULES[best[2]])


def _cut_short(line: str) -> Iterator[Edit]:
    """Yield the edits of runs of UTF-8 read as GBK next to a lost byte: the last byte of half of all runs is lost.

    The character that it belonged to stays lost, as U+FFFD. A run after a lost byte may start with the rest of that character.
    """
    for found in CUT_SHORT.finditer(line):
        run = found[1]
        data = _written(run, "gb18030")
        before = line[found.start() - 1 : found.start()] in LOST
        if data is None or not (before or found[2]):  # a lone surrogate has no bytes
            continue
        left = len(TRAILING.match(data)[0])  # type: ignore[index]
        ahead = LOSS if left and not before else ""
        behind = found[2]
        whole = BROKEN.sub(LOSS.encode(), data[left:] + b"\xff")[:-1]  # what is broken at the end belongs to the following text
        try:
            text = whole.decode()
        except UnicodeDecodeError as error:
            if not behind or error.end < len(error.object) or "unexpected end" not in error.reason:
                continue
            text, behind = error.object[: error.start].decode(), LOSS
        if _readable(run, text.replace(LOSS, ""), "utf-8") is not None:
            yield Edit(found.start(), found.end(), found[0], ahead + text + behind, RULES["utf-8"])


def _decoded(run: str, data: bytes, shown: str, trues: tuple[str, ...], known: Known, depth: int = 0) -> tuple[float, str, str] | None:
    """Return score, text and encoding of the best reading of a run, or None. Text that was encoded twice is decoded twice.

    ``data`` is the run in the codec that displayed it. ``known`` has results for other codecs that write the same bytes.
    """
    best: tuple[float, str, str] | None = None
    for true in trues:
        if true == "utf-8":
            if NEVER_UTF8.search(data):
                continue
        elif shown in (CYRILLIC, "koi8-r") and not _has_signs(data):
            continue
        text = _strict(data, true)
        if text == run:
            text = None
        inner = _written(text, shown) if text and depth < 2 else None
        deeper = _decoded(text, inner, shown, trues, known, depth + 1) if text and inner else None
        key = (run, data, true, deeper[1] if deeper else text, depth == 0)
        if key not in known:
            known[key] = _weighed(*key)
        found = known[key]
        if found is not None and (best is None or found[0] > best[0]):
            best = (*found, true)
        if true == "utf-8" and text:  # bytes that are valid UTF-8 are nothing else
            break
    return best


def _weighed(run: str, data: bytes, true: str, text: str | None, whole: bool) -> tuple[float, str] | None:  # noqa: FBT001 - private
    """Return score and text of a run in an encoding: its text, if valid, or for a ``whole`` run the text without the lost bytes."""
    score = None if text is None else _readable(run, text, true)
    found = None if text is None or score is None else (score, text)
    damaged = _damaged(run, data, true) if whole and (score is None or score < CERTAIN) else None
    return max(found, damaged) if found and damaged else found or damaged


def _strict(data: bytes, true: str) -> str | None:
    """Return bytes decoded; None if they are invalid, or if the text encodes to other bytes."""
    try:
        text = data.decode(true)
        return text if text.encode(true) == data else None
    except UnicodeError:
        return None


def _damaged(run: str, data: bytes, true: str) -> tuple[float, str] | None:
    """Return score and text of a run that has lost bytes, at most one per `APART_LOST` characters of Chinese; or None."""
    most = len(data) // (2 * APART_LOST)  # a Chinese character has at least two bytes
    if not most:
        return None
    if true == "utf-8":
        found = without_broken(data, start=run[0] > "\u2e7f")
    else:
        found = resynchronised(data, most) if true == "gb18030" and len(LOST_PAIR.findall(data)) <= most else None
    if found is None or not found[1] or len(HAN_LETTER.findall(found[0])) < APART_LOST * found[1]:
        return None
    score = _readable(run, found[0].replace(LOSS, ""), true)
    return None if score is None else (score - LOST_COST, found[0])


def _has_signs(data: bytes) -> bool:
    """Return whether bytes displayed as Cyrillic have a larger share of `SIGNS` above ASCII than any language in Cyrillic."""
    return len(data.translate(None, NO_SIGNS)) >= SIGNS_LEAST * len(data.translate(None, ASCII))


def _written(text: str, codec: str) -> bytes | None:
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return None


def _readable(run: str, text: str, true: str) -> float | None:
    """Return how readable a decoded run is, in nats per non-ASCII character; None if it is not readable enough."""
    new = NEUTRAL.sub("", text)
    han = len(HAN_LETTER.findall(new))
    if han < 2 or (han < 3 and true != "utf-8") or HIDDEN.search(new):
        return None
    if len(ALONE.findall(text)) > 0.2 * han:  # Chinese characters do not occur singly among letters
        return None
    if true == "utf-8" and han >= 4 and 2 * han > len(new) and run[0] < "\u2e80":
        return 0.0  # twelve or more bytes are not UTF-8 by chance
    model = word_model()
    score = model.quick(new) / len(new)
    if score < (READABLE if han > 2 else CERTAIN):
        return None
    old = NEUTRAL.sub("", run)
    if old > "\u2e7f" and model.quick(old) > (score - GAIN) * len(new):
        return None
    return score
