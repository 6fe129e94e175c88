"""Find inputs: from files, folders, patterns and addresses, select those that hold pages, and describe the others."""

from __future__ import annotations

import atexit
import contextlib
import fnmatch
import glob
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from cleantext.errors import ConfigError, InputError, wrong_type
from cleantext.run.files import TABLES, is_own, is_run
from cleantext.run.paths import leads_out
from cleantext.run.readers.records import refusal
from cleantext.run.readers.sniff import HTML, KINDS, TEXT, Kind, ending_of, sniff
from cleantext.run.readers.sniff import TABLES as RECORDS
from cleantext.run.readers.source import IGNORE_FILE, Remote, Source, encodable, is_remote, remote_files
from cleantext.run.readers.units import READERS

__all__ = ["Found", "few", "find_pages", "listed"]


# The assumed kind of empty or broken files with these endings.
NAMED = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".jl": "jsonl", ".arrow": "arrow", ".feather": "arrow"}
NAMED |= {".csv": "csv", ".tsv": "tsv", ".warc": "warc", ".wet": "wet", ".zip": "zip", ".tar": "tar"}
SHOWN = 5  # kinds of files that are reported with what to do


@dataclass(slots=True)
class Found:
    """The result of a search for inputs, including what it left out."""

    pages: list[Source] = field(default_factory=list)  # one page per file
    holders: list[Source] = field(default_factory=list)  # files with many pages: tables, crawls, archives
    ignored: list[str] = field(default_factory=list)  # by .cleantextignore
    unused: list[str] = field(default_factory=list)  # patterns of .cleantextignore that matched nothing
    other: list[str] = field(default_factory=list)  # neither text nor HTML, not files, or outputs of an earlier run
    kinds: Counter[str] = field(default_factory=Counter)  # the kinds of these
    tables: list[Source] = field(default_factory=list)  # those of them that hold many pages

    def leave_out(self, name: str, kind: str) -> None:
        """Count a file that is not a page."""
        self.other.append(encodable(name))
        self.kinds[kind] += 1

    def meet(self, path: Path | Remote, page_id: str) -> None:
        """Add a file of a folder as a page, or leave it out by its kind.

        A file that cannot be read or identified is a page if its name says so; it will fail and be reported.
        """
        kind = _kind_at(path)
        named = ending_of(page_id) in TEXT | HTML
        if named if kind is None or kind.name == "binary" else kind.group == "page" and (named or kind.name == "html"):
            self.pages.append(replace(Source.of(path, page_id), kind=kind.name if kind else ""))
            return
        known = kind.name if kind else "cannot be read"
        self.leave_out(page_id, "text of another ending" if known == "text" else known)
        if (kind and kind.name in READERS) or ending_of(page_id) in RECORDS:
            self.tables.append(replace(Source.of(path, page_id), kind=kind.name if kind else ""))

    def add(self, source: Source) -> None:
        """Add a file that was named by the user: by its kind, or if that is unknown as a page, which fails."""
        if source.kind in ("", "binary", "text") and (told := NAMED.get(ending_of(source.id))):
            source = replace(source, kind=told)  # empty or broken: reading it will report that
        (self.holders if source.kind in READERS else self.pages).append(source)

    def take_tables(self) -> None:
        """Use the tables, crawls or archives of a folder without pages; ignore the marker files of Hadoop and Spark."""
        tables = [t for t in self.tables if not t.path.name.startswith("_")]
        named = [t for t in tables if ending_of(t.id) in RECORDS] or tables  # other JSON next to these may be anything
        if [p for p in self.pages if not p.path.name.startswith("_")] or not named:
            return
        self.pages = []
        self.holders = sorted(named, key=lambda t: t.id)
        taken = {t.id for t in named}
        for source in named:
            kind = KINDS[source.kind].name if source.kind else "cannot be read"
            self.kinds[kind] -= 1
        self.kinds = +self.kinds
        self.other = [name for name in self.other if name not in taken]
        self.tables = [t for t in self.tables if t.id not in taken]

    @property
    def all(self) -> list[Source]:
        """All files to read."""
        return [*self.pages, *self.holders]

    @property
    def notes(self) -> list[str]:
        """What was left out and why, for users: one sentence each."""
        told = [f"{len(self.ignored)} left out by {IGNORE_FILE}: {few(self.ignored)}"] if self.ignored else []
        told += [f"{pattern}: matches nothing here; is it spelled as the files are?" for pattern in self.unused]
        if self.other:
            told.append(f"{len(self.other)} left out as no pages ({self.counted}): {few(self.other)}")
        return told

    def join(self, other: Found) -> None:
        """Add the result of another search."""
        for name in ("pages", "holders", "ignored", "unused", "other", "tables"):
            getattr(self, name).extend(getattr(other, name))
        self.kinds += other.kinds

    @property
    def counted(self) -> str:
        """The kinds of what was left out, with their numbers."""
        return ", ".join(f"{kind} {n}" for kind, n in sorted(self.kinds.items(), key=lambda k: (-k[1], k[0])))

    def refuse_none(self) -> None:
        """Raise `InputError` if there is no page at all, with what was found instead."""
        wrong = {s.id: kind for s in self.pages if (kind := KINDS.get(s.kind)) and kind.group != "page" and kind.name != "binary"}
        if self.holders or len(wrong) < len(self.pages):
            return
        if wrong:
            told = []
            for kind in dict.fromkeys(wrong.values()):
                first, *more = (name for name, its in wrong.items() if its is kind)
                told.append(f"{first}{f' (and {len(more)} more)' if more else ''}: {refusal(kind)}")
            raise InputError("; ".join(told[:SHOWN]) + (f"; and {len(told) - SHOWN} other kinds" if len(told) > SHOWN else ""))
        there = (
            f"; there are {self.counted}: {few(self.other)}" if self.other else f"; {IGNORE_FILE} leaves all out" if self.ignored else ""
        )
        hint = f". {KINDS[self.tables[0].kind].advice}" if self.tables else ""
        raise InputError(
            f"no page found: plain text (.txt, .text, no ending) or HTML under any name, tables, WARC files or archives, also packed{there}{hint}"
        )


