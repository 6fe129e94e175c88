"""Where a rule fired in a finished run."""

import pytest

from cleantext.errors import InputError
from cleantext.run.finished.audit import audit
from cleantext.run.job import clean_files

PROSE = "昨夜，清河下了一场大雨，今晨水位涨了半米，守堤的人换了三班。"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    pages = folder / "pages"
    pages.mkdir()
    for n in range(30):
        (pages / f"{n:02}.txt").write_text(f"第{n}页\n{PROSE}\n{PROSE}{n}\n责任编辑：石青{'甲乙丙'[n % 3]}\n", "utf-8")
    (pages / "clean.txt").write_text(PROSE, "utf-8")
    clean_files(pages, folder / "out", duplicates="off", workers=1)
    return folder / "out"


def test_a_sample_is_drawn_with_what_stood_around(run):
    found = audit(run, "meta.editor", sample=7, seed=3)
    assert (found.rule, found.firings, found.pages, len(found.sample)) == ("meta.editor", 30, 30, 7)
    for firing in found.sample:
        n = int(firing.page[:2])
        page = f"第{n}页\n{PROSE}\n{PROSE}{n}\n责任编辑：石青{'甲乙丙'[n % 3]}\n"
        assert firing.before == page[firing.start : firing.end]
        assert firing.before.strip() == f"责任编辑：石青{'甲乙丙'[n % 3]}"
        assert firing.after == ""
        assert page[: firing.start].endswith(firing.lead)
        assert page[firing.end :].startswith(firing.trail)
        assert len(firing.lead) > 30
    assert list(found.sample) == sorted(found.sample)


def test_the_same_seed_draws_the_same_and_another_another(run):
    assert audit(run, "meta.editor", sample=7, seed=3) == audit(run, "meta.editor", sample=7, seed=3)
    assert len({audit(run, "meta.editor", sample=7, seed=seed).sample for seed in range(4)}) == 4


def test_each_firing_may_be_drawn(run):
    drawn = {f.page for seed in range(40) for f in audit(run, "meta.editor", sample=5, seed=seed).sample}
    assert len(drawn) == 30
    assert len(audit(run, "meta.editor", sample=99).sample) == 30


def test_a_page_changed_since_is_shown_without_its_surroundings(run):
    page = run / "05.txt"
    before = page.read_bytes()
    page.write_text("短", "utf-8")
    try:
        (changed,) = (f for f in audit(run, "meta.editor", sample=30).sample if f.page == "05.txt")
    finally:
        page.write_bytes(before)
    assert changed.before.strip() == "责任编辑：石青丙"
    assert (changed.lead, changed.trail) == ("", "")


def test_a_rule_that_did_not_fire_and_a_folder_that_is_no_run_are_told(run, tmp_path):
    with pytest.raises(InputError, match=r"no rule 'meta.editors' fired .* meta.editor"):
        audit(run, "meta.editors")
    with pytest.raises(InputError, match="recorded its edits"):
        audit(tmp_path, "meta.editor")
