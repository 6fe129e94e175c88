"""Measure `cleantext.decode` and `cleantext.repair` on simulated damage, with planted truth.

    python benchmarks/repair.py [--data ../shared/data] [--lines 20000] [--only families,lost,slips,clean,decode,speed,model]

prints all tables in two to four minutes. The clean text is that of ``dedup/``: laws (Simplified) and moj (Traditional), cuv
(both). Margins and rules of slip repair are made on the first half of the documents (``--half first``) and measured on the second.

Not wholly held out: the marker characters, which only decide what is looked at, were drawn from both halves; failures
of the second half were read once, which led to two rules (no characters of the other script, no full stop twice between the same
characters), and it was measured again after each round of work on the first. Both halves are laws, by the same authors. The word
model comes from jieba's dictionary and has seen neither.
"""

from __future__ import annotations

import argparse
import difflib
import io
import json
import random
import re
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import zstandard

from cleantext.data import opencc_text
from cleantext.decode import decode
from cleantext.repair import STEPS, GbkSlips, Mojibake, PinyinInjections, repair
from cleantext.repair.damage import FAMILIES, FOLDED, draw_injector, garble
from cleantext.repair.misread.latin import ftfy_safe, gated
from cleantext.repair.model import STEP, WordModel, word_list
from cleantext.repair.pinyin import CANDIDATE
from cleantext.repair.shifted import certified
from cleantext.transform import Page

SHOWN = 4
COLUMNS = "| damage | lines | slipped | whole line exact | runs | run precision | of distinct runs | certificates | unresolved | other lines exact | pinyin precision | recall |"
HAN = re.compile("[\u3400-\u9fff]")


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in zstandard.ZstdDecompressor().stream_reader(path.open("rb")).read().splitlines()]


