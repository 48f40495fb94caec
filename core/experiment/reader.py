"""An experiment: a YAML document, structured and wired, with every mistake in it found at once. No torch.

The document's sections are read entry by entry, so that one mistake does not hide another; what refers to a broken entry is not
reported a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar

import attrs

from antifaz.core.graph.wiring import BATCH, In, NodePlan, Wire, Wiring, references, well_formed, wire
from antifaz.core.interfaces import (
    DatasetSpec,
    NodeSpec,
)
from antifaz.core.streams import Shape
from antifaz.registry import (
    ConfigError,
    Document,
    Plugins,
    Problem,
    SpecError,
    Structurer,
    View,
    declaration_of,
    key_of,
    load_document,
    suggest,
)

from .config import (
    NAME,
    SECTIONS,
    STAGES,
    Data,
    Declared,
    EvaluateStage,
    Experiment,
    Header,
    Node,
    PretrainedPart,
    Stage,
    TrainStage,
)
from .shipped import shipped, shipped_names
from .sinks import argument_groups, arguments

T = TypeVar("T")


def read(source: str | Path, plugins: Plugins, overrides: Sequence[str] = ()) -> Experiment:
    """Read a config by path or shipped name.

    Raises:
        ConfigError: with every problem that was found, each located.
    """
    document = load_document(source, overrides, find=shipped, known=shipped_names, overlays=[("stages", "*", "graph")])
    return _Reader(document, plugins).experiment()


class _Reader:
    """Reads one document, collecting problems."""

    def __init__(self, document: Document, plugins: Plugins) -> None:
        self.document = document
        self.plugins = plugins
        self.structurer = Structurer(plugins.catalogue)
        self.problems: list[Problem] = list(document.problems)
        self.lost_data: set[str] = set()
        """Data sets whose entries could not be found out."""

    def experiment(self) -> Experiment:
        top = self.document.data
        for section in SECTIONS:
            if not isinstance(top.get(section, {}), Mapping | NoneType):
                self.report(self.document, (section,), f"`{section}` must be a mapping of names to entries")
                raise ConfigError(self.problems)  # whatever else refers to it
        if not self.document.whole:  # what else is missing or unknown may stand in the part that could not be read
            raise ConfigError(self.problems)
        header = self.header()
        data = self.entries("data", Data)
        stages = self.stages()
        shapes = self.data_shapes(header, data)
        wirings: dict[str, Wiring] = {}
        self.check_names(stages, data)
        for name in ["", *stages]:
            wirings[name] = self.wiring(name, shapes, data)
        for name, stage in stages.items():
            self.check_stage(name, stage, stages, data, wirings[name], shapes)
        if header is not None:
            self.check_claims(header, wirings)
        if self.problems or header is None:
            reading = {problem.location for problem in self.document.problems}
            following = self.problems[len(self.document.problems) :]
            raise ConfigError([*self.document.problems, *(p for p in following if p.location not in reading)])
        kept = {name: stage for name, stage in stages.items() if stage is not None}
        valid = {name: entry for name, entry in data.items() if entry is not None}
        return Experiment(header=header, document=self.document, plugins=self.plugins, data=valid, stages=kept, wirings=wirings)

    def report(self, view: View, path: Sequence[str | int], message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(message, view.location(tuple(path)), hint))

    def header(self) -> Header | None:
        plain = self.document.data if isinstance(self.document.data, Mapping) else {}
        top = {key: value for key, value in plain.items() if key not in SECTIONS}
        return self.structurer.structure(top, Header, self.document, (), self.problems, also=SECTIONS)

    def check_names(self, stages: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        """Names are parts of file names, of references and of the keys of weights."""
        paths: list[tuple[str, ...]] = [("data", name) for name in data]
        for name in stages:
            paths.append(("stages", name))
            for section in ("objectives", "metrics"):
                paths += [("stages", name, section, key) for key in self.section(self.document, ("stages", name, section))]
            paths += [("stages", name, "graph", key) for key in self.section(self.document, ("stages", name, "graph"))]
        paths += [("graph", name) for name in self.section(self.document, ("graph",))]
        for path in paths:
            if not NAME.fullmatch(path[-1]):
                where = self.document.key_location(path)
                self.problems.append(Problem(f"{path[-1]!r} cannot be a name", where, "use letters, digits, `_` and `-`"))

    def section(self, view: View, path: Sequence[str]) -> Mapping[str, Any]:
        """A mapping of the document, or an empty one where there is none."""
        value: Any = view.data
        for step in path:
            value = _get(value, step)
        return value if isinstance(value, Mapping) else {}

    def entries(self, section: str, type_: type[T]) -> dict[str, T | None]:
        return {
            name: self.structurer.structure(value, type_, self.document, (section, name), self.problems)
            for name, value in self.section(self.document, (section,)).items()
        }

    def stages(self) -> dict[str, Stage | None]:
        found: dict[str, Stage | None] = {}
        for name, value in self.section(self.document, ("stages",)).items():
            task = value.get("task") if isinstance(value, Mapping) else None
            type_ = STAGES.get(task) if isinstance(task, str) else None
            if type_ is None:
                path = ("stages", name, "task") if task is not None else ("stages", name)
                message = f"stage {name!r} has no task" if task is None else f"unknown task {task!r}"
                self.report(self.document, path, message, suggest(str(task or ""), list(STAGES), noun="tasks"))
                found[name] = None
            else:
                found[name] = self.structurer.structure(value, type_, self.document, ("stages", name), self.problems)
        return found

    def data_shapes(self, header: Header | None, data: Mapping[str, Data | None]) -> dict[str, Mapping[str, Shape]]:
        """What each data set declares; under "" what `inputs:` does."""
        shapes: dict[str, Mapping[str, Shape]] = {}
        for name, entry in data.items():
            dataset = self.dataset_alone(name) if entry is None else entry.dataset
            if dataset is None:
                self.lost_data.add(name)
                continue
            try:
                shapes[name] = dataset.shapes()
            except SpecError as error:
                self.lost_data.add(name)
                path = ("data", name, *([] if error.field is None else error.field.split(".")))
                self.report(self.document, path, error.message, error.hint)
        if header is not None:
            shapes[""] = {n: e.as_shape() if isinstance(e, Declared) else Shape(e) for n, e in header.inputs.items()}
        elif "inputs" in self.document.data:
            self.lost_data.add("")
        return shapes

    def dataset_alone(self, name: str) -> DatasetSpec | None:
        """The data set of an entry in which something else is wrong."""
        written = self.document.at("data", name).data
        own = {key_of(field) for field in attrs.fields(Data)}
        rest = {key: value for key, value in written.items() if key not in own} if isinstance(written, Mapping) else {}
        slot: type[DatasetSpec] = DatasetSpec  # type: ignore[type-abstract]
        return self.structurer.structure(rest, slot, self.document, ("data", name), [])

    def wiring(self, name: str, shapes: Mapping[str, Mapping[str, Shape]], data: Mapping[str, Data | None]) -> Wiring:
        """The graph as a stage has it."""
        view = self.document.at("graph")
        changes = self.document.at("stages", name, "graph")
        if name and isinstance(changes.data, Mapping):
            view = view.overlay(changes)
            self.problems.extend(view.unmatched())
        nodes = {
            key: self.structurer.structure(value, Node, view, (key,), self.problems)
            for key, value in self.section(view, ()).items()
        }
        plans: dict[str, NodePlan] = {}
        for key, node in nodes.items():
            plan = None if node is None else self.plan(key, node, nodes, view)
            if plan is not None:
                plans[key] = plan
        # As it is written: a stage with a mistake in it has its data and their transforms all the same.
        stated = self.section(self.document, ("stages", name)) if name else {}
        source = str(stated.get("data", ""))
        own, lost = dict(shapes.get(source, {})), bool(self.lost_data)
        if stated.get("task") == "train":
            entry = data.get(source)
            for i, transform in enumerate(entry.transforms if entry is not None else ()):
                try:
                    own.update(transform.shapes(own))
                except SpecError as error:
                    lost = True
                    path = ("data", source, "transforms", i, *(error.field.split(".") if error.field else ()))
                    self.report(self.document, path, error.message, error.hint)
        merged = {name: shape for declared in (*shapes.values(), own) for name, shape in declared.items()}
        reporter = lambda path, message, hint=None: self.report(view, path, message, hint)  # noqa: E731
        written = self.section(view, ())
        broken = {key: well_formed(_get(written[key], "in")) for key in nodes if key not in plans}
        if lost:
            broken[BATCH] = None
        return attrs.evolve(wire(plans, merged, reporter, broken), locate=view.location)

    def plan(self, name: str, node: Node, nodes: Mapping[str, Node | None], view: View) -> NodePlan | None:
        spec: NodeSpec | None = node.spec
        share = node.share
        if name == BATCH:
            self.report(view, (name,), f"{BATCH!r} stands for the data and cannot name a node", "choose another name")
            return None
        passed = [name]
        while share is not None:  # to the node that has weights of its own
            if share not in nodes:
                hint = suggest(share, [n for n in nodes if n != name], noun="nodes")
                self.report(view, (name, "share"), f"unknown node {share!r}", hint)
                return None
            if share in passed:
                self.report(view, (name, "share"), f"nodes share weights in a circle: {' -> '.join([*passed, share])}")
                return None
            owner = nodes[share]
            if owner is None:
                return None
            passed.append(share)
            spec, share = spec or owner.spec, owner.share
        if spec is None:
            self.report(view, (name,), f"node {name!r} has no component", "add `use: NAME`, or `share: NODE`")
            return None
        return NodePlan(spec, node.in_, passed[-1] if len(passed) > 1 else None, node.tie, node.batch_axes)

    def check_stage(
        self,
        name: str,
        stage: Stage | None,
        stages: Mapping[str, Stage | None],
        data: Mapping[str, Data | None],
        wiring: Wiring,
        shapes: Mapping[str, Mapping[str, Shape]],
    ) -> None:
        """References of a stage to data, other stages, nodes and outputs."""
        at = ("stages", name)
        written = self.section(self.document, ("stages",))[name]
        source = _get(written, "data")
        if isinstance(source, str) and source not in data:
            hint = suggest(source, list(data), noun="data sets")
            self.report(self.document, (*at, "data"), f"unknown data set {source!r}", hint)
        if stage is None:
            for section in ("objectives", "metrics"):
                entries = _get(written, section)
                for key, entry in entries.items() if isinstance(entries, Mapping) else ():
                    self.check_references((*at, section, key), well_formed(_get(entry, "in")), wiring)
            return
        self.check_init(name, stage, stages, wiring)
        if isinstance(stage, TrainStage):
            entry = data.get(stage.data)
            if entry is not None and entry.batch_size % stage.accumulate:
                message = f"batch_size {entry.batch_size} does not divide into {stage.accumulate} micro-batches"
                hint = f"choose a batch_size of {stage.accumulate} times a whole number, or another `accumulate`"
                self.report(self.document, (*at, "accumulate"), message, hint)
            for key, objective in stage.objectives.items():
                self.check_inputs((*at, "objectives", key), objective.objective, objective.in_, wiring)
                contrastive = getattr(objective.objective, "needs_whole_batch", False)
                if contrastive and stage.accumulate > 1:
                    message = f"objective {key!r} compares all samples of a batch, which accumulation would split"
                    self.report(self.document, (*at, "accumulate"), message, "set `accumulate: 1`, or a smaller batch_size")
            for field, names in (("freeze", stage.freeze), ("lr_scale", stage.lr_scale)):
                for node in names:
                    if node in wiring.nodes and (owner := wiring.nodes[node].plan.share) is not None:
                        message = f"{node!r} has the weights of {owner!r}"
                        self.report(self.document, (*at, field), message, f"name {owner!r} here")
                    elif node not in wiring.nodes and node not in wiring.broken:
                        hint = suggest(node, list(wiring.nodes), noun="nodes")
                        self.report(self.document, (*at, field), f"unknown node {node!r}", hint)
        else:
            self.check_evaluation(at, stage, wiring)
        if stage.data in data and stage.data not in self.lost_data and BATCH not in wiring.broken:
            entry = data[stage.data]
            changed = entry.training_shapes() if isinstance(stage, TrainStage) and entry is not None else shapes[stage.data]
            self.check_given(at, stage, wiring, changed)

    def check_given(self, at: tuple[str, ...], stage: Stage, wiring: Wiring, entries: Mapping[str, Shape]) -> None:
        """Every argument of an objective or metric can be made of what the stage's data have."""
        if isinstance(stage, TrainStage):
            for key, entry in stage.objectives.items():
                self.check_arguments((*at, "objectives", key), entry.objective, entry.in_, wiring, {"": entries}, entries)
            return
        for i, modalities in enumerate(stage.present):
            if modalities and not set(modalities) & set(entries):
                message = f"the data set {stage.data!r} has none of {', '.join(modalities)}"
                self.report(self.document, (*at, "present", i), message, f"it has {', '.join(entries)}")
        for key, metric in stage.metrics.items():
            given = {name: set(modalities) & set(entries) for name, modalities in metric.given.items()}
            self.check_arguments((*at, "metrics", key), metric.metric, metric.in_, wiring, {**given, "": entries}, entries)

    def check_arguments(
        self,
        path: tuple[str, ...],
        spec: Any,
        in_: In,
        wiring: Wiring,
        given: Mapping[str, Iterable[str]],
        entries: Mapping[str, Shape],
    ) -> None:
        """given: argument -> the entries that its call gets; under "" those of all others. entries: what the data have."""
        if not all(wiring.has(reference) for _, _, reference in references(in_)):
            return
        try:
            found = arguments(spec, in_, wiring)
        except SpecError:
            return  # reported where the inputs are checked
        influences = wiring.influences()
        for argument, wires in found.items():
            there = set(given.get(argument, given[""]))

            def is_made(wire: Wire, there: set[str] = there) -> bool:
                if wire.node == BATCH:
                    return wire.output in entries
                return not influences[wire.reference] or bool(influences[wire.reference] & there)

            if wires and not any(is_made(wire) for wire in wires):
                needs = sorted({e for w in wires for e in ([w.output] if w.node == BATCH else influences[w.reference])})
                message = f"nothing of `{argument}` can be made: it needs {' or '.join(needs)}, its data have {', '.join(entries)}"
                self.report(self.document, (*path, "in"), message)

    def check_evaluation(self, at: tuple[str, ...], stage: EvaluateStage, wiring: Wiring) -> None:
        for i, modalities in enumerate(stage.present):
            if not modalities:
                hint = "name modalities, or leave `present` out to give everything"
                self.report(self.document, (*at, "present", i), "an evaluation needs something given", hint)
            self.check_modalities((*at, "present", i), modalities, wiring)
        for key, metric in stage.metrics.items():
            self.check_inputs((*at, "metrics", key), metric.metric, metric.in_, wiring)
            arguments = declaration_of(metric.metric).arguments
            for argument, modalities in metric.given.items():
                path = (*at, "metrics", key, "given", argument)
                if argument not in arguments:
                    hint = suggest(argument, list(arguments), noun="arguments")
                    self.report(self.document, path, f"unknown argument {argument!r}", hint)
                self.check_modalities(path, modalities, wiring)

    def check_modalities(self, path: Sequence[str | int], modalities: Iterable[str], wiring: Wiring) -> None:
        for modality in modalities:
            if modality not in wiring.inputs:
                hint = suggest(modality, list(wiring.inputs), noun="entries of the data")
                self.report(self.document, path, f"unknown modality {modality!r}", hint)

    def check_init(self, name: str, stage: Stage, stages: Mapping[str, Stage | None], wiring: Wiring) -> None:
        at, order = ("stages", name, "init"), list(stages)
        sources = stage.init if isinstance(stage.init, Mapping) else {} if stage.init is None else {"": stage.init}
        for node, source in sources.items():
            where = (*at, node) if node else at
            if node and node not in wiring.nodes:
                self.report(self.document, where, f"unknown node {node!r}", suggest(node, list(wiring.nodes), noun="nodes"))
            if isinstance(source, PretrainedPart):
                if source.part not in source.weights.parts:
                    hint = suggest(source.part, source.weights.parts, noun="parts")
                    self.report(self.document, (*where, "part"), f"the checkpoint has no part {source.part!r}", hint)
            elif source in stages and order.index(source) >= order.index(name):
                self.report(self.document, where, f"stage {source!r} comes after {name!r}", "stages run in the order of the file")
            elif isinstance(stages.get(source), EvaluateStage):
                self.report(self.document, where, f"stage {source!r} trains nothing, and leaves no weights", "name one that trains")
            elif source not in stages and not Path(source).suffix:
                earlier = order[: order.index(name)]
                hint = suggest(source, earlier, noun="earlier stages") + "; or name a file of weights"
                self.report(self.document, where, f"unknown stage {source!r}", hint)

    def check_inputs(self, path: tuple[str, ...], spec: Any, in_: In, wiring: Wiring) -> None:
        """An objective's or metric's inputs: known references that fit what it takes."""
        if not self.check_references(path, in_, wiring):
            return
        try:
            spec.build(argument_groups(spec, in_, wiring))
        except SpecError as error:
            self.report(self.document, (*path, *(error.field or "in").split(".")), error.message, error.hint)

    def check_references(self, path: tuple[str, ...], in_: In | None, wiring: Wiring) -> bool:
        """Whether all of them are known; those to broken nodes are not, and that is reported already."""
        known = True
        for where, _, reference in references(in_):
            try:
                wiring.resolve(reference)
            except SpecError as error:
                known = False
                if reference.partition(".")[0] not in wiring.broken:
                    self.report(self.document, (*path, "in", *where), error.message, error.hint)
        return known

    def check_claims(self, header: Header, wirings: Mapping[str, Wiring]) -> None:
        """A claim speaks of an output that some graph has; a stage may lack it."""
        for reference, modalities in header.pure.items():
            path = ("pure", reference)
            if any(reference.partition(".")[0] in wiring.broken for wiring in wirings.values()):
                continue
            if not any(wiring.has(reference) for wiring in wirings.values()):
                try:
                    wirings[""].resolve(reference)
                except SpecError as error:
                    self.report(self.document, path, error.message, error.hint)
            self.check_modalities(path, modalities, wirings[""])


def _get(value: Any, key: str) -> Any:
    """An entry of what should be a mapping."""
    return value.get(key) if isinstance(value, Mapping) else None
