"""Files that a config names: vocabularies of data sets, weights that stages begin with.

`check` lists the missing ones, and `run` makes nothing without them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from antifaz.core.experiment import Experiment
from antifaz.registry import KeyPath, Location, Problem, key_of


@attrs.frozen
class MissingFile:
    """A file that is not on this machine, who needs it, and where the config names it.

    section: `data` or `stages`. name: of the data set or stage.
    """

    path: str
    section: str
    name: str
    location: Location
    option: str
    """The option that names it, and its documentation."""

    @property
    def problem(self) -> Problem:
        return Problem(f"the file {self.path} does not exist", self.location, self.option)


def missing_files(experiment: Experiment) -> list[MissingFile]:
    """List every needed file that is not there, of the data sets and then of the stages."""
    needed = [("data", name, file) for name, entry in experiment.data.items() for file in _needed(entry, ("data", name))]
    for name, stage in experiment.stages.items():
        at: KeyPath = ("stages", name, "init")
        sources = {at: stage.init} if isinstance(stage.init, str) else {(*at, node): s for node, s in (stage.init or {}).items()}
        files = {place: s for place, s in sources.items() if isinstance(s, str) and s not in experiment.stages}
        needed += [("stages", name, (place, path, "`init`: a stage or a file of weights")) for place, path in files.items()]
        needed += [("stages", name, file) for place, source in sources.items() for file in _needed(source, place)]
    return [
        MissingFile(path, section, name, experiment.document.location(place), option)
        for section, name, (place, path, option) in needed
        if not os.path.isfile(path)
    ]


def _needed(spec: Any, at: KeyPath) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield where an option of a spec, or of one below it, names a file; the file; and the option with its documentation."""
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
