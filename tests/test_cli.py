"""The command line: streams, exit codes, messages."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cleantext.cli import main

SEEDS = Path(__file__).resolve().parent.parent / "seeds"


def run(*args, stdin=None):
    return CliRunner().invoke(main, [str(a) for a in args], input=stdin, catch_exceptions=False)


def shell(*args, stdin=b""):
    return subprocess.run([sys.executable, "-m", "cleantext", *map(str, args)], input=stdin, capture_output=True, check=False)


def test_clean_prints_a_summary_and_nothing_on_stdout(tmp_path):
    done = shell("clean", SEEDS, "-o", tmp_path / "out")
    assert done.returncode == 0
    assert done.stdout == b""
    told = done.stderr.decode()
    assert "5 in: 5 kept" in told
    assert "no near-duplicate passages across pages at similarity 0.8 or above" in told
    assert "MB/s" in told


def test_check_and_dry_run_write_nothing(tmp_path):
    out = tmp_path / "out"
    assert run("clean", SEEDS, "-o", out, "--check", "--duplicates", "off").exit_code == 1
    assert run("clean", SEEDS, "-o", out, "--dry-run", "--duplicates", "off").exit_code == 0
    assert not out.exists()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "page.txt").write_text("今年三月,喀什古城的杏花开了,游客比往年多了一倍。", "utf-8")
    assert run("clean", tmp_path / "in", "-o", out, "--check").exit_code == 0


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["clean", "/nowhere", "-o", "OUT"], "/nowhere: no such file or folder"),
        (["clean", SEEDS, "-o", SEEDS / "out"], "lies inside the input"),
        (["clean", SEEDS, "-o", "/proc/nope"], "cannot be written"),
        (["clean", SEEDS, "-o", "OUT", "--pipeline", "zh-wed"], "did you mean 'zh-web'"),
        (["clean", SEEDS, "-o", "OUT", "--rules", "nope.toml"], "no such rule pack"),
        (["explain", "/nowhere"], "/nowhere: cannot be read: No such file or directory"),
        (["rules", "show", "share.widgets"], "did you mean 'share.widget'"),
        (["undo", SEEDS, "-o", "OUT"], "name the output folder"),
        (["report", SEEDS], "name the output folder"),
        (["clean", SEEDS, "-o", "OUT", "--workers", "0"], "0 is not in the range"),
    ],
)
def test_mistakes_exit_2_and_say_what_to_do(tmp_path, args, says):
    result = run(*[tmp_path / "out" if a == "OUT" else a for a in args])
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output


def test_failed_pages_exit_3(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bin.txt").write_bytes(bytes(range(256)) * 20)
    result = run("clean", tmp_path / "in", "-o", tmp_path / "out")
    assert result.exit_code == 3
    assert "bin.txt" in result.output


def test_failed_pages_go_before_changed_ones(tmp_path):
    """The order of exit codes, as help and the guide tell it: 3 where pages fail, whatever `--check` found."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "changes.txt").write_text("發展", "utf-8")
    call = ("clean", tmp_path / "in", "-o", tmp_path / "out", "--duplicates", "off")
    assert run(*call, "--check").exit_code == 1
    (tmp_path / "in" / "bin.txt").write_bytes(bytes(range(256)) * 20)
    assert [run(*call, *more).exit_code for more in ((), ("--dry-run",), ("--check",))] == [3, 3, 3]
    assert run(*call, "--check", "--max-df", "0").exit_code == 2
    for told in (run("--help").output, (SEEDS.parent / "docs" / "clean.md").read_text("utf-8")):
        assert "--check" in told.partition("xit codes: 0 done")[2].partition("failed")[0]
        assert "takes precedence over 1" in " ".join(told.split())


