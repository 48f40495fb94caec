"""Several sample sets in a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from antifaz.core.errors import DataError
from antifaz.core.interfaces import Entry, Sample, SampleSet, views_of
from antifaz.core.seeds import seeded
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.data.contract import counts_of, identity_of
from antifaz.data.samples import stacked


class MixedSamples:
    """The samples of all parts, each part `repeat` times; entries that a part does not have are absent.

    Raises:
        DataError: parts of which one has more views of a sample than another.
    """

    def __init__(self, parts: Mapping[str, SampleSet], repeat: Mapping[str, int], shapes: Mapping[str, Shape]) -> None:
        self.parts, self.shapes = parts, shapes
        self.views = _common_views(parts)
        self.places = [(name, i) for name, part in parts.items() for _ in range(repeat[name]) for i in range(len(part))]

    def __len__(self) -> int:
        return len(self.places)

    def load(self, index: int, seed: int) -> Sample:
        name, inner = self.places[index]
        part = self.parts[name]
        sample = part.load(inner, seed)
        return Sample(index, {**dict.fromkeys(self.shapes), **_finished(part, sample, seed)}, sample.problem, sample.note)

    def finish(self, name: str, stored: Entry) -> Entry:
        return stored

    def identity(self, index: int) -> str:
        name, inner = self.places[index]
        return identity_of(self.parts[name], inner)

    def sentences(self, index: int) -> Sequence[str]:
        name, inner = self.places[index]
        sentences_of = getattr(self.parts[name], "sentences", None)
        return () if sentences_of is None else sentences_of(inner)

    def counts(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for part in self.parts.values():
            total.update(counts_of(part))
        return dict(total)


class JoinedSample:
    """The views of one sample whose entries come from several sets of as many views; of an entry in several, the first counts."""

    def __init__(self, parts: Sequence[SampleSet], shapes: Mapping[str, Shape]) -> None:
        self.parts, self.shapes = parts, shapes
        self.views = _common_views({f"number {i}": part for i, part in enumerate(parts, 1)})

    def __len__(self) -> int:
        return self.views

    def load(self, index: int, seed: int) -> Sample:
        entries: dict[str, Entry | None] = dict.fromkeys(self.shapes)
        problem = note = None
        for part in self.parts:
            sample = part.load(index, seed)
            made = _finished(part, sample, seed)
            entries.update({name: value for name, value in made.items() if value is not None and entries.get(name) is None})
            problem, note = problem or sample.problem, note or sample.note
        return Sample(index, entries, problem, note)

    def finish(self, name: str, stored: Entry) -> Entry:
        return stored

    def identity(self, index: int) -> str:
        return ", ".join(dict.fromkeys(part.identity(index) for part in self.parts))

    def counts(self) -> dict[str, int]:
        return {"found": 1, "missing": 0, "unreadable": 0}


def _common_views(parts: Mapping[str, SampleSet]) -> int:
    views = {name: views_of(part) for name, part in parts.items()}
    if len(set(views.values())) > 1:
        listing = ", ".join(f"{name} {count}" for name, count in views.items())
        message = f"the parts of a mixture have different numbers of views of a sample: {listing}"
        raise DataError(message, hint="give all parts the same")
    return max(views.values())


def _finished(part: SampleSet, sample: Sample, seed: int) -> dict[str, Entry | None]:
    """Finish the entries of a sample one by one: parts may store an entry in different forms."""
    done: dict[str, Entry | None] = {}
    for name, stored in sample.entries.items():
        if stored is None:
            done[name] = None
            continue
        with seeded(seed):
            entry = part.finish(name, stacked([stored]))
        if isinstance(entry, Features):
            done[name] = Features(entry.values[0], None if entry.valid is None else entry.valid[0])
        else:
            done[name] = entry[0]
    return done
