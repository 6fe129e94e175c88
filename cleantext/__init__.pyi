# What type checkers and editors read in place of __init__.py, which loads each name when it is first used. A test holds both equal.
from cleantext.changes import Changes
from cleantext.chrome import strip_chrome
from cleantext.chrome.hosts.profiles import HostProfile
from cleantext.chrome.hosts.repeated_lines import learn
from cleantext.chrome.rules.pack import Rule
from cleantext.decode import Decoded, decode
from cleantext.dedup import (
    Duplicates,
    SketchSpec,
    find_duplicates,
    shingle_hash,
)
from cleantext.dedup.index import Index
from cleantext.edits import Edit, apply, compose, revert
from cleantext.errors import (
    CleantextError,
    ConfigError,
    EditError,
    InputError,
    RuleError,
    SketchMismatch,
)
from cleantext.html import read_html
from cleantext.normalize import normalize
from cleantext.pipeline import Pipeline, clean, clean_html, explain
from cleantext.repair import repair
from cleantext.report import Report
from cleantext.run.job import clean_files
from cleantext.script import Script, detect_script, unify_script
from cleantext.transform import Cleaned, Law, Page, Transform
from cleantext.warm import warm

__all__ = [
    "Changes",
    "Cleaned",
    "CleantextError",
    "ConfigError",
    "Decoded",
    "Duplicates",
    "Edit",
    "EditError",
    "HostProfile",
    "Index",
    "InputError",
    "Law",
    "Page",
    "Pipeline",
    "Report",
    "Rule",
    "RuleError",
    "Script",
    "SketchMismatch",
    "SketchSpec",
    "Transform",
    "apply",
    "clean",
    "clean_files",
    "clean_html",
    "compose",
    "decode",
    "detect_script",
    "explain",
    "find_duplicates",
    "learn",
    "normalize",
    "read_html",
    "repair",
    "revert",
    "shingle_hash",
    "strip_chrome",
    "unify_script",
    "warm",
]

__version__: str
