"""Made-up corpora with copies, near copies and transplanted passages; a page judged by a pack alone."""

import os
import random

from cleantext.changes import code_points
from cleantext.chrome.lines.decide import decide
from cleantext.chrome.lines.findings import LineCache
from cleantext.chrome.matching.line_memory import Rows

THOROUGH = bool(os.environ.get("CLEANTEXT_THOROUGH"))  # pytest --thorough


def examples(most):
    """How many examples a law is shown that takes so many to be sure of: a third of them each time, for they are others each time."""
    return 10 * most if THOROUGH else most // 3


WORDS = "经济发展新区建设工作会议精神学习贯彻落实全面推进高质量市场主体营商环境持续优化群众就业教育医疗生态保护乡村振兴科技创新企业投资项目"


def prose(rng, n):
    """Chinese of ``n`` letters, by chance, in sentences."""
    out = []
    while n > 0:
        size = min(n, rng.randint(6, 20))
        out.append("".join(rng.choice(WORDS) for _ in range(size)) + rng.choice("，。。！"))
        n -= size
    return "".join(out)


def edited(rng, text, rate):
    return "".join(rng.choice(["", rng.choice(WORDS), c + rng.choice(WORDS)]) if rng.random() < rate else c for c in text)


def corpus(seed, n=40):
    """Texts of copies, near copies, transplanted passages, short ones and ones without a letter."""
    rng = random.Random(seed)
    texts = [prose(rng, rng.choice([0, 3, 8, 60, 200, 500])) for _ in range(n)]
    for _ in range(n):
        a = rng.choice(texts)
        kind = rng.randrange(4)
        if kind == 0:
            texts.append(edited(rng, a, rng.choice([0, 0.003, 0.01, 0.05])))
        elif kind == 1 and len(a) > 60:
            at, size = rng.randrange(len(a) - 50), rng.randint(45, 200)
            host = rng.choice(texts)
            cut = rng.randrange(len(host) + 1)
            texts.append(host[:cut] + a[at : at + size] + host[cut:])
        elif kind == 2:
            texts.append("转载：\n" + a + "\n（完）")
        else:
            texts.append(rng.choice(["", "……", "！！！", "\ud800", "好", "同意。", "同意"]))
    return texts


def judge(text, folded, pack, *, safety="safe"):
    """Judge one page by the rules of a pack alone."""
    rows, register = Rows.split(code_points(folded)), LineCache.of(pack)
    return decide([text], rows, register.look(rows), register, safety=safety).page_decisions()[0]