def test_pages_of_html_end_in_one_line_break_and_texts_as_they_did(tmp_path):
    (tmp_path / "in").mkdir()
    body = "<p>今年三月,喀什古城的杏花开了,游客比往年多了一倍。</p>" * 4
    foot = "<div class=footer><a href=/>首页</a> <a href=/x>联系我们</a></div>"
    pages = {
        "a.html": f"<h1>春天</h1>{body}",
        "b.html": f"<h1>春天</h1>{body}{foot}",
        "c.html": "<p></p>",
        "d.html": f"{body}<pre>x\n\n\n</pre>",
    }
    for name, text in pages.items():
        (tmp_path / "in" / name).write_text(f"<html><body>{text}</body></html>", "utf-8")
    texts = {"1.txt": "发展", "2.txt": "发展\n", "3.txt": "發展\n\n\n"}
    for name, text in texts.items():
        (tmp_path / "in" / name).write_text(text, "utf-8")
    for more in ((), ("--no-edits",), ("--duplicates", "off")):
        out = tmp_path / "-".join(("out", *more))
        assert run("clean", tmp_path / "in", "-o", out, *more).exit_code == 0
        for name in pages:
            text = (out / f"{name}.txt").read_text("utf-8")
            assert text == "" if name == "c.html" else text.endswith("\n") and not text.endswith("\n\n"), (name, text)
        assert [(out / name).read_text("utf-8") for name in texts] == ["发展", "发展\n", "发展\n"]
    assert run("undo", tmp_path / "out", "-o", tmp_path / "back").exit_code == 0
    assert (tmp_path / "back" / "b.html.txt").read_text("utf-8").endswith("联系我们\n")


def test_undo_gives_the_seeds_back(tmp_path):
    run("clean", SEEDS, "-o", tmp_path / "out", "--duplicates", "off")
    result = run("undo", tmp_path / "out", "-o", tmp_path / "back")
    assert result.exit_code == 0
    for seed in SEEDS.glob("00?_*.txt"):
        assert (tmp_path / "back" / seed.name).read_bytes() == seed.read_bytes()


def test_explain_forms():
    seed = SEEDS / "003_0393d4de2ad52cec.txt"
    plain = run("explain", seed)
    assert "(601008,股吧)" in plain.output
    assert "ticker" in plain.output
    diff = run("explain", seed, "--diff").output
    assert "-2014-07-31 10:38:51" in diff
    found = json.loads(run("explain", seed, "--json").output)
    text = seed.read_text("utf-8")
    assert all(text[e["start"] : e["end"]] == e["before"] for e in found["edits"])
    assert found["metadata"]["source"] == "Landbridge平台"
    reason = next(r for r in found["reasons"] if r["rule"] == "legal.disclaimer")
    assert reason["zone"] == "tail"
    assert text[reason["start"] : reason["end"]].startswith("版权与免责声明")
    assert "[-2014-07-31 10:38:51-]" in plain.output
    assert run("explain", "-", stdin=seed.read_bytes()).output == plain.output


def test_explained_diffs_apply(tmp_path):
    seed = SEEDS / "003_0393d4de2ad52cec.txt"
    diff = run("explain", seed, "--diff").output
    assert "\n\\ No newline at end of file\n" in diff
    if not shutil.which("patch"):
        pytest.skip("needs the program patch")
    (tmp_path / "page.txt").write_bytes(seed.read_bytes())
    (tmp_path / "page.diff").write_text(diff, "utf-8")
    subprocess.run(["patch", tmp_path / "page.txt", tmp_path / "page.diff"], check=True, capture_output=True)
    assert (tmp_path / "page.txt").read_text("utf-8") == json.loads(run("explain", seed, "--json").output)["text"]


