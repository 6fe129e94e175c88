"""Made-up pages of the kinds that the development set lacks: notices, threads, papers, shops, songs, in eight languages.

All were written and labelled before the tool had seen them: `expected` is what a reader would keep, `optional` lines nobody minds. On their first
run, untouched, the two batches lost 0 of 7,039 and 20 of 2,898 characters of text, and 52.4 % and 72.1 % of the lines of chrome went;
what was mended after the first run of batch 1 is in the second figure. Since then they are development data.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from cleantext.chrome import StripChrome

CASES = json.loads((Path(__file__).parent / "cases" / "chrome.json").read_text("utf-8"))
STRIP = StripChrome()


def lines(text):
    return Counter(line for line in text.split("\n") if line.strip())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["label"])
def test_no_line_of_text_is_lost(case):
    out = STRIP(case["input"])
    lost = (lines(case["expected"]) & lines(case["input"])) - lines(out)
    assert not lost, STRIP.reasons(case["input"])
    assert STRIP(out) == out


FLOORS = {1: 0.80, 2: 0.88}  # share of lines of chrome that go; raised only


@pytest.mark.parametrize("batch", FLOORS)
def test_most_lines_of_chrome_go(batch):
    had = left = 0
    for case in CASES:
        if case["batch"] == batch:
            fine = lines(case["expected"]) + Counter(case.get("optional", ()))
            had += (lines(case["input"]) - fine).total()
            left += (lines(STRIP(case["input"])) - fine).total()
    assert 1 - left / had >= FLOORS[batch], (had - left, had)


def test_the_pages_are_whole():
    assert len(CASES) == len({case["label"] for case in CASES}) == 47
    for case in CASES:
        body = [line for line in case["expected"].split("\n") if line not in lines(case["input"])]
        assert all(any(line in whole for whole in case["input"].split("\n")) for line in body), case["label"]
