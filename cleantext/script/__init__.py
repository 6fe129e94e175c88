"""Script: detect whether a text is Simplified or Traditional, and convert between the two."""

from __future__ import annotations

from cleantext.script.detect import Script, detect_script
from cleantext.script.forms import ArabicForms, CompatibilityIdeographs, Homoglyphs, Quotes, Radicals, Variants
from cleantext.script.unify import Doubt, UnifyScript, doubts, unify_script

__all__ = [
    "ArabicForms",
    "CompatibilityIdeographs",
    "Doubt",
    "Homoglyphs",
    "Quotes",
    "Radicals",
    "Script",
    "UnifyScript",
    "Variants",
    "detect_script",
    "doubts",
    "unify_script",
]
