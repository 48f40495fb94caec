"""Errors that are written for people: located problems, and one exception type for each kind of mistake.

Every message says what is wrong, where, what is accepted and what to do. The command line prints `str(error)` and exits with
`error.exit_code`; nothing that derives from `AntifazError` is ever shown as a traceback. docs/errors.md has a section for each
type.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Sequence
from pathlib import Path

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
    """One mistake: where it is, what is wrong, and what to do about it. trace: Python's traceback, of code that raised."""

    message: str
    location: Location | None = None
    hint: str | None = None
    trace: str = attrs.field(default="", eq=False, repr=False)

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        return where + worded(self.message, self.hint)


def worded(message: str, hint: str | None) -> str:
    """Join a message and its hint as a person reads them: what is wrong, and below it what to do."""
    return f"{message}\n    {hint}" if hint else message


class AntifazError(Exception):
    """Base of every error that is meant for a person: what is wrong, and what to do about it."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message, self.hint = message, hint
        super().__init__(message)

    def __str__(self) -> str:
        return worded(self.message, self.hint)


class ConfigError(AntifazError):
    """A config that cannot be run, with every problem that was found in it. hint: what may mend all of them."""

    def __init__(self, problems: Iterable[Problem], *, hint: str | None = None) -> None:
        unique = dict.fromkeys(problems)
        self.problems: tuple[Problem, ...] = tuple(sorted(unique, key=lambda p: p.location or Location("")))
        count = len(self.problems)
        super().__init__("\n".join([*map(str, self.problems), f"{count} problem{'s' if count != 1 else ''} found."]), hint=hint)
        self.args = (self.problems,)  # by which it is made again in another process


class SpecError(AntifazError):
    """Raised by a spec that does not fit what arrives at it; `field` names the option to blame, if one is."""

    def __init__(self, message: str, *, field: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.field = field

    @property
    def path(self) -> tuple[str | int, ...]:
        """Steps from the spec's mapping to what `field` names: `patch.1` -> patch, 1; `in_` -> in; none for the spec as a whole."""
        steps = self.field.split(".") if self.field else []
        return tuple(int(step) if step.isdecimal() else step.removesuffix("_") for step in steps)


class PluginError(AntifazError):
    """A plugin that was asked for by name and cannot be used."""


class UnknownComponentError(PluginError):
    """A component that no plugin brings; in a config it is a problem of the ConfigError."""


class WriteError(AntifazError):
    """A file or folder that cannot be written: a full disk, no permission."""

    @classmethod
    def of(
        cls, path: Path, error: OSError, *, hint: str, full: str = "free some space and give the same command again"
    ) -> WriteError:
        """Put into words what the system said when this path was written.

        hint: what to do, except where the disk is full. full: what to do where it is.
        """
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return cls(f"the disk is full: could not write {path}", hint=full)
        return cls(f"cannot write {path}: {error.strerror or error}", hint=hint)


def nearest(name: str, accepted: Iterable[str]) -> str | None:
    """Return the accepted word that `name` was probably meant to be, or None if none is near."""
    matches = difflib.get_close_matches(name, list(accepted), n=1, cutoff=0.6)
    return matches[0] if matches else None


def suggest(name: str, accepted: Sequence[str], *, noun: str) -> str:
    """Return the hint for an unknown name: the nearest accepted one first, then all of them."""
    near = nearest(name, accepted)
    listing = f"known {noun}: {', '.join(sorted(accepted))}" if accepted else f"there are no {noun}"
    return f"did you mean {near!r}? {listing}" if near else listing
