"""A trained run, loaded: answers for a user's own files and sentences, and features of any batch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import attrs
import torch
from torch import Tensor

from antifaz.core.discovery import discover
from antifaz.core.errors import DataError, FolderError, RunError
from antifaz.core.experiment import DataEntry, EvaluateStage, Experiment, read
from antifaz.core.graph.module import Graph, build_graph
from antifaz.core.interfaces import GivenKind, MakesSamples, views_of
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features, Tokens
from antifaz.data.batches import Batch, Collate, evaluation_batches
from antifaz.data.contract import Origin, blaming, identity_of, load_sample, open_samples
from antifaz.data.given import too_many
from antifaz.data.samples import joined
from antifaz.data.sources import PATH, TEXT
from antifaz.data.views import averaged
from antifaz.engine.training.initialization import initialize, sources_of
from antifaz.registry import ConfigError, Plugins, declaration_of, suggest

from .contract.failures import naming_nodes
from .run_folder import RunFolder

Given = str | Path | Mapping[str, Any]
"""One sample: a file, or what a person gives by the names that the data set takes."""


@attrs.frozen
class Answer:
    """The answer of a model for one sample.

    file: the files that were given, separated by commas; empty where there are none. text: the sentences that were.
    modalities: what there is of the sample. outputs: reference -> vector (logits or embedding), only those that these modalities
    allow; a list of vectors where the model has one for each of several sentences.
    labels: reference -> [(class, probability)], best first, for outputs whose classes are known.
    """

    file: str
    text: tuple[str, ...]
    modalities: tuple[str, ...]
    outputs: dict[str, list[Any]]
    labels: dict[str, list[tuple[str, float]]]


class Predictor:
    """A trained graph with its data.

    Args:
        experiment: of the run.
        stage: whose data say how samples are made, and whose graph answers.
        graph: with trained weights, in evaluation mode.
    """

    def __init__(self, experiment: Experiment, stage: str, graph: Graph) -> None:
        self.experiment, self.stage, self.graph = experiment, stage, graph
        self.targets = self._targets()

    @property
    def outputs(self) -> list[str]:
        """References of the graph's ends, which it answers with."""
        return self.graph.wiring.unused()

    @property
    def takes(self) -> Mapping[str, GivenKind]:
        """{name: `file`, `sentence` or `sentences`} of what a sample can be made of; empty where the data set makes none."""
        dataset = self._entry.dataset
        if not isinstance(dataset, MakesSamples):
            return {}
        with blaming(dataset, "saying what it takes"):
            taken = dict(dataset.takes())
        for name, kind in taken.items():
            if kind not in (kinds := get_args(GivenKind)):
                message = f"the data set {declaration_of(dataset).name!r} says that it takes a {kind!r} as {name!r}"
                raise RunError(message, hint=f"`takes` returns {{name: kind}}; kinds: {', '.join(kinds)}")
        return taken

    @property
    def _entry(self) -> DataEntry:
        return self.experiment.data[self.experiment.stages[self.stage].data]

    def predict(self, given: Sequence[Given], *, text: str | Sequence[str] = (), top: int = 3) -> list[Answer]:
        """Answer for each of the given samples: the mean over the views that the run is evaluated with, such as one clip's middle.

        given: for each sample a file, or {name: file, array or sentences} with some of the names that the data set `takes`.
        text: sentences that belong to every sample. With nothing else given they are answered for alone, each for itself where the
            model takes one sentence of a sample, together where it takes several.
        top: how many classes of an output are named.
        Raises:
            RunError: data that do not say how a sample is made.
            DataError: a name that is not known; a file or text that cannot be read, or has none of the modalities; text for a model
                that reads none; more sentences than it takes.
            ComponentError: the code of a plugin raises, or what it returns is not as declared.
        """
        sentences = (text,) if isinstance(text, str) else tuple(text)
        return [self._answer(sample, top) for sample in self._samples_of(given, sentences)]

    @torch.no_grad()
    def features(self, batch: Batch | Mapping[str, Features | Tensor], outputs: Sequence[str] = ()) -> dict[str, Features]:
        """Return features, logits or embeddings of a batch, on the model's device.

        batch: entries by name, (batch, ...) each, as the data set declares them; entries that are left out are absent.
        outputs: references (`pooled.audio`; a node stands for all of its outputs); default the ends of the graph.
        Returns them by full reference; those that nothing in the batch may influence are left out.
        Of a stream of tokens, values are (batch, tokens, width) in the order of its grid, valid (batch, tokens) or None.

        Raises:
            DataError: an entry that the graph does not know; values of another shape or element type than the data set declares.
            SpecError: an output that it does not have.
            ComponentError: a node that fails, named.
        """
        values = self._run(batch, list(outputs) or self.outputs)
        return {name: v if isinstance(v, Features) else Features(v.values, v.valid) for name, v in values.items()}

    @torch.no_grad()
    def _run(self, batch: Batch | Mapping[str, Features | Tensor], outputs: Sequence[str]) -> dict[str, Tokens | Features]:
        """Run the graph on a batch, once it is as declared; see `features`."""
        entries = batch.entries if isinstance(batch, Batch) else batch
        ready = {name: each if isinstance(each, Features) else Features(_tensor(name, each)) for name, each in entries.items()}
        self._require_declared(ready, outputs)
        moved = Batch(ready, []).to(self.device).entries
        with naming_nodes(self.graph.wiring, "on a batch"):
            values: dict[str, Tokens | Features] = self.graph(moved, outputs)
        return values

    def _require_declared(self, entries: Mapping[str, Features], outputs: Sequence[str]) -> None:
        """Refuse entries that are not as the data set declares them, of those that influence these outputs.

        Floating-point numbers may also have the element type of the weights.
        Raises:
            DataError: the first of them, or different numbers of samples.
        """
        wiring = self.graph.wiring
        influences = wiring.influences()
        read = {entry for each in outputs for wire in wiring.resolve(each) for entry in influences.get(wire.reference, ())}
        sizes: dict[str, int] = {}
        for name in (name for name in entries if name in read):
            values, shape = entries[name].values, wiring.inputs[name]
            declared = getattr(torch, shape.dtype)
            accepted = {declared, *((next(self.graph.parameters()).dtype,) if declared.is_floating_point else ())}
            if values.dim() == 0 or tuple(values.shape[1:]) != shape.dims or values.dtype not in accepted:
                form = f"{list(values.shape)} {str(values.dtype).removeprefix('torch.')}"
                wanted = f"[{', '.join(['batch', *map(str, shape.dims)])}] {shape.dtype}"
                hint = f"give it as the data set declares it: (batch, ...), and `.to(torch.{shape.dtype})`"
                raise DataError(f"the entry {name!r} of the batch is {form}, declared is {wanted}", hint=hint)
            sizes[name] = len(values)
        if len(set(sizes.values())) > 1:
            listing = ", ".join(f"{name} {size}" for name, size in sizes.items())
            raise DataError(f"entries of a batch have different numbers of samples: {listing}", hint="give a row for each sample")

    def embed(self, outputs: Sequence[str] = (), *, data: str | None = None) -> dict[str, Features]:
        """Return features of every sample of a data set, on the CPU, in its order: (samples, ...), the mean over a sample's views.

        outputs: references, as in `features`; default the ends of the graph. data: a name under `data:`; default that of the
        model's stage.
        A sample that cannot be read, or lacks what an output needs, is marked in `valid`.

        Raises:
            DataError: data that cannot be used as the config says, or that are not in the config.
        """
        name = data or self.experiment.stages[self.stage].data
        if name not in self.experiment.data:
            known = suggest(name, list(self.experiment.data), noun="data sets")
            raise DataError(f"the run has no data set {name!r}", hint=known)
        entry = self.experiment.data[name]
        origin = Origin.of(self.experiment, name, training=False)
        samples = open_samples(origin, False)
        batches = evaluation_batches(samples, batch_size=entry.batch_size, workers=entry.workers, origin=origin)
        parts = [self.features(batch, outputs) for batch in batches]
        views = views_of(samples)
        return {key: averaged(joined([part[key].map(Tensor.cpu) for part in parts]), views) for key in (parts or [{}])[0]}

    @property
    def device(self) -> torch.device:
        return next(self.graph.parameters()).device

    def batch(self, given: Given) -> dict[str, Features]:
        """Make a batch of the views of one sample, with the modalities that it has.

        Raises:
            RunError, DataError, ComponentError: as `predict` does.
        """
        dataset, named = self._entry.dataset, self._named(given)
        assert isinstance(dataset, MakesSamples)
        origin = Origin.of(self.experiment, self.experiment.stages[self.stage].data, training=False)
        with blaming(dataset, f"making a sample of {', '.join(named)}", location=origin.location):
            samples = dataset.sample_of(named)
            count = len(samples)
        views = [load_sample(samples, i, 0, origin) for i in range(count)]
        if not views or count != views_of(samples):
            message = f"the data set {declaration_of(dataset).name!r} makes {count or 'no'} samples of {', '.join(named)}, not one"
            raise RunError(message, hint="`sample_of` returns a set of one sample, or of as many views of it as its `views` says")
        for view in views:
            if view.problem is not None:
                raise DataError(view.problem)
        entries = Collate(samples, origin=origin)([(view, 0) for view in views]).entries
        there = {name: entry for name, entry in entries.items() if bool(entry.in_samples().all())}
        if not there:
            raise DataError(f"{identity_of(samples, 0)} has none of the modalities {', '.join(entries)}")
        return {name: Features(e.values, None if bool(e.presence().all()) else e.valid) for name, e in there.items()}

    def _samples_of(self, given: Sequence[Given], text: tuple[str, ...]) -> list[dict[str, Any]]:
        """Return what is given for each sample by its names; sentences alone are one sample, or one each."""
        if not text:
            return [self._named(sample) for sample in given]
        name = self._name_of("text")
        if given:
            return [self._named({name: text, **self._named(sample)}) for sample in given]
        return [self._named({name: each}) for each in ([text] if self.takes[name] == "sentences" else text)]

    def _named(self, given: Given) -> dict[str, Any]:
        """Return what is given for a sample by its names: Paths of files, sentences as the data set takes them."""
        if not isinstance(given, Mapping):
            return {self._name_of("file"): Path(given)}
        self._require_names(given)
        if not given:
            raise DataError("nothing is given for a sample", hint=f"names: {', '.join(self.takes)}")
        return {name: _of_kind(name, self.takes[name], value) for name, value in given.items()}

    def _require_names(self, names: Iterable[str]) -> None:
        takes = self.takes
        if not takes:
            dataset = declaration_of(self._entry.dataset).name
            message = f"the data set {dataset!r} of stage {self.stage!r} makes no sample of files or sentences"
            hint = "implement `takes` and `sample_of` in its spec (docs/python.md); features of its own samples need neither"
            raise RunError(message, hint=hint)
        for name in names:
            if name not in takes:
                message = f"the data of stage {self.stage!r} take nothing called {name!r}"
                raise DataError(message, hint=suggest(name, list(takes), noun="names"))

    def _name_of(self, what: Literal["file", "text"]) -> str:
        """Return the name under which a file or text without a name is given: the general one, or the only one."""
        self._require_names(())
        general = PATH if what == "file" else TEXT
        names = [name for name, kind in self.takes.items() if (kind == "file") == (what == "file")]
        if general in names or len(names) == 1:
            return general if general in names else names[0]
        if not names:
            raise DataError(f"this model reads no {what}", hint=f"leave the {what} out")
        message = f"the data of stage {self.stage!r} do not say which of {', '.join(names)} this {what} is"
        raise DataError(message, hint=f"give it by its name, as {names[0]}={what.upper()}")

    def _answer(self, given: Mapping[str, Any], top: int) -> Answer:
        batch = self.batch(given)
        by_output = {
            name: _values(averaged(value, len(value.values)))
            for name, value in self._run(batch, self.outputs).items()
            if isinstance(value, Features)
        }
        labels = {}
        for reference, values in by_output.items():
            target = self.targets.get(reference)
            if target is not None and values.dim() == 1 and len(target.classes) == len(values):
                # A number for each class means that each is there or not; a class number, that one of them is.
                chances = values.sigmoid() if target.dims else values.softmax(0)
                best = chances.topk(min(top, len(values)))
                labels[reference] = [(target.classes[int(i)], float(p)) for p, i in zip(best.values, best.indices, strict=True)]
        vectors = {k: v.tolist() for k, v in by_output.items()}
        files = dict.fromkeys(str(value) for value in given.values() if isinstance(value, Path))
        said = [(value,) if isinstance(value, str) else value for name, value in given.items() if self.takes[name] != "file"]
        sentences = tuple(sentence for each in dict.fromkeys(said) for sentence in each)
        return Answer(", ".join(files), sentences, tuple(batch), vectors, labels)

    def _targets(self) -> dict[str, Shape]:
        """Return the target with named classes that each output is held against by some objective or metric."""
        targets: dict[str, Shape] = {}
        for name, sinks in self.experiment.sinks.items():
            wiring = self.experiment.wirings[name]
            for sink in sinks.values():
                scores, target = getattr(sink.entry.spec, "class_scores", ("", ""))
                against = [wiring.value(wire.node, wire.output) for wire in sink.wires.get(target, ())]
                named = [value for value in against if isinstance(value, Shape) and value.classes]
                targets.update({wire.reference: value for wire in sink.wires.get(scores, ()) for value in named[:1]})
        return targets