def test_pipe_keeps_one_record_a_line():
    done = shell("pipe", stdin="一片葉(yè)子\n\n顯著的成效與經濟的發展\n".encode())
    assert done.stdout.decode().splitlines() == ["一片叶(yè)子", "", "显著的成效与经济的发展"]
    lines = [{"id": 1, "text": "顯著的成效與經濟的發展"}, {"id": 2, "text": ""}]
    done = shell("pipe", "--jsonl", "text", stdin="\n".join(json.dumps(x) for x in lines).encode())
    assert [json.loads(x)["text"] for x in done.stdout.splitlines()] == ["显著的成效与经济的发展", ""]
    records = [b'{"text": "a"}', b'{"body": "b"}', b'{"text": null}', b"{", b'{"text": "c"}']
    bad = shell("pipe", "--jsonl", "text", stdin=b"\n".join(records) + b"\n")
    assert bad.returncode == 3
    assert bad.stdout.splitlines() == records
    assert [f"line {n}" in bad.stderr.decode() for n in range(1, 6)] == [False, True, True, True, False]


@pytest.mark.parametrize(
    ("options", "stdin", "says"),
    [
        ((), "<!DOCTYPE html><html><body>", "is an HTML page, not a record a line: use --page"),
        (("--jsonl", "text"), "<html><body>\n", "is an HTML page"),
        ((), '{"text": "發展"}\n{"text": "經濟"}\n', "is JSON lines: name the field to clean, such as --jsonl text"),
        ((), "%PDF-1.4\n1 0 obj\n", "is a PDF document"),
        (("--page", "--jsonl", "text"), "", "give one"),
        (("--page",), "%PDF-1.4", "is a PDF document"),
    ],
)
def test_pipe_refuses_what_is_no_record_a_line(options, stdin, says):
    done = shell("pipe", *options, stdin=stdin.encode())
    assert (done.returncode, says in done.stderr.decode(), done.stdout) == (2, True, b""), done.stderr


def test_pipe_takes_a_page(seeds):
    """The same as `clean` makes of it."""
    seed = next(seeds.glob("003_*.txt"))
    done = shell("pipe", "--page", stdin=seed.read_bytes())
    assert done.stdout.decode() == json.loads(run("explain", seed, "--json").output)["text"]
    page = "<html><body><h1>春天</h1>" + "<p>今年三月,喀什古城的杏花開了,遊客比往年多了一倍。</p>" * 3
    assert shell("pipe", "--page", stdin=page.encode()).stdout.decode().startswith("春天\n今年三月,喀什古城的杏花开了")
    told = shell("pipe", stdin="標題\n\n發展\n".encode())
    assert (told.returncode, "for a page, whose lines belong together, use --page" in told.stderr.decode()) == (0, True)


def test_learn_tells_why_it_learned_nothing(tmp_path):
    (tmp_path / "1.txt").write_text("只有一页。", "utf-8")
    result = run("learn", tmp_path, "--host", "a.example", "-o", tmp_path.parent / f"{tmp_path.name}.toml")
    assert result.exit_code == 0
    assert "note: the profile is empty, and changes nothing: only lines on 3 pages" in result.output


def test_rules_commands(tmp_path):
    listed = run("rules", "list").output
    assert "licence.icp" in listed
    shown = run("rules", "show", "ticker.menu").output
    assert "C16" in shown
    assert "601008" in shown
    pack = tmp_path / "mine.toml"
    pack.write_text(
        '[[line]]\nid = "mine.slogan"\ncategory = "C19"\nanchors = ["口号"]\nmatch = ".{0,4}口号.{0,6}"\nhit = ["本站口号"]\nmiss = ["他喊着口号走过整条街,人们纷纷驻足。"]\n',
        "utf-8",
    )
    assert "ok  mine.slogan: 1 hits, 1 misses" in run("rules", "test", pack).output
    known = pack.with_name("known.toml")
    known.write_text(
        pack.read_text("utf-8")
        .replace('hit = ["本站口号"]', 'hit = ["版权口号"]')
        .replace("口号.{0,6}", "(?:口号.{0,6}|责任编辑:石青)")
        .replace('["版权口号"]', '["版权口号", "责任编辑:石青"]')
        .replace('["口号"]', '["口号", "责任编辑"]'),
        "utf-8",
    )
    told = run("rules", "test", known).output
    assert "'责任编辑:石青' is matched by" in told
    assert "'版权口号' is matched by" not in told
    pack.write_text(pack.read_text("utf-8").replace('hit = ["本站口号"]', 'hit = ["没有"]'), "utf-8")
    refused = run("rules", "test", pack)
    assert refused.exit_code == 2
    assert "mine.slogan" in refused.output


