"""The state of a run in its output folder: held by one run at a time, gone when the run is done, kept when it was stopped."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from cleantext.errors import ConfigError, InputError
from cleantext.plan.lock import only_writer
from cleantext.run.files import STATE, is_name_error, missing_folders, output_path, write_json
from cleantext.run.shards.settings import METADATA

__all__ = [
    "INPUTS",
    "LEARNED",
    "LOCK",
    "READ",
    "clear",
    "delete",
    "drop_parts",
    "earlier_outputs",
    "has_stopped",
    "make_way",
    "outputs_of",
    "rows_of",
    "sweep",
    "working",
]

LOCK = "lock"
EARLIER = "earlier.json"  # outputs of runs that were stopped, should this one be stopped, too
READ = "read"  # what was read to learn from, and is read again to be cleaned
INPUTS = "inputs.json"  # the folders of the pages of a run that was stopped
# What a run that failed or was stopped need not keep: texts are written again, whatever happened.
IDLE = {LOCK, INPUTS, READ, "texts", "references"}
LEARNED = "learned.json"
UNIT = 16  # characters of the name of a shard that name its unit
# What an incremental run keeps of its shards, and what it learned; and pages, where they lie aside (see `page_folder`).
KEPT = (".done", ".rows.parquet", ".edits.arrow", ".metadata.jsonl", ".batches", LEARNED, "pages")
LEFT = re.compile(r"\.[0-9a-f]{12}\.\d+\.part")  # the temporary names of `cleantext.run.files.whole`


@contextlib.contextmanager
def working(folder: Path, within: str = "", *, restart: bool = False, keep: bool = False) -> Iterator[Path]:
    """Give the folder in which a run works, to it alone; it goes when the run is done, and stays when it was stopped.

    ``within`` is a folder of its own for one command. ``restart`` forgets what a stopped run has done; with ``keep`` what shards made
    stays when the run is done, too. Raise
    `ConfigError` with the process that holds the folder where another run works in it, and where there are links in the state:
    what they lead to would be written over, and deleted in the end.
    """
    state = folder / STATE
    work = state / within
    made = missing_folders(folder)
    stopped = os.path.lexists(state)
    if stopped:
        _refuse_links(state)
    with only_writer(state / LOCK, str(folder)):
        if restart:
            clear(work)
        work.mkdir(exist_ok=True)
        if stopped:
            sweep(folder)
        try:
            yield work
        except BaseException:
            if not _keeps(folder, work):
                _remove(work, state)
                with contextlib.suppress(OSError):
                    for path in made:
                        path.rmdir()
            raise
        if keep:
            clear(work, but=is_kept)
            for name in (EARLIER, INPUTS, LOCK):
                (work / name).unlink(missing_ok=True)
        else:
            _remove(work, state)


def is_kept(name: str) -> bool:
    """Say whether a file of the state is what an incremental run keeps."""
    return name.endswith(KEPT)


def drop_parts(state: Path, shards: AbstractSet[str], gone: Iterable[str]) -> None:
    """Delete what an incremental run kept of shards that are none of these any more, and of pages that are gone."""
    units = {name[:UNIT] for name in shards}
    for path in state.iterdir():
        unit = path.name.partition(".")[0]
        if (
            is_kept(path.name)
            and path.is_file()
            and path.name != LEARNED
            and unit not in shards
            and not (unit[:UNIT] in units and path.suffix == ".batches")
        ):
            path.unlink()
    for name in gone:
        delete(state / "pages", name)


def has_stopped(state: Path) -> bool:
    """Say whether a run was stopped that had begun to work: there is more than what an incremental run keeps."""
    return any(path.name not in (LOCK, INPUTS) and not is_kept(path.name) for path in state.iterdir())


def _keeps(folder: Path, work: Path) -> bool:
    """Say whether there is something to take up from, or that a run has begun to write: the folder must be known as its output, then."""
    begun = not (folder / "report.json").exists() and any(p.name != STATE for p in folder.iterdir())
    return begun or any(p.name not in IDLE and not (p.is_dir() and not any(p.iterdir())) for p in work.iterdir())


def _refuse_links(state: Path) -> None:
    links = [state] if state.is_symlink() or (not state.is_dir() and os.path.lexists(state)) else []  # it may go meanwhile
    for here, folders, files in os.walk(state):
        links += [path for name in (*folders, *files) if (path := Path(here, name)).is_symlink()]
        if links:
            break
    if links:
        raise ConfigError(f"{links[0]}: cleantext did not make this: its state holds no links and is a folder; move it away")


def clear(work: Path, *, but: Callable[[str], bool] = lambda _: False) -> None:
    """Forget what a stopped run has done, ``but`` some files, except of what and which pages it may have written."""
    for path in work.iterdir() if work.exists() else ():
        if path.name not in (LOCK, EARLIER, INPUTS) and not but(path.name):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _remove(work: Path, state: Path) -> None:
    with contextlib.suppress(OSError):
        clear(work)
        for name in (EARLIER, INPUTS):
            (work / name).unlink(missing_ok=True)
        if work != state:
            work.rmdir()
        if [path.name for path in state.iterdir()] == [LOCK]:  # last: from here on the folder is free
            (state / LOCK).unlink()
            state.rmdir()


def sweep(folder: Path) -> None:
    """Delete the temporary files that killed processes left, in subfolders too. Only who holds the folder may: they could be another's."""
    for here, _, names in os.walk(folder):
        for name in names:
            if LEFT.fullmatch(name):
                Path(here, name).unlink(missing_ok=True)


