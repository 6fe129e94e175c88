"""Script: which one a text is written in, and the conversion from one to another."""

from __future__ import annotations

from cleantext.script.detect import Script, detect_script
from cleantext.script.unify import UnifyScript, unify_script

__all__ = ["Script", "UnifyScript", "detect_script", "unify_script"]
