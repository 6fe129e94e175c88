"""Pipeline: Transforms in order, itself a Transform."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from importlib import import_module, resources
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cleantext.changes import Changes, column_texts
from cleantext.edits import Edit, compose
from cleantext.errors import ConfigError, InputError, unknown, wrong_type
from cleantext.gate import gates
from cleantext.toml import parsed, text_of
from cleantext.transform import REGISTRY, Breaks, Cleaned, Law, Page, PageTransform, Safety, Step, Transform, advance, as_page

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Pipeline", "Traced", "clean", "clean_html", "explain", "transforms"]

ROOMS = ("cleantext.repair", "cleantext.normalize", "cleantext.chrome", "cleantext.chrome.main_text.main_blocks", "cleantext.script")


def transforms() -> Mapping[str, type[Transform]]:
    """Return every Transform that cleantext ships, by id."""
    for room in ROOMS:
        import_module(room)
    return REGISTRY


@dataclass(frozen=True, slots=True)
class Traced:
    """A batch after a pipeline: the pages, and the changes of each step."""

    pages: list[Page]
    steps: list[Changes]  # one for each step of the pipeline


@dataclass(frozen=True)
class Pipeline(Transform):
    """An ordered tuple of Transforms.

    >>> web = Pipeline.load("zh-web")
    >>> web("發(fā)展")  # too little to convict: one gloss may be somebody's help to a reader
    '发(fā)展'
    >>> kept = web.without("script.to")
    >>> kept("發展"), kept.then(web.steps[-1]).fingerprint == web.fingerprint
    ('發展', True)
    >>> web.explain(Page("發展")).edits[0].rule, web.with_rules() is web
    ('script.character', True)
    """

    steps: tuple[Transform, ...] = ()
    name: str = "custom"

    id: ClassVar[str] = "pipeline"
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.LOSSY
    laws: ClassVar[Mapping[Law, bool | Breaks]] = {}  # no laws: those of its steps need not hold for their combination
    rules: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def load(cls, name_or_path: str | Path | Pipeline) -> Pipeline:
        """Load a preset by name, or a TOML file of your own.

        A file lists its steps in order, each with its options::

            [[step]]
            use = "script.to"
            to = "hans"
        """
        if isinstance(name_or_path, Pipeline):
            return name_or_path
        name = str(name_or_path)
        return _from_file(Path(name)) if name.endswith(".toml") or "/" in name else _preset(name)

    def without(self, *ids: str) -> Pipeline:
        """Return the pipeline without the steps with these ids. Raise `ConfigError` for an id that it does not have."""
        have = [step.id for step in self.steps]
        for wanted in ids:
            if wanted not in have:
                raise unknown("step", wanted, have)
        return Pipeline(tuple(s for s in self.steps if s.id not in ids), f"{self.name}-without-{'-'.join(ids)}" if ids else self.name)

    def then(self, *steps: Transform) -> Pipeline:
        """Return the pipeline with more steps at the end."""
        for step in steps:
            if not isinstance(step, Transform):
                raise wrong_type(step, "a Transform")
        return Pipeline((*self.steps, *steps), self.name)

    @property
    def fingerprint(self) -> str:
        """A digest of the specification, 16 hex digits: equal pipelines have equal fingerprints on every machine."""
        return hashlib.sha256(json.dumps([s.spec() for s in self.steps], sort_keys=True, default=str).encode()).hexdigest()[:16]

    def with_rules(self, *packs: str) -> Pipeline:
        """Return the pipeline with more rule packs, by name or path, in its chrome steps. The step for HTML uses only their "keep" rules."""
        from cleantext.chrome import StripChrome
        from cleantext.chrome.main_text.main_blocks import MainContent

        if not packs:
            return self
        chrome = (StripChrome, MainContent)
        steps = tuple(replace(s, packs=(*s.packs, *packs)) if isinstance(s, chrome) else s for s in self.steps)
        chosen = [s for s in steps if isinstance(s, StripChrome)]
        if not chosen:
            raise ConfigError(f"pipeline {self.name} has no chrome.lines step that could take the rules {', '.join(packs)}")
        for step in chosen:
            _ = step.pack  # load it now, so that an invalid row is reported before the run
        return Pipeline(steps, self.name)

    def keeping(self, *phrases: str) -> Pipeline:
        r"""Return the pipeline with chrome steps that never remove a line with one of these phrases, in either script and any width.

        >>> Pipeline.load("zh-web").keeping("责任编辑")("喀什的春天，杏花开了。\n責任編輯：石青")
        '喀什的春天，杏花开了。\n责任编辑：石青'
        """
        from cleantext.chrome import StripChrome
        from cleantext.chrome.main_text.main_blocks import MainContent

        chrome = (StripChrome, MainContent)
        if phrases and not any(isinstance(s, chrome) for s in self.steps):
            raise ConfigError(f"pipeline {self.name} removes no page chrome: there is nothing from which phrases could be kept")
        steps = tuple(replace(s, keep=(*s.keep, *phrases)) if isinstance(s, chrome) else s for s in self.steps)
        return Pipeline(steps, self.name) if phrases else self

    def with_script(self, to: str) -> Pipeline:
        """Return the pipeline with a final conversion to one script (see `unify_script`), or, with "keep", without conversion.

        >>> Pipeline.load("zh-web").with_script("hant")("发展"), Pipeline.load("text").with_script("hans")("發展")
        ('發展', '发展')
        >>> Pipeline.load("zh-web").with_script("keep").fingerprint == Pipeline.load("web").fingerprint
        True
        """
        from cleantext.script import UnifyScript

        others = tuple(step for step in self.steps if not isinstance(step, UnifyScript))
        if to == "keep":
            return Pipeline(others, self.name)
        mine = [step for step in self.steps if isinstance(step, UnifyScript)] or [UnifyScript()]
        if len(mine) > 1:
            raise ConfigError(f"pipeline {self.name} has {len(mine)} script.to steps: say in its file what each makes")
        step = replace(mine[0], to=to)
        return Pipeline(tuple(step if s is mine[0] else s for s in self.steps) if mine[0] in self.steps else (*self.steps, step), self.name)

    def without_learned(self) -> Pipeline:
        """Return the pipeline with rules only: no learned model decides about lines of text or HTML.

        >>> Pipeline.load("zh-web").without_learned().fingerprint == Pipeline.load("zh-web").fingerprint
        False
        """
        from cleantext.chrome import StripChrome
        from cleantext.chrome.main_text.main_blocks import MainContent

        return Pipeline(tuple(replace(s, learned=False) if isinstance(s, (StripChrome, MainContent)) else s for s in self.steps), self.name)

    def trace(self, pages: Sequence[Page]) -> Traced:
        """Run all steps on a batch, and keep the changes of each step."""
        steps: list[Changes] = []
        now = list(pages)
        for page_steps, run in groupby(self.steps, key=lambda step: isinstance(step, PageTransform)):
            if page_steps:
                now = _by_page(list(run), now, steps)  # type: ignore[arg-type]
                continue
            for step in run:
                steps.append(step.run(now))
                now = advance(now, steps[-1])
        return Traced(now, steps)

    def run(self, pages: Sequence[Page]) -> Changes:
        traced = self.trace(pages)
        edits: dict[int, Sequence[Edit]] = {}
        for i in range(len(pages)):
            composed: tuple[Edit, ...] = ()
            for changes in traced.steps:
                composed = compose(composed, changes.edits(i))
            if composed:
                edits[i] = composed
        flags = {i: page.flags for i, page in enumerate(traced.pages) if page.flags}
        metadata = {i: page.metadata for i, page in enumerate(traced.pages) if page.metadata}
        return Changes(edits, None, flags, restated=metadata)

    def fast(self, pages: Sequence[Page]) -> list[Page]:
        now = list(pages)
        for page_steps, run in groupby(self.steps, key=lambda step: isinstance(step, PageTransform)):
            if page_steps:
                now = _by_page(list(run), now, [])  # type: ignore[arg-type]
                continue
            for step in run:
                now = step.fast(now)
        return now

    def explain(self, page: Page) -> Cleaned:
        """Clean one page, and return it with the record of all edits."""
        traced = self.trace([page])
        steps = tuple(Step(s.id, c.edits(0), c.choices(0)) for s, c in zip(self.steps, traced.steps, strict=True))
        out = traced.pages[0]
        return Cleaned(page.text, out.text, tuple(s for s in steps if s.edits), out.metadata, out.flags)

    def arrow(self, column: Any) -> pa.Array:
        """Clean a column of strings (anything that pyarrow can read as one); nulls stay null, NaN and pandas' NA become null.

        >>> Pipeline.load("zh-web").arrow(["發展", None]).to_pylist()
        ['发展', None]
        """
        import pyarrow as pa

        if isinstance(column, (str, bytes)):
            raise TypeError(f"expected a column of texts, got one {type(column).__name__}: clean one text with pipeline(text)")
        return pa.array(self._column(column), pa.large_string())

    def _column(self, column: Any) -> list[str | None]:
        texts = column_texts(column)
        pages = self.fast([Page(t or "") for t in texts])
        return [None if t is None else p.text for t, p in zip(texts, pages, strict=True)]

    def on(self, column: str, *, out: str | None = None) -> ColumnMap:
        """Return a picklable function that cleans one column of its argument, for ``datasets.Dataset.map`` and the like.

        It takes a batch (a dict of lists, an Arrow table or record batch, a pandas frame) or one record (a dict), and returns
        the same type. Batches are much faster: ``dataset.map(pipeline.on("text"), batched=True)``.

        >>> Pipeline.load("zh-web").on("text")({"id": [1, 2], "text": ["發展", None]})
        {'id': [1, 2], 'text': ['发展', None]}
        """
        for name in (column, out or column):
            if not isinstance(name, str):
                raise wrong_type(name, "the name of a column")
        return ColumnMap(self, column, out or column)

    def spec(self) -> dict[str, Any]:
        return {"use": self.id, "version": self.version, "steps": [s.spec() for s in self.steps]}


def _by_page(steps: Sequence[PageTransform], pages: list[Page], traced: list[Changes]) -> list[Page]:
    """Run steps that work page by page, and append their changes to ``traced``. One scan finds the pages that each step may have to change."""
    gate = gates(tuple(step.characters for step in steps))
    bits = gate.bits([page.text for page in pages])
    for n, step in enumerate(steps):
        changes = step.run_some(pages, np.flatnonzero(bits >> np.uint32(n) & np.uint32(1)).tolist())
        traced.append(changes)
        changed = list(changes.touched)
        if changed or changes.flags or changes.metadata:
            pages = advance(pages, changes)
            bits[changed] = gate.bits([pages[i].text for i in changed])
    return pages


@dataclass(frozen=True)
class ColumnMap:
    """Clean one column of a batch, or one field of a record (see `Pipeline.on`)."""

    pipeline: Pipeline
    column: str
    out: str

    def __call__(self, batch: Any) -> Any:
        names: Any = getattr(batch, "column_names", None)  # of Arrow
        if names is None:
            names = getattr(batch, "columns", batch)  # of pandas
        if names is batch and not isinstance(batch, Mapping):
            raise wrong_type(batch, "a batch: a dict of lists, an Arrow table or a frame")
        names = list(names)
        if self.column not in names:
            raise InputError(f"no column {self.column!r}: there are {', '.join(map(str, names)) or 'none'}")
        if hasattr(batch, "set_column"):
            cleaned = self.pipeline.arrow(batch[self.column])
            at = names.index(self.out) if self.out in names else len(names)
            return batch.set_column(at, self.out, cleaned) if at < len(names) else batch.append_column(self.out, cleaned)
        if hasattr(batch, "assign"):
            return batch.assign(**{self.out: self.pipeline._column(batch[self.column])})  # noqa: SLF001 - of this module
        value = batch[self.column]
        if isinstance(value, str) or value is None:  # one record
            return {**batch, self.out: None if value is None else self.pipeline(value)}
        return {**batch, self.out: self.pipeline._column(value)}  # noqa: SLF001


def _presets() -> Iterator[Any]:
    return (f for f in resources.files("cleantext.presets").iterdir() if f.name.endswith(".toml"))


@lru_cache(maxsize=32)
def _preset(name: str) -> Pipeline:
    if name not in preset_names():
        raise unknown("preset", name, preset_names())
    return _read(f"preset {name}", (resources.files("cleantext.presets") / f"{name}.toml").read_text("utf-8"), name)


def _from_file(path: Path) -> Pipeline:
    if not path.is_file():
        raise ConfigError(f"{path}: no such pipeline file; a preset is named without .toml, one of {', '.join(preset_names())}")
    return _read(str(path), text_of(path.read_bytes(), source=str(path), refuse=ConfigError), path.stem)


def _read(source: str, text: str, name: str) -> Pipeline:
    data = parsed(text, source=source, refuse=ConfigError)
    for key in data:
        if key not in ("name", "step"):
            raise unknown("table or key", key, ("name", "step"), where=f"{source}: ")
    if not data.get("step"):
        raise ConfigError(f'{source}: no [[step]]: name at least one transform, such as use = "script.to"')
    return Pipeline(tuple(_step(source, n, row) for n, row in enumerate(data["step"], 1)), name=data.get("name", name))


def preset_names() -> list[str]:
    """Return the names of the presets that come with cleantext."""
    return sorted(f.name.removesuffix(".toml") for f in _presets())


def _step(source: str, number: int, row: Mapping[str, Any]) -> Transform:
    where = f"{source}, step {number}: "
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items() if k != "use"}
    if "use" not in row:
        raise ConfigError(f"{where}no `use`: name the transform, one of {', '.join(sorted(transforms()))}")
    known = transforms()
    if row["use"] not in known:
        raise unknown("transform", row["use"], known, where=where)
    cls = known[row["use"]]
    defaults = {f.name: f.default for f in fields(cls)}  # type: ignore[arg-type]
    for key, value in options.items():
        if key not in defaults:
            raise unknown(f"option of {row['use']}", key, defaults, where=where)
        expected = type(defaults[key])
        if expected in (str, bool, int, float, tuple) and not isinstance(value, (int, float) if expected is float else expected):
            raise ConfigError(f"{where}{key} = {row[key]!r}: expected {expected.__name__}, as in {key} = {defaults[key]!r}")
    return cls(**options)


def clean(text: str, *, pipeline: str | Path | Pipeline = "zh-web", page: Page | None = None) -> str:
    r"""Clean one text.

    >>> clean("喀什的春天\n文字放大 文字缩小\n\n今年三月,喀什古城的杏花开了,游客比往年多了一倍。")
    '喀什的春天\n\n今年三月,喀什古城的杏花开了,游客比往年多了一倍。'
    """
    return Pipeline.load(pipeline)(text, page=page)


def explain(text: str, *, pipeline: str | Path | Pipeline = "zh-web", page: Page | None = None) -> Cleaned:
    """Clean one text and keep the record: ``.text .edits .original_span(a, b) .metadata .flags``.

    >>> page = explain("發展新疆")
    >>> page.text, [edit.before for edit in page.edits]
    ('发展新疆', ['發'])
    """
    return Pipeline.load(pipeline).explain(as_page(text, page))


def clean_html(html: str | bytes, *, url: str | None = None, pipeline: str | Path | Pipeline = "zh-web", output: str = "text") -> str:
    r"""Clean one HTML page to text, or to Markdown with its headings, lists, tables and listings (``output="markdown"``).

    >>> clean_html("<title>喀什的春天</title><h1>喀什的春天</h1><p>今年三月,喀什古城的杏花開了。", output="markdown")
    '# 喀什的春天\n\n今年三月,喀什古城的杏花开了。'
    """
    from cleantext.html import read_html
    from cleantext.html.markdown import markdown

    if output not in ("text", "markdown"):
        raise ConfigError(f"output {output!r}: use 'text' or 'markdown'")
    page = Pipeline.load(pipeline).fast([read_html(html, url=url)])[0]
    return page.text if output == "text" else markdown(page)
