"""A step that never ends on some pages, in each of the ways in which code does not end; in a module, so that processes can import it."""

import ctypes
import multiprocessing
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cleantext.run.shards import clean_shard as shards
from cleantext.transform import HOLDS, Edit, Law, Page, PageTransform, Safety

if multiprocessing.current_process().name != "MainProcess":  # a worker: this step has no kernels, and all others take seconds to load
    shards.warm = lambda *_: None


@dataclass(frozen=True)
class Stuck(PageTransform):
    id: ClassVar[str] = "repair.stuck"
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    laws: ClassVar[Mapping[Law, Any]] = dict.fromkeys(Law, HOLDS)
    rules: ClassVar[Mapping[str, str]] = {}

    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        if page.text.startswith("卡在循环"):
            while True:
                pass
        if page.text.startswith("卡在正则"):
            re.match("(a|aa)+$", "a" * 200 + "b")
        if page.text.startswith("卡在内核"):  # holds the interpreter and hears no signal's handler
            while True:
                ctypes.PyDLL(None).sleep(1000)
        if page.text.startswith("贪字节"):
            held = []
            while True:
                held.append(bytes(1 << 24))
        if page.text.startswith("贪数组"):
            return (), (str(np.ones(1 << 33).sum()),), {}
        if page.text.startswith("自杀"):
            os._exit(7)
        if page.text.startswith("慢"):
            until = time.process_time() + 0.15
            while time.process_time() < until:
                pass
        if page.text.startswith("等"):
            time.sleep(0.7)
        return (), (), {}
