"""What a person meets when something is wrong: located problems, and one exception type per kind of mistake.

Every message says what is wrong, where, what is accepted and what to do. The command line prints `str(error)` and exits with
`error.exit_code`; nothing that derives from `AntifazError` is ever shown as a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import attrs


@attrs.frozen(order=True)
class Location:
    """A place in a YAML file (line and column count from 1), or a command-line override (`file` is its text, `line` 0)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@attrs.frozen
class Problem:
    """One mistake: where it is, what is wrong, and what to do about it."""

    message: str
    location: Location | None = None
    hint: str | None = None

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        hint = f"\n    {self.hint}" if self.hint else ""
        return f"{where}{self.message}{hint}"


class AntifazError(Exception):
    """Base of every error that is meant for a person."""

    exit_code = 2


class ConfigError(AntifazError):
    """A config that cannot be run, with every problem that was found in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        unique = dict.fromkeys(problems)
        self.problems: tuple[Problem, ...] = tuple(sorted(unique, key=lambda p: p.location or Location("")))
        super().__init__(self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        return "\n".join([*map(str, self.problems), f"{count} problem{'s' if count != 1 else ''} found."])


class SpecError(AntifazError):
    """Raised by a spec that does not fit what arrives at it; `field` names the option to blame, if one is."""

    def __init__(self, message: str, *, field: str | None = None, hint: str | None = None) -> None:
        self.message, self.field, self.hint = message, field, hint
        super().__init__(message if hint is None else f"{message}\n    {hint}")


class PluginError(AntifazError):
    """A plugin that was asked for by name and cannot be used."""


class DataError(AntifazError):
    """Media files, index files or caches that cannot be read, beyond the limit that the user set."""


class RunError(AntifazError):
    """A run that cannot start or go on: its folder, its checkpoints, its disk, or its numbers."""


class SkeletonError(AntifazError):
    """A plugin skeleton that cannot be written: its name, its kinds, or its folder."""


def nearest(name: str, accepted: Iterable[str]) -> str | None:
    """The accepted word that `name` was probably meant to be, or None if none is near."""
    matches = difflib.get_close_matches(name, list(accepted), n=1, cutoff=0.6)
    return matches[0] if matches else None


def suggest(name: str, accepted: Sequence[str], *, noun: str) -> str:
    """The hint for an unknown name: the nearest accepted one first, then all of them."""
    near = nearest(name, accepted)
    listing = f"known {noun}: {', '.join(sorted(accepted))}" if accepted else f"there are no {noun}"
    return f"did you mean {near!r}? {listing}" if near else listing
