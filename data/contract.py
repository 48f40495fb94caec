"""What data sets and batch transforms hand over, held against what they declare, on the host, before it reaches the device.

Each mistake is a ComponentError that names the component, its plugin, the entry of `data:` and the sample. Exceptions of a plugin's
own code become one as well, see `blaming`.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
import torch
from torch import Tensor

from antifaz.core.errors import ComponentError, DataError
from antifaz.core.experiment import Experiment
from antifaz.core.interfaces import Entry, Sample, SampleSet, views_of
from antifaz.core.seeds import derived_seed, seeded
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.registry import MEND, AntifazError, Location, Problem, declaration_of, failure, plugin_of, suggest, with_lines
from antifaz.registry.failures import is_lost_process

TENSOR_HINT = "make it one: torch.from_numpy(array), or torch.tensor(number); None stands for an absent entry"

Declared = Mapping[str, Shape]


def named(component: object) -> str:
    """Name a component by its kind and name, and another object of a plugin by its class."""
    try:
        declared = declaration_of(component)
    except TypeError:
        return f"{type(component).__name__}"
    return f"the {declared.kind.replace('_', ' ')} {declared.name!r}"


@contextmanager
def blaming(component: object, doing: str = "", *, who: str = "", location: Location | None = None) -> Iterator[None]:
    """Turn whatever a component's code raises into words that name it, its plugin and the plugin's last lines.

    doing: what it was asked for, as "at step 3 of stage 'train'". who: in place of its kind and name. location: where it is named.

    Raises:
        ComponentError: in place of any exception that is not for people already, and not of another process that is gone.
    """
    try:
        yield
    except ComponentError as error:
        error.location = error.location or location
        raise
    except AntifazError:
        raise
    except Exception as error:
        if is_lost_process(error):
            raise
        raise fault_of(error, component, doing, who=who, location=location) from error


def fault_of(
    error: Exception, component: object, doing: str = "", *, who: str = "", location: Location | None = None
) -> ComponentError:
    """Put what a component's code has raised into words; see `blaming`."""
    message = f"{who or named(component)} failed{doing and ' '}{doing}: {failure(error, component)}"
    return ComponentError(message, hint=with_lines(error, component, MEND), location=location, trace=trace_of(error))


def require_tensor(value: object, maker: object, who: str, source: str) -> None:
    """Refuse what a decoder makes of a source, unless it is a tensor, or None.

    Raises:
        ComponentError: with what it is.
    """
    if value is not None and not isinstance(value, Tensor):
        text = f"{who} of the plugin {plugin_of(maker)!r} makes a {type(value).__name__} of {source}, not a tensor"
        raise ComponentError(text, hint=TENSOR_HINT)


def as_problem(error: ComponentError, otherwise: Location | None = None) -> Problem:
    """Return an error as one of several. otherwise: its place, where it does not know any."""
    return Problem(error.message, error.location or otherwise, error.hint, error.trace)


def trace_of(error: Exception) -> str:
    """Return Python's own traceback, which a process hands over with an error."""
    return "".join(traceback.format_exception(error))


def identity_of(samples: SampleSet, index: int) -> str:
    """Return the name of a sample for people; its number where the set gives none."""
    identity = getattr(samples, "identity", None)
    return f"sample {index // views_of(samples)}" if identity is None else str(identity(index))


def counts_of(samples: SampleSet, dataset: object = None) -> dict[str, int]:
    """Return what a set knows of how many files it found; nothing where it counts none.

    dataset: its spec, for messages.
    Raises:
        ComponentError: its code raises, or counts otherwise than as {name: int}.
    """
    counts = getattr(samples, "counts", None)
    if counts is None:
        return {}
    with blaming(dataset or samples, "counting its files"):
        return {str(name): int(count) for name, count in counts().items()}