def _stdin() -> Path:
    """Return a temporary file with the content of stdin, which can be read only once; it is deleted when the process ends."""
    with tempfile.NamedTemporaryFile(prefix="cleantext-stdin-", delete=False) as file:
        atexit.register(Path(file.name).unlink, missing_ok=True)
        shutil.copyfileobj(sys.stdin.buffer, file)
    return Path(file.name)


def _far(address: str, found: Found) -> None:
    """Find the files of an address."""
    files = remote_files(address)
    inside = Found()
    for remote, name in files:
        if len(files) == 1 and name.rpartition("/")[2] == address.rpartition("/")[2]:
            inside.add(_named(remote, name))
        else:
            inside.meet(remote, name)
    inside.take_tables()
    found.join(inside)


def few(names: Sequence[str]) -> str:
    """Return the first few of some names.

    >>> few(["1.txt", "2.txt"]), few(["1.txt", "2.txt", "3.txt", "4.txt"])
    ('1.txt, 2.txt', '1.txt, 2.txt, 3.txt, ...')
    """
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _kind_at(path: Path | Remote) -> Kind | None:
    """Return the kind of a file, or None if it cannot be read; special files such as pipes are not opened."""
    with contextlib.suppress(OSError):
        return sniff(path) if path.is_file() else None
    return None


def _named(path: Path | Remote, name: str) -> Source:
    kind = _kind_at(path)
    return replace(Source.of(path, name), kind=kind.name if kind else "")


def listed(src: str | Path | Iterable[str | Path]) -> list[str | Path]:
    """Return the sources named by a caller as a list of paths. Raise `TypeError` for anything but a path or several."""
    many = [src] if isinstance(src, (str, os.PathLike)) else src
    expected = "src=a path (str or Path) or a list of paths: files, folders or glob patterns"
    if isinstance(many, (bytes, bytearray)) or not isinstance(many, Iterable):
        raise wrong_type(src, expected)
    sources = list(many)
    for source in sources:
        if not isinstance(source, (str, os.PathLike)):
            raise wrong_type(source, expected)
    return sources