def test_a_pack_of_my_own_acts(tmp_path):
    (tmp_path / "in").mkdir()
    body = "今年三月,喀什古城的杏花开了,游客比往年多了一倍。"
    (tmp_path / "in" / "p.txt").write_text(f"标题在此\n{body}\n本站口号", "utf-8")
    pack = tmp_path / "mine.toml"
    pack.write_text(
        '[[line]]\nid = "mine.slogan"\ncategory = "C19"\nanchors = ["口号"]\nmatch = ".{0,4}口号.{0,6}"\nhit = ["本站口号"]\nmiss = ["他喊着口号走过整条街,人们纷纷驻足。"]\n',
        "utf-8",
    )
    assert run("clean", tmp_path / "in", "-o", tmp_path / "out", "--rules", pack).exit_code == 0
    assert (tmp_path / "out" / "p.txt").read_text("utf-8") == f"标题在此\n{body}"


def test_every_command_has_help():
    for name, command in main.commands.items():
        assert command.help, name
        assert run(name, "--help").exit_code == 0


def test_version_and_doctor():
    assert "cleantext" in run("--version").output
    assert "kernels" in run("doctor").output


def test_dedup_compares_pages_as_they_are(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "refs").mkdir()
    body = "口岸是連接兩國間的重要窗口,推動口岸建設需要雙方同頻共振,顯然,加強口岸建設、暢通口岸已成共識,各方都願意為此出力。"
    (tmp_path / "in" / "a.txt").write_text(body, "utf-8")
    (tmp_path / "in" / "b.txt").write_text(f"转载:{body}", "utf-8")
    (tmp_path / "refs" / "r.txt").write_text(f"题目:{body}", "utf-8")
    assert run("dedup", tmp_path / "in", "-o", tmp_path / "out").exit_code == 0
    [row] = [json.loads(x) for x in (tmp_path / "out" / "duplicates.jsonl").read_text("utf-8").splitlines()]
    assert (row["a"], row["b"], row["similarity"]) == ("a.txt", "b.txt", 1.0)
    run("dedup", tmp_path / "in", "-o", tmp_path / "out2", "--against", tmp_path / "refs")
    rows = [json.loads(x) for x in (tmp_path / "out2" / "duplicates.jsonl").read_text("utf-8").splitlines()]
    assert {r["a"] for r in rows} == {"a.txt", "b.txt"}
    assert all(r["b"].endswith("refs/r.txt") for r in rows)


def test_learn_profile_and_audit(tmp_path):
    folder = tmp_path / "in" / "news.example.cn"
    folder.mkdir(parents=True)
    for n in range(12):
        body = f"第{n}日,{'甲乙丙丁戊己庚辛壬癸子丑'[n]}地的口岸迎来新一批货物,商户们早早开门,街上的人比往年多了一倍,老人们说这样的景象十年未见。"
        (folder / f"{n:02}.txt").write_text(f"{n}号稿件的标题写在这里\n{body}\n{body[::-1]}\n晨光视野每晚八点与您相约\n", "utf-8")
    done = run("learn", tmp_path / "in", "-o", tmp_path / "p.toml")
    assert done.exit_code == 0
    assert "晨光视野每晚八点与您相约" in (tmp_path / "p.toml").read_text("utf-8")
    for options in (["--profile", tmp_path / "p.toml"], ["--learn-hosts"]):
        out = tmp_path / f"out{len(options)}"
        assert run("clean", tmp_path / "in", "-o", out, *options).exit_code == 0
        assert not any("晨光视野" in p.read_text("utf-8") for p in out.rglob("*.txt"))
        audited = run("rules", "audit", out, "--rule", "host.repeated", "--sample", 3).output
        assert "12 firings on 12 pages" in audited
        assert audited.count("晨光视野") == 3


