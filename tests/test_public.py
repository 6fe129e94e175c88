"""The package as others use it: its public names, their types, and functions of theirs that are sent to other processes."""

import ast
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import cleantext as ct

PACKAGE = Path(ct.__file__).parent
ROOT = PACKAGE.parent


def python(code, **env):
    script = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=False, capture_output=True, text=True, env={**os.environ, **env}, cwd=ROOT
    )
    assert script.returncode == 0, script.stderr
    return script.stdout


def test_the_stub_names_what_the_package_loads():
    imports = [node for node in ast.parse((PACKAGE / "__init__.pyi").read_text("utf-8")).body if isinstance(node, ast.ImportFrom)]
    homes = {alias.name: node.module.removeprefix("cleantext.") for node in imports for alias in node.names}
    assert homes == ct._HOME


USER = """
import cleantext as ct

reveal_type(ct.clean)  # note: Revealed type is "def (text: str
reveal_type(ct.decode(b"").text)  # note: Revealed type is "str"
reveal_type(ct.repair)  # note: Revealed type is "def (text: str
reveal_type(ct.Pipeline.load("zh-web").fingerprint)  # note: Revealed type is "str"
reveal_type(ct.find_duplicates(["甲"]).texts())  # note: Revealed type is "list[str]"
ct.clean(5)  # error: Argument 1 to "clean" has incompatible type "int"
ct.claen("發展")  # error: Module has no attribute "claen"
"""


def test_type_checkers_see_functions_and_find_mistakes(tmp_path):
    user = tmp_path / "user.py"
    user.write_text(USER, "utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(user)]
    out = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, "MYPYPATH": str(ROOT)}, cwd=ROOT).stdout
    told = {int(line.split(":")[1]): line for line in out.splitlines() if "user.py:" in line}  # not by its folder: answers are cached
    expected = {n: line.split("  # ")[1] for n, line in enumerate(USER.splitlines(), 1) if "  # " in line}
    assert told.keys() == expected.keys(), out
    for n, message in expected.items():
        assert message in told[n]


@pytest.mark.parametrize("first", ["cleantext.decode", "cleantext.normalize", "cleantext.repair", "cleantext.warm", "cleantext"])
def test_functions_win_over_modules_of_their_name_in_any_order(first):
    code = "import cleantext.decode, cleantext.normalize, cleantext.repair, cleantext.warm, cleantext as ct"
    python(f"import {first}; {code}; assert all(type(f).__name__ == 'function' for f in (ct.decode, ct.normalize, ct.repair, ct.warm))")


def test_the_package_pickles_by_name():
    assert pickle.loads(pickle.dumps(ct)) is ct


SEND = """
import hashlib, cloudpickle, cleantext as ct
clean = lambda text: ct.clean(text)
before = cloudpickle.dumps(clean)
if {used}: clean('發展')
assert cloudpickle.dumps(clean) == before
assert cloudpickle.loads(before)('發展') == '发展'
print(hashlib.sha256(before).hexdigest())
"""


def test_functions_that_use_the_package_go_to_other_processes():
    pytest.importorskip("cloudpickle")
    fresh, used = (python(SEND.format(used=used), PYTHONHASHSEED=str(used)) for used in (0, 1))
    assert fresh == used


WEB = ct.Pipeline.load("zh-web")


@pytest.mark.parametrize(
    "function", [ct.clean, ct.explain, ct.repair, ct.normalize, ct.strip_chrome, ct.unify_script, ct.detect_script, WEB]
)
@pytest.mark.parametrize(("value", "way_out"), [(None, "Pipeline.arrow"), (b"x", "decode"), (["x"], "Pipeline.arrow"), (5, "one text")])
def test_what_is_no_text_is_refused_with_the_way_out(function, value, way_out):
    with pytest.raises(TypeError, match=f"expected str, got {type(value).__name__}.*{way_out}"):
        function(value)


