"""Every Transform that cleantext ships, against every law: those that hold, and those it says are broken."""

import pickle
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleantext.pipeline import Pipeline, preset_names, transforms
from cleantext.testing import broken, check_laws, check_page, html_documents, html_pages, lines, marks, web_text
from cleantext.transform import Breaks, Law, Page

ALL = [cls() for _, cls in sorted(transforms().items())]
BROKEN = [(t, law, verdict) for t in ALL for law, verdict in t.laws.items() if isinstance(verdict, Breaks)]
SEEDS = ["000_72624892b81241d4.txt", "001_ed5b604d7aff2fb4.txt", "003_0393d4de2ad52cec.txt", "004_da735df1e47a5335.txt"]


def name(value):
    return getattr(value, "id", getattr(value, "name", None))


@pytest.mark.parametrize("transform", ALL, ids=name)
@given(text=st.one_of(web_text(), lines(), marks()))
def test_laws_hold(transform, text):
    check_laws(transform, text)


@pytest.mark.parametrize("transform", ALL, ids=name)
@given(page=html_documents())
def test_laws_hold_on_html(transform, page):
    check_laws(transform, page)


@pytest.mark.parametrize("transform", ALL, ids=name)
@given(page=html_pages())
def test_blocks_of_html_tile_after_every_step(transform, page):
    check_page(transform, page)


@pytest.mark.parametrize("transform", ALL, ids=name)
def test_laws_hold_on_the_seeds(transform, seeds):
    for seed in SEEDS:
        check_laws(transform, (seeds / seed).read_text("utf-8"))


@pytest.mark.parametrize(("transform", "law", "verdict"), BROKEN, ids=name)
def test_a_law_said_to_break_breaks(transform, law, verdict):
    assert verdict.why
    assert broken(transform, law, verdict.example), f"{law.name} holds for {verdict.example!r}: declare that it HOLDS, or find an example"


@pytest.mark.parametrize("transform", ALL, ids=name)
def test_every_law_is_judged_and_every_rule_named(transform):
    assert set(transform.laws) == set(Law)
    assert transform.version >= 1
    assert all("+" not in rule and meaning for rule, meaning in transform.rules.items())
    assert type(transform).__doc__


@pytest.mark.parametrize("transform", ALL, ids=name)
def test_transforms_are_values(transform):
    again = pickle.loads(pickle.dumps(transform))
    assert again == transform
    assert hash(again) == hash(transform)
    assert again.spec() == transform.spec()
    with pytest.raises(AttributeError):
        setattr(transform, fields(transform)[0].name if fields(transform) else "id2", "x")


@pytest.mark.parametrize("transform", ALL, ids=name)
def test_bytes_are_refused_with_the_way_out(transform):
    with pytest.raises(TypeError, match="decode"):
        transform(b"text")


@pytest.mark.parametrize("preset", preset_names())
@given(text=st.one_of(web_text(), lines()))
def test_presets_explain_what_they_do(preset, text):
    pipeline = Pipeline.load(preset)
    check_page(pipeline, Page(text))
    cleaned = pipeline.explain(Page(text))
    assert cleaned.text == pipeline(text)


@pytest.mark.parametrize("preset", preset_names())
@given(text=st.text(max_size=60))
def test_presets_survive_any_text(preset, text):
    pipeline = Pipeline.load(preset)
    cleaned = pipeline.explain(Page(text))
    assert cleaned.text == pipeline(text)
