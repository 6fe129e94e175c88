"""The gates in front of steps: they never keep a step from a text that it would change."""

from __future__ import annotations

import sys
import unicodedata
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleantext.changes import Ragged
from cleantext.gate import Gates, _bits, _bits_at_once, all_but, gates
from cleantext.gate import table_of as made_table
from cleantext.normalize import STABLE
from cleantext.pipeline import Pipeline, transforms
from cleantext.testing import web_text
from cleantext.transform import Breaks, Page, PageTransform

table_of = lru_cache(made_table)
STEPS = [t() for t in transforms().values() if issubclass(t, PageTransform)]
GATED = [step for step in STEPS if step.characters]


def test_what_is_stable_is_composed_and_joins_with_nothing():
    stable = np.flatnonzero(table_of(STABLE)).tolist()
    assert [c for c in stable if unicodedata.combining(chr(c)) or not unicodedata.is_normalized("NFC", chr(c))] == []
    # A character that may join is one that is not certainly normalised behind some other.
    assert [
        c for c in stable if not unicodedata.is_normalized("NFC", "e" + chr(c)) or unicodedata.normalize("NFC", "ᄀ" + chr(c))[0] != "ᄀ"
    ] == []


@given(
    st.lists(st.text(max_size=30), max_size=8), st.lists(st.sampled_from(["41-5a", "30-39 e9", "", "4e00-9fff", "d800-dfff"]), max_size=6)
)
def test_bits_say_which_sets_a_text_meets(texts, sets):
    found = gates(tuple(sets)).bits(texts)
    for text, bits in zip(texts, found.tolist(), strict=True):
        assert [bool(bits >> n & 1) for n in range(len(sets))] == [not s or any(table_of(s)[ord(c)] for c in text) for s in sets]


@given(st.lists(st.text(max_size=30), max_size=8))
def test_both_forms_of_the_kernel_agree(texts):
    column, table = Ragged.of(texts), Gates(["41-5a", "30-39", "4e00-9fff"])._table
    one, other = np.empty((2, len(texts)), np.uint32)
    _bits_at_once(column.points, column.offsets, table, one)
    _bits.compiled(column.points, column.offsets, table, other)
    assert one.tolist() == other.tolist()


@pytest.mark.parametrize("step", GATED, ids=lambda step: step.id)
@given(text=web_text())
def test_a_text_without_its_characters_is_left_alone(step, text):
    table = table_of(step.characters)
    bare = "".join(c for c in text if not table[ord(c)])
    assert step.on_page(Page(bare)) in (((), (), {}), ([], (), {}), ([], [], {}))


@pytest.mark.parametrize("step", GATED, ids=lambda step: step.id)
def test_the_examples_of_its_laws_have_its_characters(step):
    for law in step.laws.values():
        if isinstance(law, Breaks) and isinstance(law.example, str) and step.edits(law.example):
            assert Gates([step.characters]).bits([law.example]).tolist() == [1]


@given(st.lists(web_text(), max_size=5))
def test_a_pipeline_does_what_its_steps_do_one_by_one(texts):
    pages = [Page(text) for text in texts]
    pipeline = Pipeline.load("text")
    now = pages
    for step, changes in zip(pipeline.steps, pipeline.trace(pages).steps, strict=True):
        assert [changes.edits(n) for n in range(len(now))] == [step.edits(page.text) for page in now]
        now = [step.fast([page])[0] for page in now]
    assert pipeline.fast(pages) == now == pipeline.trace(pages).pages


def test_all_but_is_the_complement():
    for ranges in ("", "0-10ffff", STABLE, f"0 {sys.maxunicode:x}"):
        assert (table_of(all_but(ranges)) == ~table_of(ranges)).all()
