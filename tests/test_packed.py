"""Packed files: sound ones in all their forms, broken ones, and ones made to fill memories."""

import bz2
import gzip
import json
import lzma
import os
import random
import subprocess
import sys
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

import cleantext as ct
from cleantext.errors import ConfigError, InputError
from cleantext.run.readers import packed
from cleantext.run.readers.packed import lines_of, read_bytes, unpacked_name
from cleantext.run.search.dedup_files import dedup_files
from cleantext.run.shards.settings import Settings

BODY = "今年三月,喀什古城的杏花开了,游客比往年多了一倍。"
PACK = {".gz": gzip.compress, ".zst": zstandard.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
ENDINGS = pytest.mark.parametrize("ending", PACK)


def written(folder, name, data):
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    return folder / name


def zeros(ending, size):
    """A stream of zeros, packed piece by piece."""
    make = {
        ".gz": lambda: zlib.compressobj(9, zlib.DEFLATED, 31),
        ".zst": lambda: zstandard.ZstdCompressor().compressobj(),
        ".bz2": bz2.BZ2Compressor,
        ".xz": lambda: lzma.LZMACompressor(preset=0),
    }[ending]()
    return b"".join(make.compress(bytes(1_000_000)) for _ in range(size // 1_000_000)) + make.flush()


@given(st.lists(st.binary(max_size=300), max_size=4), st.sampled_from(sorted(PACK)), st.booleans())
def test_members_and_frames_are_read_one_after_another(tmp_path_factory, parts, ending, upper):
    path = tmp_path_factory.getbasetemp() / f"parts{ending.upper() if upper else ending}"
    path.write_bytes(b"".join(PACK[ending](part) for part in parts))
    whole = b"".join(parts)
    assert read_bytes(path) == whole
    assert b"\n".join(lines_of(path)) == whole.removesuffix(b"\n")


@given(st.lists(st.sampled_from([b"\n", b"a", b"bc", b"\r"]), max_size=12).map(b"".join))
def test_lines_are_those_of_the_bytes(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "plain.jsonl"
    path.write_bytes(data)
    lines = data.split(b"\n")
    assert list(lines_of(path)) == (lines if lines[-1] else lines[:-1])


@ENDINGS
@pytest.mark.parametrize("damage", ["cut", "flipped", "other", "trailing"])
def test_broken_ones_are_rows_of_failed_and_the_run_goes_on(tmp_path, ending, damage):
    pack = PACK | {".zst": zstandard.ZstdCompressor(write_checksum=True).compress}
    sound = pack[ending](random.Random(5).randbytes(3000))
    flipped = bytearray(sound)
    for place in range(len(sound) // 3, len(sound) // 3 + 20):
        flipped[place] ^= 0xA5
    data = {"cut": sound[:2000], "flipped": bytes(flipped), "other": BODY.encode(), "trailing": PACK[ending](BODY.encode()) + b"rubbish"}
    path = written(tmp_path / "in", f"p.txt{ending}", data[damage])
    with pytest.raises(EOFError if damage == "cut" else ValueError, match="cut off" if damage == "cut" else "not packed as"):
        read_bytes(path)


def test_a_broken_one_is_a_row_of_failed(tmp_path):
    """zlib.error was no error that the run knew."""
    data = bytearray(gzip.compress(os.urandom(5000)))
    data[12:40] = bytes(28)
    written(tmp_path / "in", "broken.txt.gz", bytes(data))
    written(tmp_path / "in", "cut.html.bz2", bz2.compress(os.urandom(500))[:300])
    written(tmp_path / "in", "sound.txt.bz2", bz2.compress(BODY.encode()))
    report = ct.clean_files(tmp_path / "in", tmp_path / "out", duplicates="off")
    assert [f["id"] for f in report.failures] == ["broken.txt.gz", "cut.html.bz2"]
    assert (tmp_path / "out" / "sound.txt").read_text("utf-8") == BODY


@ENDINGS
def test_one_made_to_fill_memories_fails_in_little_memory(tmp_path, ending):
    path = written(tmp_path / "in", f"bomb.txt{ending}", zeros(ending, 400_000_000 if ending in (".gz", ".zst") else 60_000_000))
    code = (
        "import resource, sys; from pathlib import Path; from cleantext.run.readers.packed import read_bytes, lines_of\n"
        "most = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = most()\n"
        "for read in (read_bytes, lambda p: list(lines_of(p, most=20_000_000))):\n"
        "    try: read(Path(sys.argv[1]))\n"
        "    except ValueError as error: print(error)\n"
        "print((most() - before) // 1000)"
    )
    told = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=True, text=True).stdout.splitlines()
    assert "unpacks to more than" in told[0]
    assert "a line of more than 20,000,000 bytes" in told[1]
    assert int(told[2]) < 150  # MB


def test_ordinary_pages_that_repeat_pass(tmp_path):
    page = (BODY + "\n").encode() * 60_000  # 4 MB, packed 300 times and more
    path = written(tmp_path / "in", "p.txt.gz", gzip.compress(page))
    assert len(page) > 250 * path.stat().st_size
    assert read_bytes(path) == page


def test_pages_above_the_limit_are_rows_of_failed_before_they_are_read(tmp_path, monkeypatch):
    written(tmp_path / "in", "plain.txt", BODY.encode() * 20)
    written(tmp_path / "in", "packed.txt.gz", gzip.compress(BODY.encode() * 20))
    written(tmp_path / "in", "short.txt", BODY.encode())
    report = ct.clean_files(tmp_path / "in", tmp_path / "out", duplicates="off", max_page_bytes=1000)
    assert [f["id"] for f in report.failures] == ["packed.txt.gz", "plain.txt"]
    assert all("more than 1,000 bytes" in f["error"] and "--max-page-bytes" in f["error"] for f in report.failures)
    with pytest.raises(ConfigError, match="max_page_bytes 0"):
        ct.clean_files(tmp_path / "in", tmp_path / "out", max_page_bytes=0)
    assert Settings(ct.Pipeline.load("zh-web")).fingerprint != Settings(ct.Pipeline.load("zh-web"), max_page_bytes=5).fingerprint

    monkeypatch.setattr(packed, "_pieces", lambda _: pytest.fail("was read"))
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        read_bytes(tmp_path / "in" / "plain.txt", most=1000)


@pytest.mark.parametrize(
    ("name", "bare"), [("a.txt.gz", "a.txt"), ("a.html.GZ.zst", "a.html"), ("a.b/c.bz2", "a.b/c"), ("gz", "gz"), (".gz", ".gz")]
)
def test_names_without_how_they_are_packed(name, bare):
    assert unpacked_name(name) == bare


def test_what_is_packed_twice_is_unpacked_twice(tmp_path):
    path = written(tmp_path, "p.txt.gz.zst", zstandard.compress(gzip.compress(BODY.encode())))
    assert read_bytes(path).decode() == BODY


ROWS = [{"id": n, "text": text} for n, text in enumerate([BODY * 3, "另一篇文章,讲的是别的事情,和前面没有一句相同。" * 3, BODY * 3])]


@pytest.mark.parametrize("ending", ["", *PACK])
def test_dedup_reads_packed_json_lines(tmp_path, ending):
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
    half = lines.index(b"\n", len(lines) // 2) + 1
    data = PACK[ending](lines[:half]) + PACK[ending](lines[half:]) if ending else lines
    written(tmp_path, f"t.jsonl{ending}", data)
    report = dedup_files(tmp_path / f"t.jsonl{ending}", tmp_path / "out", level="document", engine="local", memory=10**9, workers=1)
    assert (report.pages_in, report.duplicates["pairs"]) == (3, 1)


@ENDINGS
def test_dedup_tells_of_json_lines_that_are_cut_off(tmp_path, ending):
    lines = [json.dumps({"id": n, "text": os.urandom(50).hex()}).encode() + b"\n" for n in range(200)]
    whole, cut = PACK[ending](b"".join(lines[:100])), PACK[ending](b"".join(lines[100:]))
    written(tmp_path, f"t.jsonl{ending}", whole + cut[: len(cut) // 2])
    given = {"level": "document", "engine": "local", "memory": 10**9, "workers": 1}
    report = dedup_files(tmp_path / f"t.jsonl{ending}", tmp_path / "out", **given)
    assert [row for row in report.failures if f"the {ending} file is cut off" in row["error"]]
    assert report.outcomes["kept"] >= 100
    with pytest.raises(InputError, match=rf"t\.jsonl{ending}, line \d+: the {ending} file is cut off"):
        dedup_files(tmp_path / f"t.jsonl{ending}", tmp_path / "strict", strict=True, **given)
