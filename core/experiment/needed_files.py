"""Files that data sets need besides their data (a vocabulary): `check` names the missing ones, `run` makes nothing without them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from antifaz.registry import KeyPath, Location, Problem, key_of

from .experiment import Experiment


@attrs.frozen
class MissingFile:
    """A file that is not on this machine, the data set that needs it, and where the config names it."""

    path: str
    data: str
    location: Location
    option: str
    """The option that names it, and its documentation."""

    @property
    def problem(self) -> Problem:
        return Problem(f"there is no file {self.path}", self.location, self.option)


def missing_files(experiment: Experiment) -> list[MissingFile]:
    """Every needed file that is not there, by data set."""
    return [
        MissingFile(path, name, experiment.document.location(place), option)
        for name, entry in experiment.data.items()
        for place, path, option in _needed(entry, ("data", name))
        if not os.path.isfile(path)
    ]


def _needed(spec: Any, at: KeyPath) -> Iterator[tuple[KeyPath, str, str]]:
    """Of a spec and of those below it: where an option names a file, the file, and the option with its documentation."""
    below: list[tuple[KeyPath, Any]] = []
    if isinstance(spec, Mapping):
        below = [((*at, key), value) for key, value in spec.items()]
    elif isinstance(spec, list | tuple):
        below = [((*at, i), value) for i, value in enumerate(spec)]
    elif attrs.has(type(spec)):
        fields = {key_of(field): field for field in attrs.fields(type(spec))}
        named = spec.needed_files() if hasattr(spec, "needed_files") else {}
        yield from (((*at, key), path, f"`{key}`: {fields[key].metadata['doc']}") for key, path in named.items())
        below = [(at if f.metadata.get("flatten") else (*at, key), getattr(spec, f.name)) for key, f in fields.items()]
    for place, value in below:
        yield from _needed(value, place)
