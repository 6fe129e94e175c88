"""Environments of other packages, made on demand, and engines that run in them.

An environment is a folder under ``CLEANTEXT_PEERS`` (by default in the user's cache), made with uv where that is installed, else with venv and pip.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "benchmarks" / "peers"
FOLDER = Path(os.environ.get("CLEANTEXT_PEERS", Path.home() / ".cache" / "cleantext-zh" / "peers"))


@dataclass(frozen=True)
class Environment:
    """What a peer needs; what it imports without asking for it is here too."""

    packages: str
    python: str = "3.11"  # at least


ENVIRONMENTS = {
    "data_juicer": Environment("py-data-juicer==1.6.1 aiohttp scipy OpenCC==1.4.2 ftfy==6.3.1"),
    "datatrove": Environment("datatrove==0.10.1 xxhash==3.8.2 regex tokenizers spacy jieba ftfy trafilatura==2.3.1 warcio lxml orjson"),
    "text_dedup": Environment("text-dedup==0.4.1", python="3.12"),
    "datasketch": Environment("datasketch==2.0.0 xxhash==4.1.0"),
    "rensa": Environment("rensa==0.5.0 numpy"),
    "gaoya": Environment("gaoya==0.2.2 numpy"),
    "fastdedup": Environment("fastdedup"),
    "fast_dedup": Environment("fast-dedup==0.1.0"),
    "opencc": Environment("OpenCC==1.4.2"),
    "opencc_reimplemented": Environment("opencc-python-reimplemented==0.1.7"),
    "opencc_pyo3": Environment("opencc-pyo3==0.12.0"),
    "zhconv_rs": Environment("zhconv-rs==0.4.2"),
    "ftfy": Environment("ftfy==6.3.1"),
    "trafilatura": Environment("trafilatura==2.3.1"),
    "rs_trafilatura": Environment("rs-trafilatura==0.1.1"),
    "readability": Environment("readability-lxml==0.9"),
    "resiliparse": Environment("resiliparse==2.0.1"),
    "justext": Environment("justext==3.0.2"),
    "gne": Environment("gne==0.4.3"),
    "magic_html": Environment("magic-html==0.1.8", python="3.12"),
}


class PeerError(Exception):
    """An engine cannot be installed, or does not run; says why."""


def python_of(version: str) -> str:
    """Return an interpreter of at least a version (``"3.12"``)."""
    if sys.version_info[:2] >= tuple(map(int, version.split("."))):
        return sys.executable
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python3"))
    found = next(iter(map(str, pyenv)), None) or shutil.which(f"python{version}")
    if not found:
        raise PeerError(f"needs Python {version}, which is not on this machine")
    return found


@cache
def interpreter(name: str) -> Path:
    """Return the Python of an environment, which is made where it is missing; "" is this one."""
    if not name:
        return Path(sys.executable)
    home, wanted = FOLDER / name, ENVIRONMENTS[name]
    python, stamp = home / "bin" / "python", home / "made"
    if stamp.exists() and stamp.read_text("utf-8") == wanted.packages:
        return python
    maker = python_of(wanted.python)
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv:
        commands = [[uv, "venv", "--quiet", "--clear", "--python", maker, home], [uv, "pip", "install", "--quiet", "--python", python]]
    else:
        commands = [[maker, "-m", "venv", "--clear", home], [python, "-m", "pip", "install", "--quiet"]]
    try:
        subprocess.run(commands[0], capture_output=True, encoding="utf-8", check=True)
        subprocess.run([*commands[1], *wanted.packages.split()], capture_output=True, encoding="utf-8", check=True)
    except subprocess.CalledProcessError as fault:
        raise PeerError(f"not installed: {why(fault.stderr)}") from None
    stamp.write_text(wanted.packages, "utf-8")
    return python


def why(message: str) -> str:
    """Return the line of an error message that says most, without addresses."""
    lines = [line.strip(" \t×╰─▶⚠💥") for line in message.strip().splitlines()]
    said = [line for line in lines if line and not line.startswith(("hint", "WARNING"))] or ["no message"]
    signs = ("because", "no matching", "cargo metadata failed", "resolve host")
    telling = next((line for sign in signs for line in said if sign in line.lower()), said[-1]).removeprefix("cause: ")
    return " ".join(word for word in telling.split() if "/" not in word and not re.search(r"\w\.[a-z]{2,}\)?$", word))[:160]


class Engine:
    """An engine in a process of its own, ready to run: a context."""

    def __init__(self, name: str, environment: str, kind: str, source: Path, options: dict[str, Any]) -> None:
        """Start it; ``name`` is what ``KIND_engines.prepare`` knows."""
        python = interpreter(environment)
        self.name, self.errors = name, tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - goes with this object
        self.answer = Path(tempfile.mkstemp(suffix=".json")[1])
        self.options = Path(tempfile.mkstemp(suffix=".json")[1])
        self.options.write_text(json.dumps({"warm": not environment} | options | {"result": str(self.answer)}), "utf-8")
        variables = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        variables |= {} if environment else {"PYTHONPATH": str(ROOT)}
        command = [str(python), str(PEERS / "worker.py"), kind, name, str(source), str(self.options)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.errors}
        self.process = subprocess.Popen(command, encoding="utf-8", env=variables, **pipes)
        self._line()

    def _line(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.errors.seek(0)
            message = why(self.errors.read())
            self.close()
            raise PeerError(f"did not run: {message}")
        return json.loads(line)

    def run(self) -> dict[str, float]:
        """Run once; return ``seconds`` and ``peak``."""
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the next line says why
        return self._line()

    def result(self) -> Any:
        """End the process and return what its last run gave."""
        self.process.communicate()
        text = self.answer.read_text("utf-8")
        if not text:
            self.errors.seek(0)
            raise PeerError(f"did not answer: {why(self.errors.read())}")
        return json.loads(text)

    def close(self) -> None:
        """End the process if it still runs, and forget its files."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.errors):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        for path in (self.answer, self.options):
            path.unlink(missing_ok=True)