@attrs.frozen
class Origin:
    """An entry of `data:`.

    name: of the entry. dataset: its spec; None where samples come from elsewhere, as those of a test. transforms: the specs of the
    batch transforms of a training stage. location: where the config has the entry. seed: of the run.
    """

    name: str = ""
    dataset: Any = None
    transforms: Sequence[Any] = ()
    location: Location | None = None
    transform_locations: Sequence[Location] = ()
    seed: int = 0

    @classmethod
    def of(cls, experiment: Experiment, name: str, *, training: bool) -> Origin:
        """Return the origin of the samples of an entry. training: for a training stage, which has batch transforms."""
        entry, location = experiment.data[name], experiment.document.location
        transforms = entry.transforms if training else ()
        places = [location(("data", name, "transforms", i)) for i in range(len(transforms))]
        return cls(name, entry.dataset, transforms, location(("data", name)), places, experiment.header.seed)

    @property
    def words(self) -> str:
        """The entry, its data set and the plugin, in words."""
        if self.dataset is None:
            return "the data set"
        return f"data.{self.name}: {named(self.dataset)} of the plugin {plugin_of(self.dataset)!r}"

    def entry_words(self, name: str) -> str:
        """Name who makes an entry of a sample: the decoder of the data set, where it has one of this name, or else the data set."""
        decoder = getattr(self.dataset, "modalities", {}).get(name)
        if decoder is None:
            return self.words
        return f"data.{self.name}: {named(decoder)} of the plugin {plugin_of(decoder)!r}, in {named(self.dataset)},"

    def fault(self, text: str, hint: str) -> ComponentError:
        return ComponentError(text, hint=hint, location=self.location)


def open_samples(origin: Origin, training: bool) -> SampleSet:
    """Open a data set; what its author draws from a global generator meanwhile follows from the run's seed.

    Raises:
        DataError: a file or folder that cannot be read. ComponentError: its code raises, or what it builds is no set of samples.
    """
    with blaming(origin.dataset, f"opening data.{origin.name}", location=origin.location):
        try:
            with seeded(derived_seed(origin.seed, "data", origin.name)):
                samples: SampleSet = origin.dataset.build(training)
        except OSError as error:
            raise unopened(origin, error) from error
    require_samples(samples, origin)
    with blaming(origin.dataset, f"counting the samples of data.{origin.name}", location=origin.location):
        len(samples)
    return samples


def unopened(origin: Origin, error: OSError) -> DataError:
    """Return the error of a data set that meets a file it cannot read before it has any sample."""
    file = f"{error.filename}: " if error.filename else ""
    place = f"{origin.location}: " if origin.location else ""
    message = f"{place}{origin.words} cannot be opened: {file}{error.strerror or error}"
    return DataError(message, hint=f"correct the paths of `data.{origin.name}`, or restore the file")


def require_samples(samples: Any, origin: Origin) -> None:
    """Refuse what is no set of samples.

    Raises:
        ComponentError: members that it lacks, or entries that are not those of its spec.
    """
    lacking = [member for member in ("shapes", "__len__", "load", "finish") if not hasattr(samples, member)]
    if lacking:
        made, listing = type(samples).__name__, ", ".join(f"`{member}`" for member in lacking)
        hint = "see `SampleSet` in antifaz.core.interfaces; `identity` and `counts` alone may be left out"
        raise origin.fault(f"{origin.words} builds an object without {listing}: {made}", hint)
    declared = dict(origin.dataset.shapes())
    if dict(samples.shapes) != declared:
        ours, theirs = ({name: _form_of(shape) for name, shape in each.items()} for each in (declared, samples.shapes))
        message = f"{origin.words} builds samples of other entries than its spec declares: {theirs}, declared are {ours}"
        raise origin.fault(message, "set `self.shapes = spec.shapes()` in the samples")


def load_sample(samples: SampleSet, index: int, seed: int, origin: Origin) -> Sample:
    """Load one sample; what its author draws from any global generator follows from the seed too.

    Raises:
        ComponentError: the code of the data set raises, or returns something else.
    """
    try:
        with seeded(seed):
            sample: Any = samples.load(index, seed)
    except ComponentError as error:
        error.location = error.location or origin.location
        raise
    except AntifazError:
        raise
    except Exception as error:
        doing = f"loading the sample {identity_of(samples, index)!r}" + (f" of data.{origin.name}" if origin.name else "")
        raise fault_of(error, _coder(samples, origin), doing, location=origin.location) from error
    if not isinstance(sample, Sample):
        text = f"{origin.words} loads a {type(sample).__name__}, not a Sample: {identity_of(samples, index)!r}"
        raise origin.fault(text, "return `Sample(index, {entry: tensor, ...})` of antifaz.core.interfaces")
    if not isinstance(sample.entries, Mapping) or not isinstance(sample.problem, str | None):
        text = f"{origin.words} loads {identity_of(samples, index)!r} as {type(sample.entries).__name__} of entries"
        text += f" with the problem {sample.problem!r}" if sample.problem is not None else ""
        raise origin.fault(text, "entries are {name: tensor, or None where absent}, a problem is text, or None")
    if sample.index != index:
        text = f"{origin.words} loads {identity_of(samples, index)!r} as the sample of index {sample.index}, not {index}"
        raise origin.fault(text, "`Sample(index, ...)` takes the index that `load` was given")
    return sample


