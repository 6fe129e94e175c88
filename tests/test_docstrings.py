"""The examples in docstrings run, and every public name has one."""

import doctest
import inspect
from importlib import import_module
from pathlib import Path

import pytest

import cleantext
import cleantext.testing

PACKAGE = Path(cleantext.__file__).parent
MODULES = sorted(
    p.relative_to(PACKAGE.parent).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
    for p in PACKAGE.rglob("*.py")
    if p.stem != "__main__" and not p.stem.startswith("make_")
)


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings(module):
    result = doctest.testmod(import_module(module), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


PUBLIC = [getattr(cleantext, name) for name in cleantext.__all__] + [getattr(cleantext.testing, name) for name in cleantext.testing.__all__]
# What README shows of these, name by name.
SHOWN = [cleantext.Cleaned, cleantext.Duplicates, cleantext.Page, cleantext.Pipeline, cleantext.SketchSpec]
INNER = {"run", "fast", "spec", "trace", "permutations"}  # for those who write Transforms and indices


@pytest.mark.parametrize("public", PUBLIC, ids=lambda p: p.__name__)
def test_every_public_name_has_an_example(public):
    assert ">>>" in (vars(public) if inspect.isclass(public) else {"__doc__": public.__doc__})["__doc__"]


@pytest.mark.parametrize("shown", SHOWN, ids=lambda c: c.__name__)
def test_every_public_method_stands_in_an_example(shown):
    methods = {name: value for name, value in vars(shown).items() if name[0] != "_" and getattr(value, "__doc__", None)}
    methods = {name: value for name, value in methods.items() if not inspect.isclass(value) and name not in inspect.get_annotations(shown)}
    assert methods
    for name in methods.keys() - INNER:
        assert f".{name}" in shown.__doc__ or ">>>" in methods[name].__doc__, f"{shown.__name__}.{name}: no example"
