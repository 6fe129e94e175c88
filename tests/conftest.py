"""Hypothesis profiles and the development data.

CI=true, HYPOTHESIS_PROFILE or --thorough choose a profile; `ci` is derandomised. Tests marked `shared` read ../shared, or CLEANTEXT_SHARED, and
are skipped without it.
"""

import gc
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("CLEANTEXT_SHARED", ROOT.parent / "shared"))  # the development data

slow = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
settings.register_profile("dev", max_examples=40, deadline=None, suppress_health_check=slow)
settings.register_profile("ci", max_examples=40, deadline=None, derandomize=True, print_blob=True, suppress_health_check=slow)
settings.register_profile("thorough", max_examples=500, deadline=None, suppress_health_check=slow)
settings.register_profile("deep", max_examples=20_000, deadline=None, suppress_health_check=slow)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


def pytest_addoption(parser):
    parser.addoption("--thorough", action="store_true", help="more examples, and the larger sizes: takes an hour")


def pytest_configure(config):
    if config.getoption("thorough"):
        settings.load_profile("thorough")
        os.environ["CLEANTEXT_THOROUGH"] = "1"  # for workers and for processes of tests
    whole = config.args_source == config.ArgsSource.TESTPATHS and not config.option.keyword and not config.option.collectonly
    if whole and not hasattr(config, "workerinput"):
        from cleantext.warm import PARTS, compile_ahead

        compile_ahead(*PARTS)  # once, before there are workers that would each compile for itself


@pytest.fixture(scope="session", autouse=True)
def byte_code():
    """Let the commands that tests start share compiled modules, where the environment forbids to write them beside the sources."""
    if not os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="cleantext-byte-code-") as folder:
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        yield
        del os.environ["PYTHONPYCACHEPREFIX"]
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


def pytest_collection_finish(session):
    """Do not look through all that was imported and collected ever again: a twentieth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_collection_modifyitems(config, items):
    if SHARED.is_dir():
        return
    for item in items:
        if "shared" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="needs ../shared, the development data"))


@pytest.fixture(scope="session")
def shared():
    return SHARED / "data"


@pytest.fixture(scope="session")
def seeds():
    return ROOT / "seeds"
