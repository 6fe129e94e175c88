"""The examples in docstrings run."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import cleantext

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
