"""Tasks, run by `nox` in the environment that it is installed in; without a name, the gate: what a change must pass."""

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["gate"]


@nox.session
def gate(session: nox.Session) -> None:
    """Run what CI runs, in a new environment of its own: README's two commands, all tests, linters, types, the guide."""
    session.run("bash", ".ci/run", external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style, types and who imports whom."""
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the guide into site/; a broken link or anchor is an error."""
    session.run("zensical", "build", "--clean", "--strict")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests, or those that are named: nox -s tests -- tests/test_rules.py."""
    session.run("pytest", *session.posargs)


@nox.session
def evaluate(session: nox.Session) -> None:
    """Judge the rules on the made-up pages: nox -s evaluate -- --rules mine.toml."""
    session.run("python", "-m", "tests.cases", *session.posargs)
