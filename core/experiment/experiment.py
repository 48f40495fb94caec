"""A config without mistakes, structured and wired. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from antifaz.core.graph.wiring import Wiring
from antifaz.registry import Document, Plugins

from .config import DataEntry, Header, Stage, TrainStage
from .sinks import Sink


def validation_of(stage: str) -> str:
    """Return the name under which the validation of a stage has its wiring and its sinks; no stage can be called so."""
    return f"{stage}/validation"


@attrs.frozen(kw_only=True, eq=False)
class Experiment:
    """A config without mistakes.

    wirings: the graph as each stage has it; under "" as it is without a stage.
    sinks: the objectives or metrics of each stage, by name.
    Both have an entry for the validation of a stage, under `validation_of(stage)`.
    """

    header: Header
    document: Document
    plugins: Plugins
    data: Mapping[str, DataEntry]
    stages: Mapping[str, Stage]
    wirings: Mapping[str, Wiring]
    sinks: Mapping[str, Mapping[str, Sink[Any]]]

    @property
    def name(self) -> str:
        return self.header.name

    @property
    def wiring(self) -> Wiring:
        """Graph as the last stage has it, or as it stands in a config without stages."""
        return self.wirings[list(self.stages)[-1] if self.stages else ""]

    @property
    def graphs(self) -> dict[str, Wiring]:
        """Different graphs of the stages, each under the first stage that has it; "" in a config without stages."""
        graphs: dict[str, Wiring] = {}
        for name in self.stages or [""]:
            if all(self.wirings[name].nodes != known.nodes for known in graphs.values()):
                graphs[name] = self.wirings[name]
        return graphs

    def stage_inputs(self, stage: Stage) -> set[str]:
        """Return the entries that this stage's data have; others that the graph refers to are absent."""
        entry = self.data[stage.data]
        return set(entry.training_shapes() if isinstance(stage, TrainStage) else entry.dataset.shapes())
