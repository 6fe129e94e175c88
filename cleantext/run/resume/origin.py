"""The origin of a finished run: run.json, by which a run of other pages is refused, and a run of the same pages need not be repeated.

It holds the folders of the pages, and digests: of everything that decides the outputs (the recipe, this code, the pages on
the disk), and of the tables. The digests of the written pages are in metadata.jsonl.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path, PurePosixPath
from typing import Any

import cleantext
from cleantext.errors import ConfigError, InputError
from cleantext.report.tally import Report, counted
from cleantext.run.files import TABLES, write_json
from cleantext.run.learn import HOSTS
from cleantext.run.paths import inside
from cleantext.run.readers.find import Found
from cleantext.run.readers.packed import MAX_TEXT_BYTES
from cleantext.run.readers.source import Remote, Source, state_of
from cleantext.run.readers.units import Unit
from cleantext.run.resume.markers import digest_of
from cleantext.run.resume.run_state import INPUTS, has_stopped, rows_of
from cleantext.run.shards.settings import METADATA, Settings
from cleantext.run.writers.corpus import corpus_files

__all__ = ["begin", "made_of", "unchanged", "write_origin"]

RUN = "run.json"
SCHEMA = 1


def made_of(found: Found, units: Sequence[Unit], settings: Settings, *, learn_hosts: bool) -> str:
    """Return the digest of everything that decides the outputs of a run: the recipe, the options, this code and the pages on the disk."""
    code = sorted(p for p in Path(cleantext.__file__).parent.rglob("*") if p.is_file() and p.parent.name != "__pycache__")
    search = [settings.duplicates, settings.threshold, settings.min_chars, settings.max_df, settings.form, settings.where, settings.index]
    said: list[Any] = [settings.fingerprint, settings.budget, *search, learn_hosts, found.notes]
    held = hashlib.sha256(json.dumps([*said, [(p.name, *state_of(p)[:2]) for p in code]]).encode())
    for unit in units:
        held.update(json.dumps(unit.identity).encode())
    return held.hexdigest()


def begin(folder: Path, state: Path, sources: Sequence[str | Path], pages: Sequence[Source], *, replace: bool) -> None:
    """Save the folders of the pages with the state of the run. Raise `ConfigError` if outputs of pages from elsewhere would be lost.

    Such pages are those in a folder that this run does not read, unless they are the same pages (the folder was moved), and pages that were named
    individually before, still exist and are not named now. The outputs of pages that are gone from a folder of this run may be deleted. ``replace``
    allows the deletion of all.
    """
    walked = {Path(source).resolve() for source in sources if Path(source).is_dir()}
    roots = {_root(page) for page in pages} | {str(path) for path in walked}
    if not replace:
        before = _inputs(state / INPUTS) or _inputs(folder / RUN)
        apart = [root for root in before if root not in roots and walked.isdisjoint((Path(root), *Path(root).parents))]
        if apart and not _are_moved(folder, state, pages):
            raise ConfigError(
                f"output {folder} was made from {_named(before)}, which this run does not read: its pages would be lost. Choose another "
                "output (-o), name both inputs, or let these pages take the place of those (--replace)"
            )
        listed = [root for root in before if root in roots and walked.isdisjoint((Path(root), *Path(root).parents))]
        left = _left_out(folder, listed, pages)
        if left:
            raise ConfigError(
                f"output {folder} holds the cleaned {left[0]}{f' and {len(left) - 1} more' if len(left) > 1 else ''}, which this run does not "
                "read, though the input is there: its output would be lost. Name it, too, or choose another output (-o), or let these pages "
                "take the place of those (--replace)"
            )
    write_json(state / INPUTS, sorted(roots))


def write_origin(folder: Path, state: Path, made: str) -> None:
    """Write run.json next to the tables of a finished run; if ``made`` is empty, the run cannot be skipped later, and tables are not read for it."""
    tables = {name: digest_of(folder / name) for name in _tables(folder)} if made else {}
    write_json(folder / RUN, {"schema": SCHEMA, "inputs": _inputs(state / INPUTS), "made_of": made, "tables": tables})


def unchanged(folder: Path, state: Path, made: str) -> Report | None:
    """Return the report of the run that wrote a folder, if the same would be written again; None if a run was interrupted there.

    Checks all outputs. A page that was read but failed is tried again: the obstacle may be gone.
    """
    if has_stopped(state):
        return None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, InputError):
        held = json.loads((folder / RUN).read_bytes())
        if held["schema"] != SCHEMA or held["made_of"] != made or held["tables"].keys() != set(_tables(folder)):
            return None
        if any(digest_of(folder / name) != digest for name, digest in held["tables"].items()):
            return None
        for row in rows_of(folder / METADATA) if (folder / METADATA).exists() else ():
            if row["outcome"] == "failed" and "sha256" in row:
                return None
            if row["output"] and digest_of(inside(folder, row["output"])) != row["output_sha256"]:
                return None
        report = Report.from_json(json.loads((folder / "report.json").read_bytes()))
        report.notes.append(f"nothing new: {counted(report.pages_in, 'page')} as before (--restart does all again)")
        return report
    return None


def _root(page: Source) -> str:
    """Return the folder to which the id of a page is relative."""
    if isinstance(page.path, Remote):
        return page.path.address.removesuffix(page.id)
    return str(page.path.absolute().parents[len(PurePosixPath(page.id).parts) - 1].resolve())


def _inputs(path: Path) -> list[str]:
    """Return the folders that a run was made from, as far as known."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        held = json.loads(path.read_bytes())
        held = held["inputs"] if isinstance(held, dict) else held
        return [root for root in held if isinstance(root, str)]
    return []


def _are_moved(folder: Path, state: Path, pages: Sequence[Source]) -> bool:
    """Return whether all pages with outputs are pages of this run, with the same ids and bytes. Outputs of an interrupted run are unknown."""
    if has_stopped(state):
        return False
    now = {page.id: page for page in pages}
    rows = rows_of(folder / METADATA) if (folder / METADATA).exists() else []
    with contextlib.suppress(InputError):
        return all(
            row["id"] in now and hashlib.sha256(now[row["id"]].read(most=MAX_TEXT_BYTES)).hexdigest() == row.get("sha256")
            for row in rows
            if row["output"]
        )
    return False


def _left_out(folder: Path, roots: Iterable[str], pages: Sequence[Source]) -> list[str]:
    """Return the inputs below some folders that were cleaned before, still exist, and are not read by this run."""
    rows: Sequence[Any] = rows_of(folder / METADATA) if roots and (folder / METADATA).exists() else ()
    now: AbstractSet[str] = {page.id for page in pages}
    found = (str(Path(root, row["id"])) for row in rows if row["output"] and row["id"] not in now for root in roots)
    return [path for path in found if os.path.lexists(path)]


def _named(roots: Sequence[str]) -> str:
    return ", ".join(roots[:3]) + (f" and {len(roots) - 3} more" if len(roots) > 3 else "")


def _tables(folder: Path) -> list[str]:
    names = sorted({*TABLES, HOSTS, *(path.name for path in corpus_files(folder))})
    return [name for name in names if name != RUN and (folder / name).is_file()]
