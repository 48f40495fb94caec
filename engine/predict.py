"""Answers of a trained run for a user's own files, with whatever modalities they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from antifaz.core.discovery import discover
from antifaz.core.errors import DataError, FolderError, RunError
from antifaz.core.experiment import EvaluateStage, Experiment, read
from antifaz.core.graph.module import Graph, build_graph
from antifaz.core.interfaces import DecoderSpec, ReadsMedia
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.data.batches import Collate
from antifaz.data.clips import Clip
from antifaz.data.media.file import UnreadableMedia
from antifaz.data.samples import MediaSamples, Row
from antifaz.data.text import Text, UnreadableText, by_source, sentences_taken
from antifaz.data.views import averaged
from antifaz.engine.training.initialization import initialize, sources_of
from antifaz.registry import ConfigError, suggest

from .run_folder import RunFolder


@attrs.frozen
class Answer:
    """The answer of a model for one file, or for text alone (no file).

    text: the sentences that belong to it. modalities: what there is of it. outputs: reference -> vector (logits or embedding),
    only those that these modalities allow; a list of vectors where the model has one for each of several sentences.
    labels: reference -> [(class, probability)], best first, for outputs whose classes are known.
    """

    file: str
    text: tuple[str, ...]
    modalities: tuple[str, ...]
    outputs: dict[str, list[Any]]
    labels: dict[str, list[tuple[str, float]]]


class Predictor:
    """A trained graph with its preprocessing.

    Args:
        experiment: of the run.
        stage: whose data say how files are read, and whose graph answers.
        graph: with trained weights, in evaluation mode.
    """

    def __init__(self, experiment: Experiment, stage: str, graph: Graph) -> None:
        self.experiment, self.stage, self.graph = experiment, stage, graph
        dataset = experiment.data[experiment.stages[stage].data].dataset
        if not isinstance(dataset, ReadsMedia):
            raise RunError(
                f"the data of stage {stage!r} do not say how a media file is read", hint="predict needs `clip` and `modalities`"
            )
        self.clip: Clip = dataset.clip
        self.modalities: Mapping[str, DecoderSpec] = dataset.modalities
        self.targets = self._targets()
        self.decoders = {name: spec.build(self.clip.seconds) for name, spec in self.modalities.items()}
        self.shapes: dict[str, Shape] = {name: spec.shape(self.clip.seconds) for name, spec in self.modalities.items()}

    @property
    def outputs(self) -> list[str]:
        """References of the graph's ends, which it answers with."""
        return self.graph.wiring.unused()

    @torch.no_grad()
    def predict(self, files: Sequence[str | Path], *, text: Sequence[str] = (), top: int = 3) -> list[Answer]:
        """Answer for each file; the middle of it, `clip.seconds` long, or the mean over the views that the run is evaluated with.

        text: sentences that belong to every file. With no file they are answered for alone, each for itself where the model takes
            one sentence of a sample, together where it takes several.
        Raises:
            DataError: a file or text that cannot be read, or has none of the modalities; text for a model that reads none; more
                sentences than it takes.
        """
        if not files:
            return [self._answer(None, sentences, top) for sentences in self._alone(text)]
        sentences = self._together(text) if text else None
        return [self._answer(Path(file), sentences, top) for file in files]

    def batch(self, file: Path | None, text: Text | None = None) -> dict[str, Features]:
        """Make a batch of the views of a file, or of text, with the modalities that they have."""
        media, texts = by_source(self.modalities)
        row = Row(dict.fromkeys(media, file), texts=dict.fromkeys(texts, text))
        samples = MediaSamples([row], self.decoders, self.shapes, self.clip, training=False)
        views = [samples.load(i, 0) for i in range(len(samples))]
        if views[0].problem is not None:
            raise (UnreadableText if file is None else UnreadableMedia)(views[0].problem)
        entries = Collate(samples)([(view, 0) for view in views]).entries
        there = {name: entry for name, entry in entries.items() if bool(entry.in_samples().all())}
        if not there:
            raise DataError(f"{row.name} has none of the modalities {', '.join(self.decoders)}")
        return {name: Features(e.values, None if bool(e.presence().all()) else e.valid) for name, e in there.items()}

    def _alone(self, sentences: Sequence[str]) -> list[Text]:
        """Return the texts that are answered for, one after the other, where there is no file."""
        one_each = all(taken is None for taken in self._sentences_taken().values())
        return [self._together([each]) for each in sentences] if one_each or not sentences else [self._together(sentences)]

    def _together(self, sentences: Sequence[str]) -> Text:
        """Join sentences into the text of one sample; none may be empty, and they may not be more than the model takes."""
        entries = self._sentences_taken()
        if not entries:
            raise DataError("this model reads no text", hint="leave the text out")
        for sentence in sentences:
            alone = Text((sentence,))
            if all(self.decoders[name].decode(alone, 0.0) is None for name in entries):
                raise DataError(f"the text {sentence!r} is empty: it has no word", hint="write a word, or leave this text out")
        most = max(taken or 1 for taken in entries.values())
        if len(sentences) > most:
            takes = ", ".join(f"{name!r} takes {taken or 1}" for name, taken in entries.items())
            message = f"{len(sentences)} sentences are too many for one sample: {takes}"
            raise DataError(message, hint="ask again for the others")
        return Text(tuple(sentences))

    def _sentences_taken(self) -> dict[str, int | None]:
        """Return the number of sentences that each entry of text takes; None for one without an axis for several."""
        _, texts = by_source(self.modalities)
        return {name: sentences_taken(self.modalities[name]) for name in texts}

    def _answer(self, file: Path | None, text: Text | None, top: int) -> Answer:
        batch = self.batch(file, text)
        device = next(self.graph.parameters()).device
        batch = {n: Features(e.values.to(device), None if e.valid is None else e.valid.to(device)) for n, e in batch.items()}
        answers = {k: v for k, v in self.graph(batch, self.outputs).items() if isinstance(v, Features)}
        by_output = {k: _values(averaged(v, len(v.values))) for k, v in answers.items()}
        labels = {}
        for reference, values in by_output.items():
            target = self.targets.get(reference)
            if target is not None and values.dim() == 1 and len(target.classes) == len(values):
                # A number for each class means that each is there or not; a class number, that one of them is.
                chances = values.sigmoid() if target.dims else values.softmax(0)
                best = chances.topk(min(top, len(values)))
                labels[reference] = [(target.classes[int(i)], float(p)) for p, i in zip(best.values, best.indices, strict=True)]
        vectors = {k: v.tolist() for k, v in by_output.items()}
        sentences = () if text is None else text.sentences
        return Answer("" if file is None else str(file), sentences, tuple(batch), vectors, labels)

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


def _values(value: Features) -> Tensor:
    """Return the values of a batch of one; where it has several of a kind, of those that are there."""
    values = value.values[0].float().cpu()
    return values if value.valid is None or value.valid.dim() == 1 else values[value.valid[0].cpu()]


def load(run: str | Path, *, stage: str | None = None, device: str = "cpu", plugins: Sequence[str | Path] = ()) -> Predictor:
    """Load the trained model of a run folder, ready to answer.

    stage: whose graph and data are used; default the last evaluate stage, or else the last stage.
    Raises:
        FolderError: no run in this folder, or nothing trained in it yet.
        RunError: a stage whose data are not media files.
        ConfigError: the run's config cannot be read, as that of an earlier version before its migration.
    """
    folder = RunFolder(Path(run))
    folder.require_run()
    installed = discover(plugins)
    try:
        experiment = read(folder.config, installed)
    except ConfigError as error:
        hint = f"a run of an earlier version can be brought to today's words: python tools/migrate_run.py {folder.root}"
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