# ---------------------------------------------------------------- what runs before wrote


def rows_of(table: Path) -> list[dict[str, Any]]:
    """Return the rows of a metadata.jsonl. Raise `InputError` with the line that is none."""
    rows = []
    for number, line in enumerate(table.read_bytes().split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            sound = isinstance(row, dict) and isinstance(row["id"], str) and isinstance(row["outcome"], str)
            sound = sound and isinstance(row["output"], str | None)
        except (ValueError, KeyError, RecursionError):
            sound = False
        if not sound:
            raise InputError(f"{table}, line {number}: no row of a run; the file was damaged: clean the pages into a new folder")
        rows.append(row)
    return rows


def outputs_of(table: Path) -> set[str]:
    """Return the pages that a metadata.jsonl says were written; none where there is no such file."""
    return {row["output"] for row in rows_of(table) if row["output"]} if table.exists() else set()


def earlier_outputs(folder: Path, state: Path, *, but: AbstractSet[str]) -> set[str]:
    """Return the pages that earlier runs into this folder wrote, or may have begun to write when they were stopped, ``but`` some.

    They are kept with the state of this run, should it be stopped, too. Raise `InputError` for a name that leads out of the folder
    or is the run's own: such are no pages, and would be deleted.
    """
    names = outputs_of(folder / METADATA)
    for path in (state / EARLIER, *state.glob("*.outputs.json")):
        with contextlib.suppress(OSError, ValueError, TypeError, RecursionError):
            held = json.loads(path.read_bytes())
            names.update(name for name in held if isinstance(name, str))
    names -= but
    for name in names:
        output_path(folder, name)  # before anything is written
    if names:
        write_json(state / EARLIER, sorted(names))
    return names


def make_way(folder: Path, earlier: AbstractSet[str], outputs: AbstractSet[str]) -> None:
    """Delete those pages of earlier runs that stand where outputs need a folder, or whose folders stand where outputs will be."""
    folders = _folders(outputs) if earlier else set()
    for name in earlier:
        if name in folders or not outputs.isdisjoint(_folders([name])):
            delete(folder, name)


def _folders(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for name in names:
        above = name.rpartition("/")[0]
        while above and above not in found:
            found.add(above)
            above = above.rpartition("/")[0]
    return found


def delete(folder: Path, name: str) -> bool:
    """Delete an output, if there is one, and the folders that are empty without it; say whether there was one.

    A name that no output can have, or that a link leads elsewhere, is of a page that failed; a folder in its place is another page's.
    """
    try:
        path = output_path(folder, name)
    except InputError:
        return False
    there = False
    try:
        if path.is_symlink() or not path.is_dir():
            there = os.path.lexists(path)
            path.unlink(missing_ok=True)
    except OSError as error:
        if not is_name_error(error):
            raise
    with contextlib.suppress(OSError):
        while (path := path.parent) != folder:
            path.rmdir()
    return there