def _tensor(name: str, value: Any) -> Tensor:
    """Return what is given for an entry as a tensor.

    Raises:
        DataError: nothing that torch can make one of.
    """
    try:
        return torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        message = f"the entry {name!r} of the batch is a {type(value).__name__} that makes no tensor: {error}"
        raise DataError(message, hint="give numbers of one shape: a tensor, an array or Features") from error


def _values(value: Features) -> Tensor:
    """Return the values of a batch of one; where it has several of a kind, of those that are there."""
    values = value.values[0].float().cpu()
    return values if value.valid is None or value.valid.dim() == 1 else values[value.valid[0].cpu()]


def _of_kind(name: str, kind: GivenKind, value: Any) -> Any:
    """Return a given value as a data set expects it of this kind.

    Raises:
        DataError: several sentences for one.
    """
    if kind == "file":
        return Path(value) if isinstance(value, str | os.PathLike) else value
    sentences = (value,) if isinstance(value, str) else tuple(value)
    if kind == "sentences":
        return sentences
    if len(sentences) != 1:
        raise too_many(len(sentences), {name: 1})
    return sentences[0]


def load(
    run: str | Path, *, stage: str | None = None, device: str = "cpu", plugins: Plugins | Sequence[str | Path] = ()
) -> Predictor:
    """Load the trained model of a run folder, ready to answer, whatever its data set is.

    stage: whose graph and data are used; default the last evaluate stage, or else the last stage. plugins: files of plugins beside
    the installed ones, or what `discover` found.
    Raises:
        FolderError: no run in this folder, or nothing trained in it yet.
        ConfigError: the run's config cannot be read, as that of an earlier version before its migration.
    """
    folder = RunFolder(Path(run))
    folder.require_run()
    installed = plugins if isinstance(plugins, Plugins) else discover(plugins)
    try:
        experiment = read(folder.config, installed)
    except ConfigError as error:
        hint = (
            "a run with a plugin file needs it again (`-p FILE`; in Python `plugins=[...]`); one of an earlier version is brought "
            f"to today's words by python tools/migrate_run.py {folder.root}"
        )
        raise ConfigError(error.problems, hint=hint) from None
    names = list(experiment.stages)
    if stage is not None and stage not in names:
        raise FolderError(f"the run has no stage {stage!r}", hint=suggest(stage, names, noun="stages"))
    evaluations = [name for name in names if isinstance(experiment.stages[name], EvaluateStage)]
    chosen = stage or (evaluations or names)[-1]
    graph = build_graph(experiment.wirings[chosen], seed=experiment.header.seed)
    own = folder.weights(chosen)
    if own.is_file():
        initialize(graph, str(own), {}, needed=experiment.wirings[chosen].nodes)
    else:
        init = experiment.stages[chosen].init
        stages = {name: folder.weights(name) for name in names}
        sources = list(sources_of(init))
        if init is None or any(source in stages and not stages[source].is_file() for source in sources):
            message = f"nothing is trained yet for stage {chosen!r} in {run}"
            raise FolderError(message, hint="finish the run, or name another stage")
        initialize(graph, init, stages)
    return Predictor(experiment, chosen, graph.to(device).eval())
