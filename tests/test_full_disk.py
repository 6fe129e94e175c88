"""A disk that fills while the corpus itself is written: told by its name, nothing half is left, and the same run goes on to the same bytes."""

import json
import random

import pytest
from made import prose

import cleantext as ct
from cleantext.run.writers import corpus, finish

resource = pytest.importorskip("resource", reason="needs a limit on the size of files")
OPTIONS = {"duplicates": "documents", "remove": True, "workers": 1, "page_seconds": 0, "max_page_memory": 0, "record": False}


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("rows", [3, 2000], ids=["on the way", "at the end"])
@pytest.mark.parametrize("form", ["jsonl", "jsonl.zst", "parquet"])
def test_a_disk_that_fills_while_the_corpus_is_written(tmp_path, monkeypatch, form, rows):
    monkeypatch.setattr(corpus, "GROUP_ROWS", rows)
    rng = random.Random(1)
    source = tmp_path / "a.jsonl"
    pages = [{"id": f"{n}", "text": "\n".join(prose(rng, 300) for _ in range(4))} for n in range(12)]
    source.write_text("".join(json.dumps(page, ensure_ascii=False) + "\n" for page in pages), "utf-8")
    ct.clean_files(source, tmp_path / "straight", form=form, **OPTIONS)
    size = (tmp_path / "straight" / f"corpus-00000.{form}").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    entered = finish.CorpusWriter.__enter__

    def limited(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, before[1]))  # Python ignores the signal, and the system refuses
        return entered(self)

    try:
        with monkeypatch.context() as patch, pytest.raises(OSError, match="File too large") as error:
            patch.setattr(finish.CorpusWriter, "__enter__", limited)
            ct.clean_files(source, tmp_path / "out", form=form, **OPTIONS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert error.value.filename == str(tmp_path / "out" / f"corpus-00000.{form}")
    assert not [p.name for p in (tmp_path / "out").rglob("*") if p.name.startswith("corpus-") or p.name.endswith(".part")]
    ct.clean_files(source, tmp_path / "out", form=form, **OPTIONS)
    assert tree(tmp_path / "out") == tree(tmp_path / "straight")
