"""A single writer per folder, by a file lock that the system releases when its process ends."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cleantext.errors import ConfigError

__all__ = ["only_writer"]


@contextlib.contextmanager
def only_writer(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path``, which names its holder. If another process holds it, raise `ConfigError` with that name.

    The file is not deleted afterwards. If it is deleted while the lock is held, the next process can lock a new one.
    """
    with contextlib.ExitStack() as stack:
        while True:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(path.open("a+", encoding="utf-8"))
            if not _locked(file):
                file.seek(0)
                raise ConfigError(f"{what}: {_told(file.read())} is writing here; wait for it, stop it, or name another folder")
            if _same(file, path):
                break
            stack.close()  # the file was deleted between opening and locking it
        file.truncate(0)
        owner = {"pid": os.getpid(), "host": platform.node(), "command": " ".join(sys.argv)[:300]}
        json.dump(owner, file)
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _same(file: IO[str], path: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False


def _told(text: str) -> str:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        owner = json.loads(text)
        return f"process {owner['pid']} on {owner['host']} ({owner['command']})"
    return "another process"


if sys.platform == "win32":
    import msvcrt

    def _locked(file: IO[str]) -> bool:
        with contextlib.suppress(OSError):
            os.lseek(file.fileno(), 1 << 30, os.SEEK_SET)  # lock a byte far beyond the text, since locked bytes cannot be read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            return True
        return False

else:
    import fcntl

    def _locked(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # a file system without locks
        return True
