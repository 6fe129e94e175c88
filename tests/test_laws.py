"""Every Transform that cleantext ships, against every law: those that hold, and those it says are broken."""

import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleantext.edits import Edit
from cleantext.pipeline import Pipeline, preset_names, transforms
from cleantext.testing import broken, check_laws, check_page, html_documents, html_pages, lines, marks, web_text
from cleantext.transform import Breaks, Law, Page, PageTransform

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


@dataclass(frozen=True)
class FullStop(PageTransform):
    """Takes the full stop behind an ellipsis away."""

    id: ClassVar[str] = "test.full-stop"
    rules: ClassVar[Mapping[str, str]] = {"test.stop": "an ellipsis ends a sentence by itself"}
    laws: ClassVar[Mapping[Law, bool | Breaks]] = {
        **dict.fromkeys(Law, True),
        Law.KEEPS_LENGTH: Breaks("风停了……。", "it deletes"),
    }

    def on_page(self, page):
        return [Edit(m.end() - 1, m.end(), "。", "", "test.stop") for m in re.finditer("……。", page.text)], (), {}


def told(**laws):
    """Return the Transform with other promises."""
    return type("Told", (FullStop,), {"laws": {**FullStop.laws, **{Law[name]: holds for name, holds in laws.items()}}})()


def test_counterexamples_are_checked():
    check_laws(FullStop(), "文中没有")
    with pytest.raises(AssertionError, match="KEEPS_LENGTH holds for '他说': declare that it HOLDS"):
        check_laws(told(KEEPS_LENGTH=Breaks("他说", "it deletes")), "文中没有")
    with pytest.raises(AssertionError, match="KEEPS_LINES holds for"):
        check_laws(told(KEEPS_LINES=Breaks("风停了……。", "no line goes")), "文中没有")


def test_counterexamples_of_one_law_try_the_others():
    """A text that shows what a Transform does tells of a law that is not kept, though no text that was drawn does."""
    promised = told(KEEPS_LENGTH=True, IDEMPOTENT=Breaks("他说……。。", "the second stop stands behind an ellipsis then"))
    with pytest.raises(AssertionError, match=r"KEEPS_LENGTH .* is broken by '他说……。。'"):
        check_laws(promised, "文中没有")
