"""Named places at which a run is killed with SIGKILL, in the process that it was started as or in one of its workers.

    CLEANTEXT_FAILPOINT=NAME CLEANTEXT_FIRED=FILE python tests/failpoints.py SRC OUT FILE_BYTES

cleans SRC into OUT (corpus files of FILE_BYTES), and where the place NAME is come to the so many-th time the process there is killed. Workers that are spawned run the top of
this file, too. Without a NAME nothing is killed. ``CLEANTEXT_FIRED`` is a file that says that it has happened: it happens once.
"""

import importlib
import os
import signal
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent


class Failpoint(NamedTuple):
    """Before or after which call of which function, looked up where it is called from."""

    where: str  # module:name or module:class.name
    at: int = 1
    before: bool = False
    worker: bool = False


RUN = "cleantext.run"
FAILPOINTS = {
    "origin-begun": Failpoint(f"{RUN}.job:begin"),
    "profile-learned": Failpoint(f"{RUN}.learn:profile_of"),
    "profile-saved": Failpoint("cleantext.chrome.hosts.profiles:HostProfile.save"),
    "batch-spooled": Failpoint(f"{RUN}.readers.units:Spool.write", at=3),
    "input-counted": Failpoint(f"{RUN}.shards.feed:write_whole", before=True),
    "worker-cleans": Failpoint(f"{RUN}.shards.clean_shard:_clean", before=True, worker=True),
    "worker-wrote-edits": Failpoint(f"{RUN}.shards.clean_shard:write_edits", worker=True),
    "worker-wrote-rows": Failpoint(f"{RUN}.shards.clean_shard:_write_table", at=2, worker=True),
    "worker-marked": Failpoint(f"{RUN}.shards.clean_shard:mark", at=2, worker=True),
    "shards-done": Failpoint(f"{RUN}.job:finish", before=True),
    "ids-made-unique": Failpoint(f"{RUN}.writers.finish:_named_once"),
    "search-sketched": Failpoint("cleantext.dedup.tables.arrow_kernels:Sketch.__call__"),
    "searched": Failpoint(f"{RUN}.writers.finish:search"),
    "pairs-written": Failpoint(f"{RUN}.side_tables:write_table"),
    "clusters-written": Failpoint(f"{RUN}.side_tables:copy_table"),
    "places-marked": Failpoint(f"{RUN}.writers.finish:marks_of"),
    "corpus-file-begun": Failpoint(f"{RUN}.writers.corpus:CorpusWriter._begin", at=2),
    "corpus-file-ended": Failpoint(f"{RUN}.writers.corpus:CorpusWriter._end"),
    "dropped-written": Failpoint(f"{RUN}.writers.finish:_Dropped.write"),
    "edits-joined": Failpoint(f"{RUN}.writers.finish:join_edits", at=2),
    "tables-written": Failpoint(f"{RUN}.job:write_report", before=True),
    "report-half-written": Failpoint(f"{RUN}.finished.samples:render_report", before=True),
    "origin-unwritten": Failpoint(f"{RUN}.job:write_origin", before=True),
    "all-settled": Failpoint(f"{RUN}.job:settle"),
    "state-half-gone": Failpoint(f"{RUN}.resume.run_state:clear", before=True),
}


def found(point: Failpoint):
    """Return what holds the function of a place, its name there, and the function."""
    module, _, name = point.where.partition(":")
    holder = importlib.import_module(module)
    *way, last = name.split(".")
    for part in way:
        holder = getattr(holder, part)
    real = holder.__dict__[last]
    return holder, last, real.__func__ if isinstance(real, classmethod) else real


def install(point: Failpoint, fired: Path) -> None:
    """Kill this process where the place is come to."""
    holder, last, call = found(point)
    real, seen = holder.__dict__[last], [0]

    def killing(*args, **kwargs):
        seen[0] += 1
        if seen[0] == point.at and point.before:
            kill(fired)
        made = call(*args, **kwargs)
        if seen[0] == point.at and not point.before:
            kill(fired)
        return made

    setattr(holder, last, classmethod(killing) if isinstance(real, classmethod) else killing)


def kill(fired: Path) -> None:
    try:
        os.close(os.open(fired, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def environment(name: str, fired: Path) -> dict[str, str]:
    """Return the environment in which a run is killed at a place."""
    return os.environ | {"CLEANTEXT_FAILPOINT": name, "CLEANTEXT_FIRED": str(fired)}


KIND = {"__main__": False, "__mp_main__": True}.get(__name__)  # the second is what a spawned process runs this file as
if KIND is not None and (told := os.environ.get("CLEANTEXT_FAILPOINT")) and FAILPOINTS[told].worker == KIND:
    install(FAILPOINTS[told], Path(os.environ["CLEANTEXT_FIRED"]))

if __name__ == "__main__":
    import cleantext as ct
    from cleantext.run.search import duplicate_search as duplicates
    from cleantext.run.writers import corpus

    corpus.FILE_BYTES = corpus.GROUP_BYTES = int(sys.argv[3])  # several files
    duplicates.SMALL = 0  # and a search in tables
    ct.clean_files(sys.argv[1], sys.argv[2], form="parquet", duplicates="documents", remove=True, where="chars > 600", workers=2)