def _coder(samples: SampleSet, origin: Origin) -> object:
    """Return who is to blame for the code of a set of samples: its spec, where it has one."""
    return samples if origin.dataset is None else origin.dataset


class SampleContract:
    """Holds entries of samples against what their set declares.

    Args:
        samples: the set.
        origin: whose samples they are.
    """

    def __init__(self, samples: SampleSet, origin: Origin) -> None:
        self.samples, self.origin = samples, origin

    def check_entries(self, sample: Sample) -> None:
        """Refuse entries that are not declared, and values that are no tensors.

        Raises:
            ComponentError: the first of them.
        """
        for name, value in sample.entries.items():
            if name not in self.samples.shapes:
                text = f"{self.origin.words} hands over the entry {name!r}, which it does not declare: {self._name(sample)}"
                raise self.origin.fault(text, suggest(str(name), list(self.samples.shapes), noun="declared entries"))
            if value is not None and not isinstance(value, Tensor | Features):
                text = f"{self.origin.entry_words(name)} hands over {name!r} as {type(value).__name__}, not as a tensor"
                raise self.origin.fault(f"{text}: {self._name(sample)}", TENSOR_HINT)

    def check_stored(self, name: str, samples: Sequence[Sample]) -> None:
        """Refuse stored entries that differ in shape or element type, and so make no batch.

        Raises:
            ComponentError: the first that differs, and what it differs from.
        """
        first: tuple[str, Sample] | None = None
        for sample in samples:
            if (entry := sample.entries.get(name)) is None:
                continue
            form = _form(_values(entry))
            if first is None:
                first = form, sample
            elif form != first[0]:
                text = f"{self.origin.entry_words(name)} stores {name!r} as {first[0]} in {self._name(first[1])}"
                hint = "every stored sample has one shape and element type: cut or pad it"
                raise self.origin.fault(f"{text} and as {form} in {self._name(sample)}", hint)

    def finish(self, name: str, stored: Entry, samples: Sequence[Sample]) -> Entry:
        """Let the set finish a batch of stored entries. stored: (batch, ...).

        Raises:
            ComponentError: its code raises, or what it gives has another shape or element type than is declared.
        """
        present = next(sample for sample in samples if sample.entries.get(name) is not None)
        decoder = getattr(self.origin.dataset, "modalities", {}).get(name)
        doing = f"finishing {name!r} of a batch with {self._name(present)}"
        with blaming(decoder or _coder(self.samples, self.origin), doing, location=self.origin.location):
            finished: Any = self.samples.finish(name, stored)
        if not isinstance(finished, Tensor | Features):
            text = f"{self.origin.entry_words(name)} finishes {name!r} as {type(finished).__name__}, not as a tensor"
            raise self.origin.fault(text, "return a tensor (batch, ...) from `finish`, or Features")
        fault = form_fault(_values(finished), self.samples.shapes[name], len(samples))
        if fault is not None:
            text = f"{self.origin.entry_words(name)} hands over {name!r} as {fault[0]}: {self._name(present)}"
            raise self.origin.fault(text, fault[1])
        done: Entry = finished
        return done

    def check_range(self, name: str, values: Tensor, samples: Sequence[Sample]) -> None:
        """Refuse integers outside the declared classes or vocabulary. values: (batch, ...), those of absent samples zero.

        Raises:
            ComponentError: the first number that is outside, and its sample.
        """
        fault = range_fault(values, self.samples.shapes[name])
        if fault is not None:
            place, text = fault
            who = self.origin.entry_words(name)
            message = f"{who} hands over {text.format(name)}: {self._name(samples[place])}"
            raise self.origin.fault(message, "correct it in the data, or what `shapes()` declares")

    def batch_fault(self, error: Exception) -> ComponentError:
        """Return the error of samples that cannot be put in a batch for a reason that nothing else here finds."""
        return fault_of(error, _coder(self.samples, self.origin), "putting samples in a batch", location=self.origin.location)

    def _name(self, sample: Sample) -> str:
        return repr(identity_of(self.samples, sample.index))