def test_rules_that_are_code_are_explained():
    assert "outside the element that holds the main text" in run("rules", "show", "html.outside-main").stdout
    assert "one form in the other script" in run("rules", "show", "script.character").stdout
    assert run("rules", "show", "html.nothing").exit_code == 2


@pytest.mark.parametrize("out", ["in/1.txt", "in/hosts.toml", "link.toml"])
@pytest.mark.parametrize("source", ["in", "in/*.txt"])
def test_learn_writes_over_no_input(tmp_path, monkeypatch, out, source):
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for n in range(3):
        Path(f"in/{n}.txt").write_text(f"第{n}页\n甲地网版权所有\n", "utf-8")
    Path("link.toml").symlink_to("in/1.txt")
    before = {p.name: p.read_text("utf-8") for p in Path("in").iterdir()}
    result = CliRunner().invoke(main, ["learn", source, "--host", "a.example", "-o", out])
    if (source, out) == ("in/*.txt", "in/hosts.toml"):  # beside pages that were named one by one
        assert result.exit_code == 0
        return
    assert (result.exit_code, "so that no input is written over" in result.output) == (2, True), result.output
    assert {p.name: p.read_text("utf-8") for p in Path("in").iterdir()} == before


@pytest.mark.parametrize(
    "text", ["{", "[]", "5", "[" * 100_000, '{"schema": 1}', '{"schema": 2}', '{"schema": 1, "pages": 5, "rules": {"x": 1}}']
)
def test_a_damaged_report_is_an_error_in_words(tmp_path, text):
    (tmp_path / "report.json").write_text(text, "utf-8")
    result = run("report", tmp_path)
    assert (result.exit_code, result.output.startswith("cleantext: ")) == (2, True)
    assert not (tmp_path / "report.html").exists()


def test_settings_of_a_file_are_taken_and_flags_win(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("喀什的春天\n今年三月,喀什古城的杏花开了,游客比往年多了一倍。\n责任编辑：石青\n", "utf-8")
    Path("pyproject.toml").write_text('[tool.cleantext]\nto = "hant"\n[tool.cleantext.clean]\nmin_chars = 50\n', "utf-8")
    assert "pyproject.toml" in next(line for line in run("config", "show").output.splitlines() if line.startswith("min-chars"))
    Path("cleantext.toml").write_text('to = "hant"\nkeep = ["责任编辑"]\nduplicates = "off"\n[explain]\nto = "hans"\n', "utf-8")
    told = {line.split()[0]: line.split() for line in run("config", "show", "clean", "--to", "hans").output.splitlines()}
    assert told["to"] == ["to", "hans", "the", "command", "line"]
    assert (told["keep"][1:], told["min-chars"][1:]) == (["责任编辑", "cleantext.toml"], ["40", "default"])
    assert run("clean", "a.txt", "-o", "out").exit_code == 0
    assert Path("out/a.txt").read_text("utf-8").endswith("\n責任編輯：石青\n")
    assert run("undo", "out", "-o", "back").exit_code == 0  # whose --to is a folder
    assert run("clean", "a.txt", "-o", "out2", "--to", "hans").exit_code == 0
    assert Path("out2/a.txt").read_text("utf-8").endswith("\n责任编辑：石青\n")
    for wrong, says in (
        ("formt = 1", "did you mean 'format'?"),
        ("[clen]", "unknown command 'clen'"),
        ("[dedup]\nwhere = 'x'", "cleantext.toml, [dedup]"),
    ):
        Path("cleantext.toml").write_text(wrong, "utf-8")
        refused = run("clean", "a.txt", "-o", "out3")
        assert refused.exit_code == 2
        assert says in refused.output
