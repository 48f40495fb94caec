"""An experiment: a YAML document, structured and wired, with every mistake in it found at once. No torch.

The document's sections are read entry by entry, so that one mistake does not hide another; what refers to a broken entry is not
reported a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType

import attrs

from antifaz.configs import shipped, shipped_names
from antifaz.core.discovery import discover
from antifaz.core.graph.wire import BATCH, well_formed
from antifaz.core.graph.wiring import NodePlan, Report, Wiring, wire
from antifaz.core.interfaces import DatasetSpec, NodeSpec
from antifaz.core.streams import Shape
from antifaz.registry import (
    PLUGIN_FAULT_HINT,
    ConfigError,
    Document,
    Plugins,
    Problem,
    SpecError,
    Structurer,
    View,
    declaration_of,
    failure,
    key_of,
    load_document,
    suggest,
)

from .config import DEFAULTS, SECTIONS, STAGES, DataEntry, Declared, Header, NodeEntry, Stage
from .experiment import Experiment, validation_of
from .validation import Draft, Validation, mapping_at


def read(source: str | Path, plugins: Plugins | None = None, overrides: Sequence[str] = ()) -> Experiment:
    """Read a config by path or shipped name. plugins: default all that are installed.

    Raises:
        ConfigError: with every problem that was found, each located.
    """
    overlays = [("stages", "*", "graph")]
    document = load_document(
        source, overrides, find=shipped, known=shipped_names, overlays=overlays, defaults=DEFAULTS, ordered={"stages": "stage"}
    )
    return _Reader(document, plugins or discover()).experiment()


Shapes = Mapping[str, Mapping[str, Shape]]


class _Reader:
    """Reads one document, collecting problems."""

    def __init__(self, document: Document, plugins: Plugins) -> None:
        self.document = document
        self.plugins = plugins
        self.structurer = Structurer(plugins.catalogue)
        self.problems: list[Problem] = list(document.problems)
        self.lost_data: set[str] = set()
        """Data sets whose entries are not known, because of a mistake in them."""

    def experiment(self) -> Experiment:
        self.require_sections()
        header = self.header()
        data = self.data()
        stages = self.stages()
        shapes = self.data_shapes(header, data)
        wirings = {name: self.wiring(shapes, data, name) for name in ["", *stages]}
        validated = [name for name in stages if mapping_at(self.document.data, "stages", name, "validation")]
        wirings |= {validation_of(name): self.wiring(shapes, data, name, "validation") for name in validated}
        lost = frozenset(self.lost_data)
        draft = Draft(
            document=self.document, header=header, data=data, stages=stages, wirings=wirings, shapes=shapes, lost_data=lost
        )
        sinks = Validation(draft, self.problems).sinks()
        if self.problems or header is None:
            reading = {problem.location for problem in self.document.problems}
            following = self.problems[len(self.document.problems) :]
            raise ConfigError([*self.document.problems, *(p for p in following if p.location not in reading)])
        kept = {name: stage for name, stage in stages.items() if stage is not None}
        valid = {name: entry for name, entry in data.items() if entry is not None}
        return Experiment(
            header=header, document=self.document, plugins=self.plugins, data=valid, stages=kept, wirings=wirings, sinks=sinks
        )

    def require_sections(self) -> None:
        """Stop where other problems would only follow: a section is not a mapping, or a file could not be read.

        Raises:
            ConfigError: either of them.
        """
        for section in SECTIONS:
            if not isinstance(self.document.data.get(section, {}), Mapping | NoneType):
                self.report(self.document, (section,), f"`{section}` must be a mapping of names to entries")
                raise ConfigError(self.problems)
        if not self.document.whole:
            raise ConfigError(self.problems)

    def report(self, view: View, path: Sequence[str | int], message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(message, view.location(tuple(path)), hint))

    def header(self) -> Header | None:
        top = {key: value for key, value in self.document.data.items() if key not in SECTIONS}
        also = (*SECTIONS, *DEFAULTS.values(), "extends")
        return self.structurer.structure(top, Header, self.document, (), self.problems, also=also)

    def data(self) -> dict[str, DataEntry | None]:
        return {
            name: self.structurer.structure(value, DataEntry, self.document, ("data", name), self.problems)
            for name, value in mapping_at(self.document.data, "data").items()
        }

    def stages(self) -> dict[str, Stage | None]:
        stages: dict[str, Stage | None] = {}
        for name, value in mapping_at(self.document.data, "stages").items():
            task = value.get("task") if isinstance(value, Mapping) else None
            type_ = STAGES.get(task) if isinstance(task, str) else None
            if type_ is None:
                path = ("stages", name, "task") if task is not None else ("stages", name)
                message = f"stage {name!r} has no task" if task is None else f"unknown task {task!r}"
                self.report(self.document, path, message, suggest(str(task or ""), list(STAGES), noun="tasks"))
                stages[name] = None
            else:
                stages[name] = self.structurer.structure(value, type_, self.document, ("stages", name), self.problems)
        return stages

    def data_shapes(self, header: Header | None, data: Mapping[str, DataEntry | None]) -> Shapes:
        """Return what each data set declares, and under "" what `inputs:` does; unknown ones become `lost_data`."""
        shapes: dict[str, Mapping[str, Shape]] = {}
        for name, entry in data.items():
            dataset = self.dataset_alone(name) if entry is None else entry.dataset
            try:
                if dataset is None:
                    self.lost_data.add(name)
                else:
                    shapes[name] = dict(dataset.shapes())
                    if not all(isinstance(shape, Shape) for shape in shapes[name].values()):
                        raise TypeError("`shapes` returns something else than {name: Shape}")
            except SpecError as error:
                self.lost_data.add(name)
                self.report(self.document, ("data", name, *error.path), error.message, error.hint)
            except Exception as error:  # what a plugin's own code raises
                self.lost_data.add(name)
                declared = f"the data set {declaration_of(dataset).name!r} cannot say its shapes: {failure(error, dataset)}"
                self.report(self.document, ("data", name), declared, PLUGIN_FAULT_HINT)
        if header is not None:
            shapes[""] = {n: e.as_shape() if isinstance(e, Declared) else Shape(e) for n, e in header.inputs.items()}
        elif "inputs" in self.document.data:
            self.lost_data.add("")
        return shapes

    def dataset_alone(self, name: str) -> DatasetSpec | None:
        """Read the data set of an entry in which something else is wrong."""
        own = {key_of(field) for field in attrs.fields(DataEntry)}
        left = {key: value for key, value in mapping_at(self.document.data, "data", name).items() if key not in own}
        slot: type[DatasetSpec] = DatasetSpec  # type: ignore[type-abstract]
        return self.structurer.structure(left, slot, self.document, ("data", name), [])

    def wiring(self, shapes: Shapes, data: Mapping[str, DataEntry | None], name: str, *below: str) -> Wiring:
        """Wire the graph as a stage has it; "" is the graph without a stage. below: the part of the stage that names its data."""
        view = self.document.at("graph")
        changes = self.document.at("stages", name, "graph")
        if name and isinstance(changes.data, Mapping):
            view = view.overlay(changes)
            self.problems.extend(view.unmatched())

        def report(path: Sequence[str | int], message: str, hint: str | None = None) -> None:
            self.report(view, path, message, hint)

        written = mapping_at(view.data)
        nodes = {key: self.structurer.structure(value, NodeEntry, view, (key,), self.problems) for key, value in written.items()}
        plans = {key: plan for key, node in nodes.items() if node is not None and (plan := _plan(key, node, nodes, report))}
        inputs, whole = self.stage_shapes(shapes, data, name, *below)
        broken = {key: well_formed(mapping_at(written, key).get("in")) for key in nodes if key not in plans}
        if not whole:
            broken[BATCH] = None
        return attrs.evolve(wire(plans, inputs, report, broken), locate=view.location)

    def stage_shapes(self, shapes: Shapes, data: Mapping[str, DataEntry | None], *at: str) -> tuple[dict[str, Shape], bool]:
        """Return the entries of the data as a stage has them, its own before those of other data sets, and if all are known.

        They are taken from the stage as it is written: one with a mistake in it has its data and their transforms all the same.
        """
        stated = mapping_at(self.document.data, "stages", *at)
        source, whole = str(stated.get("data", "")), not self.lost_data
        own, entry = dict(shapes.get(source, {})), data.get(source)
        for i, transform in enumerate(entry.transforms if entry is not None and stated.get("task") == "train" else ()):
            try:
                own.update(transform.shapes(own))
            except SpecError as error:
                whole = False
                self.report(self.document, ("data", source, "transforms", i, *error.path), error.message, error.hint)
        return {name: shape for declared in (*shapes.values(), own) for name, shape in declared.items()}, whole


def _plan(name: str, node: NodeEntry, nodes: Mapping[str, NodeEntry | None], report: Report) -> NodePlan | None:
    """Plan a node, with the component and the weights of the one that it shares; None where something is wrong."""
    if name == BATCH:
        report((name,), f"{BATCH!r} stands for the data and cannot name a node", "choose another name")
        return None
    spec: NodeSpec | None = node.spec
    share, passed = node.share, [name]
    while share is not None:  # to the node that has weights of its own
        if share not in nodes:
            hint = suggest(share, [n for n in nodes if n != name], noun="nodes")
            report((name, "share"), f"unknown node {share!r}", hint)
            return None
        if share in passed:
            report((name, "share"), f"nodes share weights in a circle: {' -> '.join([*passed, share])}")
            return None
        owner = nodes[share]
        if owner is None:
            return None
        passed.append(share)
        spec, share = spec or owner.spec, owner.share
    if spec is None:
        report((name,), f"node {name!r} has no component", "add `use: NAME`, or `share: NODE`")
        return None
    return NodePlan(spec, node.in_, passed[-1] if len(passed) > 1 else None, node.tie, node.batch_axes)
