"""What keeps the house in order: sizes, layers, the public names, what an import costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import cleantext

PACKAGE = Path(cleantext.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
LAZY = {"numba", "pyarrow", "duckdb", "bs4", "lxml", "ftfy", "datasketch", "rich", "jinja2", "resiliparse", "ahocorasick_rs", "zstandard"}


def imported(code):
    script = f"import sys; {code}; print(' '.join(sorted({{m.split('.')[0] for m in sys.modules}})))"
    return set(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_files_are_rooms_not_halls(path):
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 420
    assert path.stem not in {"utils", "helpers", "base", "core", "manager", "misc", "common"}
    assert ast.get_docstring(ast.parse(text)), "a module says what it is for"


def test_importing_the_package_imports_none_of_its_parts():
    assert not imported("import cleantext") & (LAZY | {"numpy", "click"})


def test_help_does_not_wait_for_the_heavy_ones():
    assert not imported("from click.testing import CliRunner; from cleantext.cli import main; CliRunner().invoke(main, ['--help'])") & (
        LAZY | {"numpy"}
    )


def test_one_short_string_never_waits_for_numba():
    assert "numba" not in imported("import cleantext as ct; ct.clean('發展新疆的歷史與經濟'); ct.explain('發展')")


def test_public_names_are_sorted_and_there():
    assert cleantext.__all__ == sorted(cleantext.__all__)
    for name in cleantext.__all__:
        assert getattr(cleantext, name).__doc__, name
    with pytest.raises(AttributeError, match="public names"):
        _ = cleantext.nothing


def test_no_registry_or_machine_is_named():
    for path in [*FILES, *PACKAGE.rglob("*.toml")]:
        text = path.read_text("utf-8")
        assert "/work/" not in text
        assert "pypi.org" not in text.lower()