def apply_transform(
    transform: Any, entries: dict[str, Features], shapes: Declared, origin: Origin, place: int
) -> tuple[dict[str, Features], Declared]:
    """Apply a batch transform, and hold what it returns against what its spec declares for these entries.

    shapes: of the entries. place: of the transform in the origin's.
    Returns the changed entries and their shapes.

    Raises:
        ComponentError: its code raises, or an entry is missing, not declared, or of another shape or element type.
    """
    if place >= len(origin.transforms):
        return transform(entries), shapes
    spec, location = origin.transforms[place], origin.transform_locations[place]
    words = f"data.{origin.name}: {named(spec)} of the plugin {plugin_of(spec)!r}"
    size = len(next(iter(entries.values())).values)
    with blaming(spec, f"changing a batch of data.{origin.name}", location=location):
        declared: Declared = {**shapes, **spec.shapes(shapes)}
        changed = transform(entries)
    if not isinstance(changed, Mapping):
        text = f"{words} returns a {type(changed).__name__}, not a mapping of names to Features"
        raise ComponentError(text, hint="return {name: Features} with every entry of the batch", location=location)
    for name in [*declared, *(key for key in changed if key not in declared)]:
        if (fault := _entry_fault(name, changed, declared, size)) is not None:
            raise ComponentError(f"{words} returns {fault[0]}", hint=fault[1], location=location)
    return dict(changed), declared


def _entry_fault(name: str, changed: Mapping[str, Any], declared: Declared, size: int) -> tuple[str, str] | None:
    """Say what is wrong with an entry that a batch transform returns, and what to do; None where nothing is."""
    if name not in declared:
        return f"the entry {name!r}, which it does not declare", suggest(name, list(declared), noun="declared entries")
    if name not in changed:
        return f"no entry {name!r}, which it declares", "return every entry of the batch, also those that are not changed"
    if not isinstance(changed[name], Features):
        return f"{name!r} as {type(changed[name]).__name__}, not as Features", "return Features(values, valid)"
    if (fault := form_fault(changed[name].values, declared[name], size)) is not None:
        return f"{name!r} as {fault[0]}", fault[1]
    return None


def form_fault(values: Tensor, shape: Shape, size: int) -> tuple[str, str] | None:
    """Say how values (batch, ...) differ from a declared shape or element type, and what to do; None where they do not."""
    if len(values) != size:
        return f"a batch of {len(values)} from one of {size}", "keep one row for each sample"
    if tuple(values.shape[1:]) == shape.dims and values.dtype == getattr(torch, shape.dtype):
        return None
    text = f"{_form(values[0])}, declared is {_form_of(shape)}"
    if tuple(values.shape[1:]) != shape.dims:
        return text, "make it of the declared shape, or declare in `shapes()` what it is"
    if values.dtype == torch.float64:
        return text, "convert it with `.float()`: numpy's arrays are float64 unless they are told otherwise"
    return text, f"convert it with `.to(torch.{shape.dtype})`, or declare its element type in `shapes()`"


def range_fault(values: Tensor, shape: Shape) -> tuple[int, str] | None:
    """Find an integer outside the declared classes or vocabulary: the place of its sample, and words with {!r} for the entry.

    Shares of classes are floating-point numbers, and have no range.
    """
    bound = shape.vocab_size or len(shape.classes)
    if not bound or values.is_floating_point() or values.dtype == torch.bool or not values.numel():
        return None
    if int(values.min()) >= 0 and int(values.max()) < bound:
        return None
    outside = (values < 0) | (values >= bound)
    place = int(outside.flatten(1).any(1).nonzero()[0]) if values.dim() > 1 else int(outside.nonzero()[0])
    wrong = int(values[place][outside[place]].flatten()[0]) if values.dim() > 1 else int(values[place])
    noun = "number" if shape.vocab_size else "class"
    return place, f"the {noun} {wrong} in {{!r}}, declared are 0 to {bound - 1}"


def _values(entry: Entry) -> Tensor:
    return entry.values if isinstance(entry, Features) else entry


def _form(values: Tensor) -> str:
    return f"{list(values.shape)} {str(values.dtype).removeprefix('torch.')}"


def _form_of(shape: Shape) -> str:
    return f"{list(shape.dims)} {shape.dtype}"
