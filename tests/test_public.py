"""The package as others use it: its public names, their types, and functions of theirs that are sent to other processes."""

import ast
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import cleantext as ct

PACKAGE = Path(ct.__file__).parent
ROOT = PACKAGE.parent


def python(code, **env):
    script = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env={**os.environ, **env}, cwd=ROOT)
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
    out = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "MYPYPATH": str(ROOT)}, cwd=ROOT).stdout
    told = {int(line.split(":")[1]): line for line in out.splitlines() if line.startswith(str(user))}
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