def find_pages(sources: Sequence[str | Path]) -> Found:
    """Return the inputs of files, folders, glob patterns and addresses, sorted by id.

    A folder gives its texts (.txt, .text, no ending) and HTML with any name (also .gz, .zst, .bz2 and .xz); hidden files
    are skipped, and so are those listed in a `.cleantextignore` next to the pages, one pattern per line. A folder without pages gives its
    tables, crawls and archives. The kind of files that are named is decided by their bytes; if they are unreadable, they fail as pages.
    """
    found = Found()
    for source in sources:
        if is_remote(source):
            _far(str(source), found)
            continue
        if source == "-":
            found.add(_named(_stdin(), "stdin"))
            continue
        path = Path(source)
        if path.is_dir():
            inside = Found()
            _walk(path, inside)
            inside.take_tables()
            found.join(inside)
        elif path.exists() and not path.is_file():  # for example a pipe, which could be read only once, if at all
            raise InputError(f"{source}: is not a file: write it to one first")
        elif path.exists() or path.is_symlink():
            found.add(_named(path, path.name))
        else:
            matches = sorted(glob.glob(str(source), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
            if not matches:
                raise InputError(f"{source}: no such file or folder; check the path")
            fixed = Path(*[p for n, p in enumerate(path.parts) if not any(glob.has_magic(q) for q in path.parts[: n + 1])])
            for m in matches:
                if Path(m).is_file():
                    found.add(_named(Path(m), Path(m).relative_to(fixed).as_posix()))
    found.pages.sort(key=lambda s: s.id)
    found.holders.sort(key=lambda s: s.id)
    twice = [name for name, n in Counter(s.id for s in found.holders).items() if n > 1]
    if twice:  # ids are made from them
        found.holders = [replace(s, id=encodable(str(s.path))) if s.id in twice else s for s in found.holders]
    _check_outputs([s.output for s in found.pages])
    return found


def _check_outputs(outputs: Sequence[str]) -> None:
    twice = [o for o, n in Counter(outputs).items() if n > 1]
    if twice:
        raise ConfigError(
            f"{len(twice)} outputs would be written twice, first {twice[0]!r}: rename one of the pages, or clean them in two runs"
        )
    names = set(outputs)
    for output in outputs:
        if leads_out(output):
            raise ConfigError(f"page {output!r} would be written outside the output: name its folder, or rename the page")
        for folder in PurePosixPath(output).parents:
            if str(folder) in names:
                raise ConfigError(f"page {str(folder)!r} has the name of the folder of page {output!r}: rename one of them")
        if is_own(output):
            raise ConfigError(f"page {output!r} has the name of a table that the run writes, or of its state: rename it")


def _walk(root: Path, found: Found) -> None:
    ignores: dict[Path, list[str]] = {}
    used: set[tuple[Path, str]] = set()
    for folder, names, files in os.walk(root, onerror=lambda e: found.leave_out(f"{e.filename} ({e.strerror})", "cannot be read")):
        here = Path(folder)
        if IGNORE_FILE in files and (here / IGNORE_FILE).is_file():
            lines = (here / IGNORE_FILE).read_text("utf-8", "replace").splitlines()
            ignores[here] = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        for name in sorted(names):
            inner = here / name
            if name.startswith("."):
                names.remove(name)
            elif hit := _ignored(inner, root, ignores, folder=True):
                used.add(hit)
                names.remove(name)
                found.ignored.append(inner.relative_to(root).as_posix() + "/")
            elif inner.is_symlink():
                found.leave_out(inner.relative_to(root).as_posix() + "/ (a link)", "link to a folder")
        names.sort()
        tables = TABLES if "report.json" in files and is_run(here) else set()
        for name in sorted(files):
            path = here / name
            page_id = path.relative_to(root).as_posix()
            if name.startswith("."):
                continue
            if hit := _ignored(path, root, ignores, folder=False):
                used.add(hit)
                found.ignored.append(encodable(page_id))
            elif name in tables:
                found.leave_out(page_id, "table of an earlier run")
            elif path.is_file() or (path.is_symlink() and not path.exists()):
                found.meet(path, page_id)
            else:
                found.leave_out(page_id, "no file")
    for base, patterns in ignores.items():
        where = (base / IGNORE_FILE).relative_to(root).as_posix()
        found.unused += [f"{where}: {pattern}" for pattern in dict.fromkeys(patterns) if (base, pattern) not in used]


def _ignored(path: Path, root: Path, ignores: dict[Path, list[str]], *, folder: bool) -> tuple[Path, str] | None:
    """Return the folder of the ignore file and the pattern in it that excludes a path."""
    for base in (path.parent, *path.parent.parents):
        for pattern in ignores.get(base, ()):
            name = path.relative_to(base).as_posix()
            if pattern.endswith("/"):
                if folder and fnmatch.fnmatch(name, pattern[:-1]):
                    return base, pattern
            elif fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(path.name, pattern):
                return base, pattern
        if base == root:
            return None
    return None
