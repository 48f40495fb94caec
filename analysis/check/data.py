"""Data sets that are on this machine: their counts, and the first samples through all that a run does with them."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from antifaz.core.errors import ComponentError, DataError
from antifaz.core.experiment import Experiment, TrainStage
from antifaz.core.interfaces import Sample, SampleSet, views_of
from antifaz.core.tokens import Features
from antifaz.data.batches import Collate, build_transforms, too_few
from antifaz.data.contract import Origin, as_problem, blaming, counts_of, identity_of, load_sample, require_samples, unopened
from antifaz.data.samples import MediaSamples
from antifaz.registry import Problem

SAMPLES_TRIED = 8
"""Samples of a data set that are read."""

Entries = Mapping[str, Features]


@attrs.frozen
class DataReport:
    """A data set.

    counts: `samples`, and what the set knows of files found or missing; None where the data is not on this machine.
    tried: how many samples were read, the first ones. unreadable: why some of these cannot be. absent: entries that none of those
    that can be read has.
    """

    counts: Mapping[str, int] | None
    tried: int = 0
    unreadable: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The report in a line."""
        if self.counts is None:
            return "not on this machine"
        unknown = () if self.counts.get("unreadable") else ("unreadable",)  # none may mean that none was looked for
        counts = ", ".join(f"{value:,} {key}" for key, value in self.counts.items() if key not in unknown)
        absent = f"; none of them has {', '.join(map(repr, self.absent))}" if self.absent else ""
        return f"{counts}; {_reading(self.tried, self.unreadable)}{absent}" if self.tried else counts


def _reading(tried: int, unreadable: tuple[str, ...]) -> str:
    """Say how many of the first samples cannot be read, and why the first of them cannot."""
    first = f"of the first {tried} samples" if tried > 1 else "of the first sample"
    many = "none" if len(unreadable) == tried else str(len(unreadable))
    return (
        f"{first} {many} can{'' if many == 'none' else 'not'} be read: {unreadable[0]}"
        if unreadable
        else f"{first} all can be read"
    )


def report_data(experiment: Experiment) -> tuple[dict[str, DataReport], dict[str, Entries], list[Problem]]:
    """Report on the data sets by name, keep a small batch of each that is there, and list what is wrong with them."""
    reports: dict[str, DataReport] = {}
    batches: dict[str, Entries] = {}
    problems: list[Problem] = []
    for name in experiment.data:
        trains = any(isinstance(s, TrainStage) and s.data == name for s in experiment.stages.values())
        look = _Look(experiment, name, trains)
        reports[name] = look.report()
        problems += look.problems
        if look.batch is not None:
            batches[name] = look.batch
    return reports, batches, problems


class _Look:
    """A look at one data set. trains: whether a training stage reads it."""

    def __init__(self, experiment: Experiment, name: str, trains: bool) -> None:
        self.name, self.entry, self.trains = name, experiment.data[name], trains
        self.origin = Origin.of(experiment, name, training=trains)
        self.problems: list[Problem] = []
        self.batch: Entries | None = None

    def report(self) -> DataReport:
        try:
            return self.read()
        except ComponentError as error:
            self.problems.append(as_problem(error, self.origin.location))
        except DataError as error:
            self.problems.append(Problem(error.message, self.origin.location, error.hint))
        return DataReport(None)

    def read(self) -> DataReport:
        """Open the data set, read its first samples and make a batch of them.

        Raises:
            DataError, ComponentError: what is wrong with it.
        """
        samples = self.peek()
        if samples is None:
            return DataReport(None)
        count = len(samples) // views_of(samples)
        smallest = self.entry.batch_size if self.trains else 1
        if count < smallest:
            lack = too_few(count, smallest)
            self.problems.append(Problem(lack.message, self.origin.location, lack.hint))
        as_read = samples.in_training() if self.trains and isinstance(samples, MediaSamples) else samples
        places = range(0, len(as_read), views_of(as_read))[:SAMPLES_TRIED]
        tried = [load_sample(as_read, i, 0, self.origin) for i in places]
        unreadable = tuple(sample.problem for sample in tried if sample.problem is not None)
        self.judge(len(tried), unreadable)
        if readable := [sample for sample in tried if sample.problem is None]:
            self.batch = self.collated(as_read, readable)
            self.judge_values(as_read, readable, self.batch)
        absent = [name for name in as_read.shapes if all(sample.entries.get(name) is None for sample in readable)]
        counts = {"samples": count, **counts_of(samples, self.entry.dataset)}
        if unreadable:
            counts["unreadable"] = max(counts.get("unreadable", 0), len(unreadable))
        return DataReport(counts, len(tried), unreadable, tuple(absent if readable else ()))

    def peek(self) -> SampleSet | None:
        """Return the set as in evaluation, opened without making anything; None where it is not here or cannot be peeked at."""
        peek = getattr(self.entry.dataset, "peek", None)
        with blaming(self.entry.dataset, f"opening data.{self.name}", location=self.origin.location):
            try:
                samples: SampleSet | None = peek() if peek is not None else None
            except OSError as error:
                raise unopened(attrs.evolve(self.origin, location=None), error) from error
        if samples is not None:
            require_samples(samples, self.origin)
        return samples

    def judge(self, tried: int, unreadable: tuple[str, ...]) -> None:
        """Report unreadable samples where a run would certainly stop at them, or where none can be read."""
        if unreadable and (len(unreadable) > self.entry.max_unreadable or len(unreadable) == tried):
            hint = f"repair or remove them, or raise data.{self.name}.max_unreadable"
            self.problems.append(Problem(f"data.{self.name}: {_reading(tried, unreadable)}", self.origin.location, hint))

    def judge_values(self, samples: SampleSet, readable: list[Sample], batch: Entries) -> None:
        """Report the first sample of each entry in which numbers are not finite."""
        for name, entry in batch.items():
            finite = entry.values.isfinite().reshape(len(entry.values), -1).all(dim=1) | ~entry.in_samples()
            if name in samples.shapes and len(finite) == len(readable) and not finite.all():
                identity = identity_of(samples, readable[int(finite.int().argmin())].index)
                message = f"{self.origin.entry_words(name)} hands over {name!r} with numbers that are not finite: {identity!r}"
                hint = "return None for an entry that a sample lacks, and finite numbers otherwise"
                self.problems.append(Problem(message, self.origin.location, hint))

    def collated(self, samples: SampleSet, readable: list[Sample]) -> Entries:
        """Make the batch of a training stage, or of an evaluation where no training stage reads the set."""
        transforms = build_transforms(self.entry, samples.shapes) if self.trains else ()
        return Collate(samples, transforms, self.origin)([(sample, 0) for sample in readable]).entries