def lines_of(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def half_of(rows: list, half: str) -> list:
    middle = len(rows) // 2
    return rows[:middle] if half == "first" else rows[middle:]


class Corpus:
    """One half of both sets, line by line, as documents."""

    def __init__(self, data: Path, half: str) -> None:
        laws, moj = read(data / "dedup" / "laws.jsonl.zst"), read(data / "dedup" / "moj.jsonl.zst")
        self.cuv = read(data / "dedup" / "cuv.jsonl.zst")
        self.everything = laws + moj
        self.simplified = [lines_of(d["text"]) for d in half_of(laws, half)]
        self.traditional = [lines_of(d["text"]) for d in half_of(moj, half)]
        to_traditional = {ord(row[0]): row.split("\t")[1].split()[0] for row in opencc_text("STCharacters").splitlines()}
        self.converted = [[line.translate(to_traditional) for line in d] for d in self.simplified]


def in_gbk(line: str) -> bool:
    try:
        line.encode("gbk")
    except UnicodeEncodeError:
        return False
    return "?" not in line


def families(corpus: Corpus, wanted: int) -> None:
    print("## Mojibake, lines of >= 10 Han characters, 40 a page\n")
    print("| family | lines | invertible | exact of these | ftfy exact | MB/s | ftfy MB/s |\n|---|---|---|---|---|---|---|")
    chance = random.Random(5)
    failures: dict[str, list[tuple[str, str, str]]] = {}
    for family in FAMILIES:
        sets = [corpus.traditional] if "big5 as" in family else [corpus.simplified, corpus.traditional]
        lines = [
            line for docs in sets for doc in docs for line in doc if len(HAN.findall(line)) >= 10 and ("gbk" not in family or in_gbk(line))
        ]
        if "big5 as" in family:
            lines = [line for line in lines if line.encode("big5hkscs", "ignore").decode("big5hkscs", "ignore") == line]
        lines = chance.sample(lines, min(wanted // 4, len(lines)))
        pairs = [(g, line) for line in lines if (g := garble(line, family))]
        right = theirs = 0
        took = took_theirs = 0.0
        for i in range(0, len(pairs), 40):
            page = "\n".join(g for g, _ in pairs[i : i + 40])
            start = time.perf_counter()
            fixed = Mojibake()(page).split("\n")
            took += time.perf_counter() - start
            start = time.perf_counter()
            ftfys = ftfy_safe(page).split("\n")
            took_theirs += time.perf_counter() - start
            # U+0085 in mojibake is no line break for ours and for split; lengths agree
            for (g, line), ours, other in zip(pairs[i : i + 40], fixed, ftfys, strict=True):
                right += ours == line
                theirs += other == line
                if ours != line:
                    failures.setdefault(family, []).append((g, line, ours))
        size = sum(len(g.encode()) for g, _ in pairs) / 1e6
        n = max(1, len(pairs))
        print(
            f"| {family} | {len(lines)} | {len(pairs) / len(lines):.3f} | {right / n:.4f} | {theirs / n:.4f} | {size / max(took, 1e-9):.1f} | {size / max(took_theirs, 1e-9):.1f} |"
        )
    print("\nFailures (shown, true, ours):")
    for family, rows in failures.items():
        for g, line, ours in rows[:3]:
            print(f"- {family} ({len(rows)}): {g[:30]!r} | {line[:24]!r} | {ours[:30]!r}")


def lost(corpus: Corpus, wanted: int) -> None:
    """Print how much comes back where one byte in a thousand was lost before the text was read wrongly."""
    print("\n## Mojibake with one byte in a thousand lost\n")
    print("| family | lines with a loss | characters back | flagged |\n|---|---|---|---|")
    chance = random.Random(9)
    for family in FAMILIES:
        if "twice" in family or "as big5" in family or "big5 as" in family:
            continue
        (written, shown), *_ = FAMILIES[family]
        lines = [line for doc in corpus.simplified for line in doc if len(HAN.findall(line)) >= 10 and in_gbk(line)]
        lines = chance.sample(lines, min(wanted // 4, len(lines)))
        back = size = hit = flagged = 0
        for line in lines:
            data = line.encode(written)
            cut = bytes(b for b in data if chance.random() > 0.001)
            if cut == data:
                continue
            hit += 1
            fixed = Mojibake().run([Page(cut.decode(shown, "replace"))])
            text = Mojibake()(cut.decode(shown, "replace"))
            flagged += bool(fixed.metadata.get(0, {}).get("lost_characters"))
            matcher = difflib.SequenceMatcher(None, line, text, autojunk=False)
            back += sum(block.size for block in matcher.get_matching_blocks())
            size += len(line) - (len(data) - len(cut)) - cut.decode(shown, "replace").count("\ufffd")  # what reading it lost, too
        print(f"| {family} | {hit} of {len(lines)} | {min(1, back / max(1, size)):.3f} | {flagged / max(1, hit):.2f} |")


def injected(corpus: Corpus, wanted: int) -> None:
    print("\n## Pinyin and slips: table, separators, folding drawn per document of <= 60 lines\n")
    print(f"{COLUMNS}\n{'|---' * (COLUMNS.count('|') - 1)}|")
    rows = {
        "44 pairs, separators, kept": {"pairs": 44, "private": True},
        "400 pairs, separators, kept": {"pairs": 400, "private": True},
        "separators only, kept": {"pairs": 0, "private": True},
        "200 pairs, folded, kept": {"pairs": 200, "private": True, "folds": True},
        "200 pairs, dropped": {"pairs": 200, "private": False},
        "separators only, Simplified": {"pairs": 0, "private": True, "simplified": True},
    }
    for name, options in rows.items():
        injected_row(corpus, name, wanted, **options)


def injected_row(
    corpus: Corpus, name: str, wanted: int, *, simplified: bool = False, examples: int = SHOWN, seed: str | None = None, **options
) -> None:
    chance = random.Random(seed or name)
    docs = list(corpus.simplified if simplified else corpus.converted + corpus.traditional)
    chance.shuffle(docs)
    n: Counter[str] = Counter()
    wrong: list[str] = []
    distinct: dict[tuple[str, str], bool] = {}
    for doc in docs:
        lines = [line for line in doc if in_gbk(line)][:60]
        if n["lines"] >= wanted or not lines:
            continue
        injector = draw_injector(chance, "".join(lines), separators=chance.choice([1, 2, 3, 7]), **options)
        shown = [injector.damage(line) for line in lines]
        true = [line.translate(FOLDED) if injector.folds else line for line in lines]
        page = "\n".join(shown)
        changes = GbkSlips().run([Page(page)])
        mended = GbkSlips()(page)
        out = PinyinInjections()(mended).split("\n")
        planted = mended.count("(") - sum(line.count("(") for line in true)
        removed = len(PinyinInjections().edits(mended))
        n["planted"] += planted
        n["removed"] += removed
        n["wrongly"] += sum(
            e.before.count("(") for e in PinyinInjections().edits(mended) if e.before not in "".join(f"({r})" for _, r in injector.table)
        )
        n["unresolved"] += len(changes.metadata.get(0, {}).get("slip_unresolved", []))
        for s, t, o in zip(shown, true, out, strict=True):
            n["lines"] += 1
            kind = "slipped" if s.count("?") > t.count("?") else "other"
            n[kind] += 1
            n[kind + " exact"] += o == t
            if o != t and kind == "slipped":
                wrong.append(f"{differing(o, t)}")
        runs(n, distinct, changes.edits(0), shown, true)
    print(
        f"| {name} | {n['lines']} | {n['slipped']} | {n['slipped exact'] / max(1, n['slipped']):.3f} | {n['runs']} | {n['right'] / max(1, n['runs']):.3f} | {sum(distinct.values()) / max(1, len(distinct)):.3f} | {n['certified'] / max(1, n['runs']):.3f} "
        f"| {n['unresolved']} | {n['other exact'] / max(1, n['other']):.5f} | {1 - n['wrongly'] / max(1, n['removed']):.5f} | {n['removed'] / max(1, n['planted']):.5f} |"
    )
    for row in wrong[:examples]:
        print(f"    {row}")


def differing(ours: str, true: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(ours, true, strict=False)) if a != b), 0)
    return f"{ours[max(0, at - 6) : at + 12]!r} for {true[max(0, at - 6) : at + 12]!r}"


def runs(n: Counter[str], distinct: dict[tuple[str, str], bool], edits, shown: list[str], true: list[str]) -> None:
    """Count the runs that stand in the true line where they should: what is left of them, repaired, ends the truth's prefix."""
    low = 0
    for s, t in zip(shown, true, strict=True):
        done, at = "", 0
        for e in edits:
            if low <= e.start < low + len(s):
                done = CANDIDATE.sub("", done + s[at : e.start - low] + e.after)
                at = e.end - low
                n["runs"] += 1
                n["certified"] += certified(e.before, e.after)
                beside = done[: -len(e.after)][-5:].rpartition("?")[2]  # what stands left of it may not be mended
                right = t.startswith(done) or beside + e.after in t
                n["right"] += right
                distinct[e.before, e.after] = distinct.get((e.before, e.after), True) and right
        low += len(s) + 1


NEGATIVE = {
    "lesson": "我(wǒ)們(men)學(xué)習(xí)漢(hàn)語(yǔ)，發(fā)音(yīn)要(yào)準(zhǔn)確(què)。\n" * 20,
    "lesson, Simplified": "我(wǒ)们(men)学(xué)习(xí)汉(hàn)语(yǔ)，发(fā)音(yīn)要(yào)准(zhǔn)确(què)。\n" * 20,
    "dictionary": "".join(
        f"{c} [{r}] 部首：口。{c}({r})：古同“某”。\n"
        for c, r in zip("發經設區質業貿產優續關", ["fā", "jīng", "shè", "qū", "zhì", "yè", "mào", "chǎn", "yōu", "xù", "guān"], strict=True)
    ),
    "chat": "真的吗?!不会吧???他说?，我说?。怎么办?！啊啊?!?!\n你在哪?、在干嘛?:)\n啥?;不懂?？\n" * 50,
    "about 锟斤拷": "“锟斤拷”和“烫烫烫”、“屯屯屯”是程序员熟悉的乱码，来自替换字符\ufffd。鏂扮枂、ä¸­æ–‡这样的乱码也常见吗？\n",
    "Japanese": "これはペンです。東京は日本の首都で、ｶﾀｶﾅも使います？！「はい」と答えた。\n" * 20,
    "Korean": "이것은 한국어 문장입니다. 大韓民國의 수도는 서울입니까?! 네.\n" * 20,
    "Uyghur": "شىنجاڭ ئۇيغۇر ئاپتونوم رايونى، ئۈرۈمچى شەھىرى؟!\n" * 20,
    "Kazakh": "قازاق ٴتىلى — تۇركى تىلدەرىنىڭ ٴبىرى. Қазақ тілі — түркі тілдерінің бірі?!\n" * 20,
    "Russian": "Привет, «мир»! Съешь ещё этих мягких французских булок?! ВГРС\n" * 20,
    "French": "À Noël, l’élève a reçu une œuvre « naïve » à 5 €, n’est-ce pas ?! ÉÈÀÇ\n" * 20,
    "Russian capitals": "РОССИЯ И УКРАИНА, МОСКВА; ЗАЯВЛЕНИЕ МИНИСТЕРСТВА ВНУТРЕННИХ ДЕЛ: НЕТ ВОЙНЕ\nВнимание! СКИДКА 50 %, №1 в «Мире»\n"
    * 20,
    "Ukrainian": "Їжак їв її їжу, ґанок, є й інші; Київ — столиця України: № 5 «Вісті»\n" * 20,
    "Polish, Czech": "Zażółć gęślą jaźń. ŁÓDŹ, ŚWIĘTO ŻÓŁTE. Příliš žluťoučký kůň úpěl ďábelské ódy. ŽLUŤOUČKÝ KŮŇ\n" * 20,
    "Hungarian, Romanian": "Árvíztűrő tükörfúrógép, ÁRVÍZTŰRŐ TÜKÖRFÚRÓGÉP. Știință și învățământ, ȘCOALĂ, ţară, Ţările\n" * 20,
    "Turkish": "Pijamalı hasta yağız şoföre çabucak güvendi. İĞÜŞÖÇ, ŞİŞLİ, ÇAĞRI ÖĞÜT\n" * 20,
    "boxes": "╔══════╗\n║ меню ║\n╚══════╝ ├──┤ │ └── файл.txt ▀▄█▌▐░▒▓\n" * 20,
    "German": "ÄÖÜß äöü ÜBERGRÖSSE, STRAßE, Maßstäbe — „Größe“?!\n" * 20,
    "Vietnamese": "Tiếng Việt là ngôn ngữ của người Việt; Đảng, Nhà nước?!\n" * 20,
    "code": "x = a ? b : c; // 条件?：真\nre.sub(r'\\?(\\w+)\\)', s)\nfoo?.bar ?? baz\nif (a && b) { std::cout << \"&nbsp;\"; }\n" * 20,
}


def clean(corpus: Corpus, _wanted: int) -> None:
    print("\n## No false change\n")
    lines = changed = characters = 0
    examples = []
    for document in corpus.everything + [{"text": "\n".join(v[k] for v in corpus.cuv)} for k in ("hant", "hans")]:
        text = document["text"]
        lines += len(lines_of(text))
        for step in STEPS[:-1]:  # zero-width characters do stand in some laws, and go
            for e in step.edits(text):
                changed += 1
                characters += len(e.before)
                examples.append((step.id, e))
    print(f"laws, moj, cuv: {lines} lines, {changed} edits, {characters} characters changed (controls apart)")
    for x in examples[:10]:
        print("   ", x)
    for name, text in NEGATIVE.items():
        edits = [(s.id, e) for s in STEPS for e in s.edits(text)]
        print(f"{name}: {len(edits)} edits", edits[:2] or "")

    marks = edits = 0
    chance = random.Random(11)
    for document in corpus.simplified + corpus.traditional + corpus.converted:
        share = chance.choice([0.02, 0.1, 0.4])
        parts = re.split("([！？；：，。、])", "\n".join(document[:60]))
        for i in range(1, len(parts), 2):
            if chance.random() < share:
                parts[i] = chance.choice(["?", "?", "?", "??", "?！", "?？"]) + parts[i]
                marks += 1
        edits += len(GbkSlips().edits("".join(parts)))
    print(f"{marks} question marks put before separators in clean text: {edits} edits")


def speed(corpus: Corpus, _wanted: int) -> None:
    print("\n## Speed, one process\n")
    for name, raw in (
        ("Simplified", "\n".join(corpus.simplified[3])),
        ("Traditional", "\n".join(corpus.traditional[3])),
        ("Simplified, 1 MB", "\n".join(map("\n".join, corpus.simplified[:30]))),
    ):
        text = re.sub("[\u200b\u2000-\u206f├-╬]", "", raw)[:400_000]
        size = len(text.encode()) / 1e6
        print(f"repair, clean {name}, {size * 1000:.0f} kB: {size / best(lambda t=text: repair(t)):.0f} MB/s")
    page = "\n".join(g for line in corpus.simplified[5][:80] if (g := garble(line, "utf-8 as cp1252"))) + "\ncafÃ© Ã  la carte" * 20
    size = len(page.encode()) / 1e6
    print(
        f"a page for ftfy: ours {size / best(lambda: Mojibake()(page)):.1f}, gate and ftfy {size / best(lambda: gated(page)):.1f}, ftfy {size / best(lambda: ftfy_safe(page)):.1f} MB/s"
    )


def models(corpus: Corpus, wanted: int) -> None:
    print("\n## The word model: size and what it buys, 200 pairs, separators, kept\n")
    print(f"| words | entries | kB{COLUMNS.removeprefix('| damage')}\n{'|---' * (COLUMNS.count('|') + 2)}|")
    slip, families_ = (sys.modules[f"cleantext.repair.{name}"] for name in ("slip", "misread.families"))
    whole = slip.word_model
    for least, longest in ((6, 4), (6, 3), (6, 2), (20, 4), (100, 4), (1000, 4)):
        data = fewer_words(word_list(), least, longest)
        packed = io.BytesIO()
        np.savez_compressed(packed, **data)
        model = WordModel(data)
        slip.word_model = families_.word_model = lambda model=model: model
        slip._allowed.cache_clear()
        name = f"counted {least} times and more, up to {longest} characters | {data['words'].sum()} | {packed.tell() / 1000:.0f}"
        injected_row(corpus, name, wanted, examples=0, seed="model", pairs=200, private=True)
    slip.word_model = families_.word_model = whole
    slip._allowed.cache_clear()


def fewer_words(data: dict, least: int, longest: int) -> dict:
    """Keep all single characters, and of the words those that are short and frequent enough."""
    lengths = np.repeat(np.arange(1, len(data["words"]) + 1), data["words"])
    kept = (lengths == 1) | ((data["counts"] >= STEP * np.log(least) - 0.5) & (lengths <= longest))
    return {
        "characters": data["characters"][np.repeat(kept, lengths)],
        "words": np.bincount(lengths[kept], minlength=longest + 1)[1:],
        "counts": data["counts"][kept],
    }


def decoding(corpus: Corpus, _wanted: int) -> None:
    print("\n## Decode, pages of 10 kB\n")
    head = '<!DOCTYPE html><html lang="zh"><head><meta http-equiv="Content-Type" content="text/html; charset={}"><title>首页</title></head><body><div class="a"><p>'
    for name, docs, encoding, label in (
        ("UTF-8", corpus.simplified, "utf-8", "utf-8"),
        ("GBK", corpus.simplified, "gbk", "gb2312"),
        ("GBK, Traditional", corpus.traditional, "gbk", "gbk"),
        ("GB18030, Traditional, with a four-byte character", corpus.traditional, "gb18030", "gb18030"),
        ("Big5", corpus.traditional, "big5hkscs", "big5"),
    ):
        text = ("㐀" if "four" in name else "") + "</p>\n<p>".join(line for doc in docs[:9] for line in doc)
        for how, meta, hint in (("by header", "none", label), ("by meta", label, None), ("unlabelled", "none", None)):
            data = (head.format(meta) + text).encode(encoding, "ignore")[:10_000]
            data = data[: data.rfind(b"\n")]
            found = decode(data, hint=hint)
            print(
                f"{name} {how}: {found.encoding}, {found.evidence}: {len(data) / 1e6 / best(lambda d=data, h=hint: decode(d, hint=h)):.0f} MB/s"
            )
        chance = random.Random(3)
        right: Counter[tuple[int, bool]] = Counter()
        for size in (60, 200, 1000):
            for _ in range(300):
                at = chance.randrange(len(text) - size)
                data = text[at : at + size].encode(encoding, "ignore")
                cut = chance.randrange(len(data))
                right[size, False] += decode(data).encoding == encoding.replace("gbk", "gb18030")
                right[size, True] += decode(data[:cut] + data[cut + 1 :]).encoding == encoding.replace("gbk", "gb18030")
        print("   right, 300 pieces each, (characters, one byte lost):", {k: round(v / 300, 3) for k, v in right.items()})


def best(call, *, seconds: float = 0.5) -> float:
    call()
    least, end = 1e9, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        least = min(least, time.perf_counter() - start)
    return least


def main() -> None:
    parts = {"families": families, "lost": lost, "slips": injected, "clean": clean, "decode": decoding, "speed": speed, "model": models}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--half", choices=("first", "second"), default="second")
    parser.add_argument("--only", default=",".join(parts))
    options = parser.parse_args()
    corpus = Corpus(options.data, options.half)
    for name in options.only.split(","):
        parts[name](corpus, options.lines)


if __name__ == "__main__":
    main()
