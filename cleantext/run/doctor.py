"""Checks of an installation: problems that users meet, each with its fix."""

from __future__ import annotations

import importlib.metadata as meta
import sys
from collections.abc import Iterator
from pathlib import Path

import cleantext

__all__ = ["checks"]


def checks() -> Iterator[tuple[str, bool, str]]:
    """Yield (name, passed, finding and fix) for each check."""
    yield "python", sys.version_info >= (3, 11), sys.version.split()[0]
    owners = meta.packages_distributions().get("cleantext", [])
    strangers = sorted({o for o in owners if o != "cleantext-zh"})
    text = f"{cleantext.__version__} at {Path(cleantext.__file__).parent}"
    if strangers:
        text += f"; also installed by {', '.join(strangers)}: pip uninstall {' '.join(strangers)}, then install cleantext-zh again"
    yield "cleantext", not strangers, text
    for name in ("datasketch", "opencc-python-reimplemented", "ftfy", "beautifulsoup4", "numpy", "numba", "pyarrow", "resiliparse"):
        try:
            yield name, True, meta.version(name)
        except meta.PackageNotFoundError:
            yield name, False, f"missing: pip install {name}"
    both = [d for d in meta.packages_distributions().get("opencc", []) if d.lower() == "opencc"]
    yield "opencc", True, "two distributions own this import name; cleantext reads its own tables" if both else "no clash"
    yield "kernels", *_kernels()


def _kernels() -> tuple[bool, str]:
    from cleantext.jit import is_disabled
    from cleantext.warm import is_warm, kernel_cache

    if is_disabled():
        return False, "interpreted, some 100 times slower: NUMBA_DISABLE_JIT is set; unset it"
    folder = kernel_cache()
    if folder is None:
        return False, (
            "compiled by each process for itself, a minute for a large job: neither the folder of the package nor the user's cache can be "
            "written. Set NUMBA_CACHE_DIR to a folder that can"
        )
    if is_warm("pages", "documents", "passage"):
        return True, f"compiled, in {folder.parent}"
    return True, f"compiled by the first large job, once on this machine, into {folder.parent}; `cleantext.warm()` does so now"
