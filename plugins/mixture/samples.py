"""Several sample sets in a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from antifaz.core.errors import DataError
from antifaz.core.interfaces import Entry, Sample, SampleSet, views_of
from antifaz.core.seeds import seeded
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.data.samples import stacked


class MixedSamples:
    """The samples of all parts, each part `repeat` times; entries that a part does not have are absent.

    Raises:
        DataError: parts of which one has more views of a sample than another.
    """

    def __init__(self, parts: Mapping[str, SampleSet], repeat: Mapping[str, int], shapes: Mapping[str, Shape]) -> None:
        self.parts, self.shapes = parts, shapes
        views = {name: views_of(part) for name, part in parts.items()}
        if len(set(views.values())) > 1:
            listing = ", ".join(f"{name} {count}" for name, count in views.items())
            message = f"the parts of a mixture have different numbers of views of a sample: {listing}"
            raise DataError(message, hint="give all parts the same")
        self.views = max(views.values())
        self.places = [(name, i) for name, part in parts.items() for _ in range(repeat[name]) for i in range(len(part))]

    def __len__(self) -> int:
        return len(self.places)

    def load(self, index: int, seed: int) -> Sample:
        name, inner = self.places[index]
        part = self.parts[name]
        sample = part.load(inner, seed)
        # Parts may store an entry in different forms, so each finishes its own.
        done = {n: None if t is None else self._finished(part, n, t, seed) for n, t in sample.entries.items()}
        return Sample(index, {**dict.fromkeys(self.shapes), **done}, sample.problem, sample.note)

    def _finished(self, part: SampleSet, name: str, stored: Entry, seed: int) -> Entry:
        with seeded(seed):
            done = part.finish(name, stacked([stored]))
        if not isinstance(done, Features):
            return done[0]
        return Features(done.values[0], None if done.valid is None else done.valid[0])

    def finish(self, name: str, stored: Entry) -> Entry:
        return stored

    def identity(self, index: int) -> str:
        name, inner = self.places[index]
        return self.parts[name].identity(inner)

    def sentences(self, index: int) -> Sequence[str]:
        name, inner = self.places[index]
        sentences_of = getattr(self.parts[name], "sentences", None)
        return () if sentences_of is None else sentences_of(inner)

    def counts(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for part in self.parts.values():
            total.update(part.counts())
        return dict(total)
