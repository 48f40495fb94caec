"""The checks that apply to an example, by the kind of its component."""

from __future__ import annotations

import functools
import importlib
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs

from antifaz.core.discovery import discover
from antifaz.core.errors import ComponentError
from antifaz.core.examples import FOLDER, Example
from antifaz.core.kinds import KINDS
from antifaz.engine.contract.failures import advice
from antifaz.registry import Plugins, component_of, declaration_of, failure, plugin_of
from antifaz.registry.failures import last_lines

from .case import Case

Run = Callable[[Case], None]

LAST_LINES = "let the lines above take what the check hands them: a run may hand them the same (docs/conformance.md)"
RETURNS = "no line of the plugin raised this: what it returned before is not what its kind promises (docs/conformance.md)"


def checks_of(kind: str) -> list[Run]:
    """Return the checks that hold a component of this kind to its contract."""
    pairs = (name.split(".") for name in KINDS[kind].checks)
    return [getattr(importlib.import_module(f"antifaz.testing.{file}"), function) for file, function in pairs]


@attrs.frozen(eq=False)
class Check:
    """One check of one example: call it; AssertionError says what is wrong."""

    name: str
    run: Run
    example: Example
    plugins: Plugins

    def __call__(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            if self.example.prepare is not None:
                self.example.prepare(Path(folder))
            text = self.example.text.replace(FOLDER, folder)
            spec = component_of(text, self.example.kind, self.plugins.catalogue)
            files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
            case = Case(spec, self.example.inputs, files, self.plugin_files)
            try:
                self.run(case)
            except (AssertionError, ComponentError) as error:
                raise self.failed(str(error)) from error
            except Exception as error:  # whatever a plugin's own code raises, or what it hands over brings about
                raise self.failed(_raised(error, spec)) from error

    def failed(self, wrong: str) -> AssertionError:
        """Return the error that names the example and the check. wrong: what is, and what may be done about it."""
        about = (self.run.__doc__ or "").strip().partition("\n")[0]
        return AssertionError(f"{self.example.kind} {self.example.text}: {wrong}\n    The check: {about}")

    @property
    def plugin_files(self) -> tuple[str, ...]:
        """The plugins that are files and not installed."""
        return tuple(row.origin for row in self.plugins.rows if row.origin.endswith(".py"))

    def __str__(self) -> str:
        return self.name


def _raised(error: Exception, spec: object) -> str:
    """Put an exception out of a check into words: the plugin's last lines, and what its author may do."""
    lines = last_lines(error, spec)
    where = f"\n    in the plugin {plugin_of(spec)!r}:{lines}" if lines else ""
    remedy = advice(error, LAST_LINES if lines else RETURNS)
    return f"fails: {failure(error, spec)}{where}\n    To mend it: {remedy}"


@functools.cache
def _installed() -> Plugins:
    return discover()


def conformance(examples: Iterable[Example] | None = None, *, plugins: Plugins | None = None) -> list[Check]:
    """List every check of every example, named `component: check`; several examples of one component are numbered.

    examples: default all that the plugins list. plugins: whose components the examples name; default everything installed.
    Raises:
        ConfigError: an example that is not a component.
    """
    known = plugins or _installed()
    listed = list(examples) if examples is not None else [e for several in known.manager.hook.antifaz_examples() for e in several]
    checks: list[Check] = []
    seen: dict[str, int] = {}
    for example in listed:
        name = declaration_of(component_of(example.text, example.kind, known.catalogue)).name
        seen[name] = seen.get(name, 0) + 1
        label = name if seen[name] == 1 else f"{name} {seen[name]}"
        checks += [Check(f"{label}: {run.__name__.replace('_', ' ')}", run, example, known) for run in checks_of(example.kind)]
    return checks
