"""Data sets that are on this machine: their counts, and one decoded sample against the declared shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import torch

from antifaz.core.errors import DataError
from antifaz.core.experiment import DataEntry, Experiment, TrainStage
from antifaz.core.interfaces import SampleSet, views_of
from antifaz.core.streams import Shape
from antifaz.data.batches import Collate, too_few
from antifaz.data.samples import class_out_of_range
from antifaz.registry import Problem

SAMPLES_TRIED = 8
"""Samples of a data set that are tried, until one can be read."""


@attrs.frozen
class DataReport:
    """A data set. counts: `samples`, and how many files were found or missing; None where the data is not on this machine."""

    counts: Mapping[str, int] | None


def report_data(experiment: Experiment) -> tuple[dict[str, DataReport], list[Problem]]:
    """Report on the data sets by name, and list what is wrong with them."""
    reports: dict[str, DataReport] = {}
    problems: list[Problem] = []
    for name, entry in experiment.data.items():
        reports[name], faults = _report(experiment, name, entry)
        problems += faults
    return reports, problems


def _report(experiment: Experiment, name: str, entry: DataEntry) -> tuple[DataReport, list[Problem]]:
    peek = getattr(entry.dataset, "peek", None)
    place = experiment.document.location(("data", name))
    problems = []
    try:
        samples = peek() if peek is not None else None
        if samples is None:
            return DataReport(None), []
        if len(samples):
            problems += [Problem(message, place) for message in _sample_faults(samples, entry.dataset.shapes(), name)]
    except DataError as error:
        return DataReport(None), [*problems, Problem(error.message, place, error.hint)]
    smallest = entry.batch_size if any(isinstance(s, TrainStage) and s.data == name for s in experiment.stages.values()) else 1
    count = len(samples) // views_of(samples)
    if count < smallest:
        lack = too_few(count, smallest)
        problems.append(Problem(lack.message, place, lack.hint))
    return DataReport({"samples": count, **samples.counts()}), problems


def _sample_faults(samples: SampleSet, declared: Mapping[str, Shape], name: str) -> list[str]:
    """Read the first sample that can be read and compare it with the declared shapes; each fault is a message."""
    # One broken file is the run's to count, against the user's limit; where the first few all are, something else is wrong.
    tried = [samples.load(i, 0) for i in range(0, len(samples), views_of(samples))[:SAMPLES_TRIED]]
    sample = next((each for each in tried if each.problem is None), None)
    if sample is None:
        return [f"{name}: of the first {len(tried)} samples none can be read: {tried[0].problem}"]
    identity = samples.identity(sample.index)
    try:
        entries: Mapping[str, Any] = Collate(samples)([(sample, 0)]).entries
    except (RuntimeError, ValueError, TypeError) as error:
        return [f"{name}: the sample {identity!r} cannot be put in a batch: {error}"]
    faults = []
    for key, shape in declared.items():
        values = entries[key].values
        if tuple(values.shape[1:]) != shape.dims or values.dtype != getattr(torch, shape.dtype):
            actual = f"{list(values.shape[1:])} {str(values.dtype).removeprefix('torch.')}"
            faults.append(f"{name}.{key} is {actual}, declared is {list(shape.dims)} {shape.dtype}: {identity!r}")
        elif shape.classes and (wrong := class_out_of_range(values, shape)) is not None:
            faults.append(f"{name}.{key} is class {wrong} of {len(shape.classes)}: {identity!r}")
    return faults
