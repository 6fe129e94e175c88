"""The state of a run in its output folder: held by one run at a time, deleted when the run is done, kept when it is interrupted."""

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
EARLIER = "earlier.json"  # outputs of interrupted runs, in case this one is interrupted as well
READ = "read"  # what was read for learning, and is read again for cleaning
INPUTS = "inputs.json"  # the folders of the pages of an interrupted run
# Not kept by a run that failed or was interrupted: texts are written again in any case.
IDLE = {LOCK, INPUTS, READ, "texts", "references"}
LEARNED = "learned.json"
UNIT = 16  # length of the prefix of a shard's name that identifies its unit
# What an incremental run keeps of its shards, and what it learned; also pages, if they are set aside (see `page_folder`).
KEPT = (".done", ".rows.parquet", ".edits.arrow", ".metadata.jsonl", ".batches", LEARNED, "pages")
LEFT = re.compile(r"\.[0-9a-f]{12}\.\d+\.part")  # the temporary names of `cleantext.run.files.whole`


@contextlib.contextmanager
def working(folder: Path, within: str = "", *, restart: bool = False, keep: bool = False) -> Iterator[Path]:
    """Yield the folder in which a run works, exclusively; it is deleted when the run is done, and kept when it is interrupted.

    ``within`` is the folder of one command. ``restart`` discards the work of an interrupted run; with ``keep`` the results of shards
    are kept when the run is done, too. Raise
    `ConfigError` with the process that holds the folder if another run works in it, and if there are links in the state:
    their targets would be overwritten, and deleted in the end.
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
    """Return whether a file of the state is kept by an incremental run."""
    return name.endswith(KEPT)


def drop_parts(state: Path, shards: AbstractSet[str], gone: Iterable[str]) -> None:
    """Delete what an incremental run kept of shards that no longer exist, and of pages that are gone."""
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
    """Return whether a run was interrupted after it had begun to work: there is more than what an incremental run keeps."""
    return any(path.name not in (LOCK, INPUTS) and not is_kept(path.name) for path in state.iterdir())


def _keeps(folder: Path, work: Path) -> bool:
    """Return whether there is work to continue, or outputs may have been written: then the folder must stay recognizable as an output."""
    begun = not (folder / "report.json").exists() and any(p.name != STATE for p in folder.iterdir())
    return begun or any(p.name not in IDLE and not (p.is_dir() and not any(p.iterdir())) for p in work.iterdir())


def _refuse_links(state: Path) -> None:
    links = [state] if state.is_symlink() or (not state.is_dir() and os.path.lexists(state)) else []  # it may be deleted meanwhile
    for here, folders, files in os.walk(state):
        links += [path for name in (*folders, *files) if (path := Path(here, name)).is_symlink()]
        if links:
            break
    if links:
        raise ConfigError(f"{links[0]}: cleantext did not make this: its state holds no links and is a folder; move it away")


def clear(work: Path, *, but: Callable[[str], bool] = lambda _: False) -> None:
    """Discard the work of an interrupted run, except the files for which ``but`` is true and the lists of pages it may have written."""
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
    """Delete the temporary files of killed processes, also in subfolders. Only the holder of the folder may do so: they could be in use."""
    for here, _, names in os.walk(folder):
        for name in names:
            if LEFT.fullmatch(name):
                Path(here, name).unlink(missing_ok=True)


# ---------------------------------------------------------------- what runs before wrote


def rows_of(table: Path) -> list[dict[str, Any]]:
    """Return the rows of a metadata.jsonl. Raise `InputError` with the number of an invalid line."""
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
    """Return the pages that were written according to a metadata.jsonl; none if there is no such file."""
    return {row["output"] for row in rows_of(table) if row["output"]} if table.exists() else set()


def earlier_outputs(folder: Path, state: Path, *, but: AbstractSet[str]) -> set[str]:
    """Return the pages that earlier runs into this folder wrote, or may have begun to write before an interruption, except ``but``.

    They are saved with the state of this run, in case it is interrupted as well. Raise `InputError` for a name that leads out of the folder
    or is reserved for the run: these are not pages, and would be deleted.
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
    """Delete pages of earlier runs that are in the way: where outputs need a folder, or in folders where outputs will be files."""
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
    """Delete an output, if it exists, and the folders that become empty; return whether it existed.

    A name that is invalid for outputs, or that a link redirects, belongs to a page that failed; a folder in its place belongs to another page.
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
