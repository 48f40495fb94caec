"""The semantic checks of a config that has been read: its stages fit its data, its graph and each other. No torch, no file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from antifaz.core.graph.wire import BATCH, Arguments, Wire, references, well_formed
from antifaz.core.graph.wiring import Wiring
from antifaz.core.streams import Shape
from antifaz.registry import PLUGIN_FAULT_HINT, Document, KeyPath, Problem, SpecError, declaration_of, failure, suggest
from antifaz.registry.patterns import is_plain

from .config import NAME, SECTIONS, DataEntry, Evaluation, Header, MetricEntry, ObjectiveEntry, PretrainedPart, Stage, TrainStage
from .experiment import validation_of
from .sinks import Sink, resolve_sink


@attrs.frozen(kw_only=True, eq=False)
class Draft:
    """A config as far as it could be read. None stands for an entry with a mistake, which has been reported.

    wirings: the graph of each stage and each validation, and under "" that without a stage.
    shapes: the entries that each data set declares, and under "" those of `inputs:`.
    lost_data: data sets whose entries are not known.
    """

    document: Document
    header: Header | None
    data: Mapping[str, DataEntry | None]
    stages: Mapping[str, Stage | None]
    wirings: Mapping[str, Wiring]
    shapes: Mapping[str, Mapping[str, Shape]]
    lost_data: frozenset[str]


def mapping_at(value: Any, *path: str) -> Mapping[str, Any]:
    """Return the mapping at a path of plain data; an empty one where there is none."""
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


class Validation:
    """The checks of one draft. Mistakes go to `problems`; what refers to a broken entry is not reported again."""

    def __init__(self, draft: Draft, problems: list[Problem]) -> None:
        self.draft, self.problems = draft, problems

    def sinks(self) -> dict[str, dict[str, Sink[Any]]]:
        """Check everything, and return the sinks of each stage and each validation."""
        self.check_names()
        sinks = {}
        for name, stage in self.draft.stages.items():
            sinks[name] = self.check_stage(("stages", name), stage, self.draft.wirings[name])
            if stage is not None:
                self.check_init(name, stage)
            if (key := validation_of(name)) in self.draft.wirings:
                at = ("stages", name, "validation")
                sinks[key] = self.check_stage(at, getattr(stage, "validation", None), self.draft.wirings[key])
        self.check_claims()
        return sinks

    def report(self, path: Sequence[str | int], message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(message, self.draft.document.location(tuple(path)), hint))

    def report_unknown(self, path: KeyPath, noun: str, name: str, known: Iterable[str], nouns: str) -> None:
        self.report(path, f"unknown {noun} {name!r}", suggest(name, list(known), noun=nouns))

    def check_names(self) -> None:
        """Check names: they become parts of file names, of references and of the keys of weights."""
        written = self.draft.document.data
        sections: list[tuple[str, ...]] = [(section,) for section in SECTIONS]
        for name in self.draft.stages:
            sections += [("stages", name, *part) for part in (("objectives",), ("metrics",), ("graph",), ("validation", "metrics"))]
        for section in sections:
            for name in mapping_at(written, *section):
                if not NAME.fullmatch(name):
                    where = self.draft.document.key_location((*section, name))
                    self.problems.append(Problem(f"{name!r} cannot be a name", where, "use letters, digits, `_` and `-`"))

    def check_stage(self, at: tuple[str, ...], stage: TrainStage | Evaluation | None, wiring: Wiring) -> dict[str, Sink[Any]]:
        """Check the references of a stage or validation to data, nodes and outputs; return its sinks. at: where it stands."""
        written = mapping_at(self.draft.document.data, *at)
        source = written.get("data")
        if isinstance(source, str) and source not in self.draft.data:
            self.report_unknown((*at, "data"), "data set", source, self.draft.data, "data sets")
        if stage is None:
            for section in ("objectives", "metrics"):
                for key, entry in mapping_at(written, section).items():
                    in_ = entry.get("in") if isinstance(entry, Mapping) else None
                    self.check_references((*at, section, key), well_formed(in_), wiring)
            return {}
        entries: Mapping[str, ObjectiveEntry | MetricEntry]
        if isinstance(stage, TrainStage):
            section, entries = "objectives", stage.objectives
            self.check_training(at, stage, wiring)
        else:
            section, entries = "metrics", stage.metrics
            self.check_evaluation(at, stage, wiring)
        checked = {key: self.check_sink((*at, section, key), key, entry, wiring) for key, entry in entries.items()}
        sinks = {key: sink for key, sink in checked.items() if sink is not None}
        if stage.data in self.draft.data and stage.data not in self.draft.lost_data and BATCH not in wiring.broken:
            self.check_supply((*at, section), stage, sinks, wiring)
        return sinks

    def check_training(self, at: KeyPath, stage: TrainStage, wiring: Wiring) -> None:
        entry = self.draft.data.get(stage.data)
        if entry is not None and entry.batch_size % stage.accumulate:
            message = f"batch_size {entry.batch_size} does not divide into {stage.accumulate} micro-batches"
            hint = f"choose a batch_size of {stage.accumulate} times a whole number, or another `accumulate`"
            self.report((*at, "accumulate"), message, hint)
        for key, objective in stage.objectives.items():
            if stage.accumulate > 1 and getattr(objective.spec, "needs_whole_batch", False):
                message = f"objective {key!r} compares all samples of a batch, which accumulation would split"
                self.report((*at, "accumulate"), message, "set `accumulate: 1`, or a smaller batch_size")
        self.check_patterns(at, stage, wiring)

    def check_patterns(self, at: KeyPath, stage: TrainStage, wiring: Wiring) -> None:
        """Check the nodes and objectives that patterns of parameters begin with; the rest needs the model."""
        fields = ("lr_scale", "weight_decay", "layer_decay")
        written: list[tuple[KeyPath, str]] = [(("freeze", i), pattern) for i, pattern in enumerate(stage.freeze)]
        written += [((field, pattern), pattern) for field in fields for pattern in getattr(stage, field)]
        for path, pattern in written:
            node, _, rest = pattern.partition(".")
            name = rest.partition(".")[0]
            if node in wiring.nodes and (owner := wiring.nodes[node].plan.share) is not None:
                self.report((*at, *path), f"{node!r} has the weights of {owner!r}", f"name {owner!r} here")
            elif node == "objectives" and node not in wiring.nodes:
                if is_plain(name) and name not in stage.objectives:
                    self.report_unknown((*at, *path), "objective", name, stage.objectives, "objectives")
            elif is_plain(node) and node not in wiring.nodes and node not in wiring.broken:
                self.report_unknown((*at, *path), "node", node, wiring.nodes, "nodes")

    def check_evaluation(self, at: KeyPath, stage: Evaluation, wiring: Wiring) -> None:
        for i, modalities in enumerate(stage.present):
            if not modalities:
                hint = "name modalities, or leave `present` out to give everything"
                self.report((*at, "present", i), "an evaluation needs something given", hint)
            self.check_modalities((*at, "present", i), modalities, wiring)
        for key, metric in stage.metrics.items():
            arguments = declaration_of(metric.spec).arguments
            for argument, modalities in metric.present.items():
                path = (*at, "metrics", key, "present", argument)
                if argument not in arguments:
                    self.report_unknown(path, "argument", argument, arguments, "arguments")
                self.check_modalities(path, modalities, wiring)

    def check_modalities(self, path: KeyPath, modalities: Iterable[str], wiring: Wiring) -> None:
        for modality in modalities:
            if modality not in wiring.inputs and BATCH not in wiring.broken:
                self.report_unknown(path, "modality", modality, wiring.inputs, "entries of the data")

    def check_init(self, name: str, stage: Stage) -> None:
        """Check that weights come from an earlier stage that trains, or from a file."""
        at, wiring = ("stages", name, "init"), self.draft.wirings[name]
        sources = stage.init if isinstance(stage.init, Mapping) else {} if stage.init is None else {"": stage.init}
        for node, source in sources.items():
            where = (*at, node) if node else at
            if node and node not in wiring.nodes:
                self.report_unknown(where, "node", node, wiring.nodes, "nodes")
            if not isinstance(source, PretrainedPart):
                self.check_source(where, name, source)
            elif source.part not in source.weights.parts:
                hint = suggest(source.part, source.weights.parts, noun="parts")
                self.report((*where, "part"), f"the checkpoint has no part {source.part!r}", hint)

    def check_source(self, where: KeyPath, name: str, source: str) -> None:
        """Check a stage or file that the stage `name` takes weights from."""
        order = list(self.draft.stages)
        if source in order and order.index(source) >= order.index(name):
            self.report(where, f"stage {source!r} comes after {name!r}", "stages run in the order of the file")
        elif isinstance(self.draft.stages.get(source), Evaluation):
            self.report(where, f"stage {source!r} trains nothing, and leaves no weights", "name one that trains")
        elif source not in order and not Path(source).suffix:
            hint = suggest(source, order[: order.index(name)], noun="earlier stages") + "; or name a file of weights"
            self.report(where, f"unknown stage {source!r}", hint)

    def check_sink(self, path: KeyPath, name: str, entry: Any, wiring: Wiring) -> Sink[Any] | None:
        """Wire an objective or metric, and let its spec judge what arrives; None where it cannot be wired."""
        if not self.check_references(path, entry.in_, wiring):
            return None
        sink = None
        try:
            sink = resolve_sink(name, entry, wiring)
            entry.spec.validate(sink.groups)
        except SpecError as error:
            self.report((*path, *(error.path or ("in",))), error.message, error.hint)
        except Exception as error:  # what a plugin's own code raises
            declared = declaration_of(entry.spec)
            self.report(path, f"the {declared.kind} {declared.name!r} failed: {failure(error, entry.spec)}", PLUGIN_FAULT_HINT)
        return sink

    def check_references(self, path: KeyPath, in_: Arguments | None, wiring: Wiring) -> bool:
        """Report all unknown references of an `in:`, and return if there is none."""
        known = [self.check_reference((*path, "in", *where), name, wiring) for where, _, name in references(in_)]
        return all(known)

    def check_reference(self, path: KeyPath, reference: str, wiring: Wiring) -> bool:
        """Report a reference unless it is known, and return if it is; those to broken nodes have been reported."""
        try:
            wiring.resolve(reference)
        except SpecError as error:
            if reference.partition(".")[0] not in wiring.broken:
                self.report(path, error.message, error.hint)
            return False
        return True

    def check_supply(self, at: KeyPath, stage: TrainStage | Evaluation, sinks: Mapping[str, Sink[Any]], wiring: Wiring) -> None:
        """Check that every argument of a sink can be computed from what the stage's data have."""
        entry, entries = self.draft.data[stage.data], self.draft.shapes[stage.data]
        if isinstance(stage, TrainStage):
            entries = entries if entry is None else entry.training_shapes()
        else:
            for i, modalities in enumerate(stage.present):
                if modalities and not set(modalities) & set(entries):
                    message = f"the data set {stage.data!r} has none of {', '.join(modalities)}"
                    self.report((*at[:-1], "present", i), message, f"it has {', '.join(entries)}")
        influences = wiring.influences()
        for key, sink in sinks.items():
            given = sink.entry.present if isinstance(sink.entry, MetricEntry) else {}
            for argument, wires in sink.wires.items():
                there = set(entries) & set(given.get(argument, entries))
                needs = [_needs(wire, influences) for wire in wires]
                usable = [
                    not n or bool(n & (set(entries) if w.node == BATCH else there)) for w, n in zip(wires, needs, strict=True)
                ]
                if wires and not any(usable):
                    needed = " or ".join(sorted(frozenset().union(*needs)))
                    message = f"nothing of `{argument}` can be made: it needs {needed}, its data have {', '.join(entries)}"
                    self.report((*at, key, "in"), message)

    def check_claims(self) -> None:
        """Check that a claim speaks of an output that some graph has; a stage may lack it."""
        wirings = self.draft.wirings
        for reference, modalities in ({} if self.draft.header is None else self.draft.header.pure).items():
            path = ("pure", reference)
            if any(reference.partition(".")[0] in wiring.broken for wiring in wirings.values()):
                continue
            if not any(wiring.has(reference) for wiring in wirings.values()):
                self.check_reference(path, reference, wirings[""])
            self.check_modalities(path, modalities, wirings[""])


def _needs(wire: Wire, influences: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the entries of the data of which a wire needs one at least; none for what depends on no data."""
    return frozenset([wire.output]) if wire.node == BATCH else influences[wire.reference]
