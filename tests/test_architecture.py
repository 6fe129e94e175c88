"""What keeps the house in order: sizes, layers, the public names, what an import costs."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import grimp
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
    assert len(text.splitlines()) <= 400
    assert path.stem not in {"utils", "helpers", "base", "core", "manager", "misc", "common"}
    assert ast.get_docstring(ast.parse(text)), "a module says what it is for"


# Names that two modules share today, each in a room of its own: the list only shrinks.
SHARED_FILES = set[str]()
SHARED_CLASSES = {"Row", "_Work"}


def shared(names):
    """Return the names that stand more than once."""
    return {name for name, times in Counter(names).items() if times > 1}


def test_no_file_name_stands_twice():
    assert not shared(path.stem for path in FILES if path.stem not in {"__init__", "__main__"}) - SHARED_FILES


def test_no_class_name_stands_twice():
    trees = [ast.parse(path.read_text("utf-8")) for path in FILES]
    assert not shared(node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)) - SHARED_CLASSES


LARGE_FOLDERS = {".": 15}  # raised never


def test_folders_have_a_dozen_modules():
    sizes = Counter(path.parent.relative_to(PACKAGE).as_posix() for path in FILES if path.stem != "__init__")
    assert not {folder: size for folder, size in sizes.items() if size > LARGE_FOLDERS.get(folder, 12)}


def test_no_modules_import_one_another():
    """Imports inside functions count, too; those for type checkers alone do not."""
    graph = grimp.build_graph("cleantext", exclude_type_checking_imports=True, cache_dir=None)
    importers = {module: graph.find_downstream_modules(module) for module in graph.modules}  # in any number of steps
    both = {(a, b) for a in importers for b in importers[a] if a in importers[b]}
    assert not both


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