def test_what_is_no_bytes_is_refused():
    with pytest.raises(TypeError, match="decoded already"):
        ct.decode("發展")
    with pytest.raises(TypeError, match="expected bytes, got NoneType"):
        ct.decode(None)
    with pytest.raises(TypeError, match="hint"):
        ct.decode(b"x", hint=5)
    data = "發展新疆的經濟".encode("gb18030")
    assert ct.decode(bytearray(data), hint="gbk") == ct.decode(memoryview(data), hint="gbk") == ct.decode(data, hint="gbk")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: WEB.arrow("發展"), "column of texts, got one str"),
        (lambda: WEB.arrow(5), "expected column: a list or a column of strings, got int"),
        (lambda: WEB.on(["text"]), "name of a column, got list"),
        (lambda: WEB.on("text")("發展"), "expected a batch"),
        (lambda: WEB.then("script.to"), "expected a Transform, got str"),
        (lambda: ct.clean("發展", page="發展"), "cleantext.Page"),
        (lambda: ct.read_html("<p>發展", url=5), "url"),
        (lambda: ct.apply(None, []), "expected str, got NoneType"),
        (lambda: ct.find_duplicates(None), "texts: a list or a column of strings, got NoneType"),
    ],
)
def test_wrong_types_are_named(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: WEB.on("text")({"body": ["發展"]}), "no column 'text': there are body"),
        (lambda: WEB.arrow([b"x"]), r"column\[0\]: expected a string, got bytes"),
        (lambda: WEB.arrow({"text": "發展"}), "only the keys"),
        (lambda: WEB.arrow(pa.table({"text": ["發展"]})), "expected one column, got a table of text"),
        (lambda: ct.find_duplicates("發展"), "put it into a list"),
        (lambda: ct.normalize("x", width="full"), "unknown width 'full'"),
        (lambda: ct.unify_script("x", to=None), "unknown script None"),
    ],
)
def test_wrong_values_are_named(call, message):
    with pytest.raises(ct.CleantextError, match=message):
        call()


def test_a_column_of_any_kind_of_batch_is_cleaned():
    clean = WEB.on("text")
    lists = {"id": [1, 2], "text": ["發展", None]}
    table = pa.table(lists)
    assert clean(lists) == {"id": [1, 2], "text": ["发展", None]}
    assert clean({"id": 1, "text": "發展"}) == {"id": 1, "text": "发展"}  # one record: map without batched=True
    assert clean({"id": 1, "text": None}) == {"id": 1, "text": None}
    for batch in (table, table.to_batches()[0]):
        assert clean(batch).to_pydict() == {"id": [1, 2], "text": ["发展", None]}
        assert WEB.on("text", out="clean")(batch).to_pydict() == {**lists, "clean": ["发展", None]}
    assert table.to_pydict() == lists


@pytest.mark.elsewhere
def test_a_column_of_pandas_is_cleaned():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"id": [1, 2, 3], "text": ["發展", None, float("nan")]})
    cleaned = WEB.on("text")(frame)["text"]
    assert cleaned.tolist()[:1] == ["发展"]
    assert cleaned.isna().tolist() == [False, True, True]
    assert WEB.arrow(frame["text"]).to_pylist() == ["发展", None, None]


LINE = "今年三月,喀什古城的杏花开了,游客比往年多了一倍,街上卖馕的老人说,这样的春天他等了三年。"


@pytest.mark.parametrize("level", ["document", "passage"])
@pytest.mark.parametrize(
    "column", [[LINE, None, LINE, float("nan")], pa.array([LINE, None, LINE, None]), pa.chunked_array([[LINE, None], [LINE, None]])]
)
def test_missing_texts_have_no_duplicates(column, level):
    found = ct.find_duplicates(column, level=level)
    assert [(row["a"], row["b"]) for row in found.pairs.to_pylist()] == [(0, 2)]
    assert found.texts() == [LINE, "", "", ""]


WITHOUT_COMPILER = """
import sys, pyarrow as pa, cleantext as ct
texts = ["今年三月,喀什古城的杏花开了,游客比往年多了一倍,街上卖馕的老人说,这样的春天他等了三年。\\n" * n + "尾声。" for n in (1, 2, 3)]
for level in ("document", "passage"):
    found = ct.find_duplicates(texts, level=level, threshold=0.5)
    print(found.pairs.to_pylist(), found.texts(), found.clusters.to_pylist())
print(ct.find_duplicates(texts, max_df=1).boilerplate.to_pylist())
print(ct.SketchSpec(slots=16).sketch(texts).rows.tolist())
print(ct.shingle_hash("發展新疆"))
print(ct.Pipeline.load("zh-web").arrow(pa.array(["發展新疆\\n责任编辑：某某", None])).to_pylist())
print(ct.explain("發展新疆" * 9_000).edits[:3], ct.read_html("<p>春<a href=x>天</a>" * 3000).blocks[:2])
"""


def test_results_are_the_same_without_a_compiler(capsys):
    exec(WITHOUT_COMPILER, {})
    assert python(WITHOUT_COMPILER + "ct.warm()", NUMBA_DISABLE_JIT="1") == capsys.readouterr().out
