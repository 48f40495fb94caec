"""check: everything that is known of an experiment before it runs, in one report.

Graphs are built and run on the meta device: what every module returns is held against what its spec declared, FLOPs and memory are
counted as analysis/cost.py says. Data sets are looked at where they are on this machine: their counts, and the first
samples, as far as the objectives of small models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from antifaz.analysis.purity import broken_claims
from antifaz.core.experiment import Experiment, Published
from antifaz.core.graph.module import build_graph
from antifaz.engine.contract.metrics import metric_problems
from antifaz.engine.training.validation import validation_problems
from antifaz.registry import ConfigError, Problem

from .data import DataReport, report_data
from .files import FileReport, report_missing_files
from .model import (
    NodeReport,
    OutputReport,
    SharedReport,
    report_nodes,
    report_outputs,
    requested_wires,
    shared_nodes,
    unused_nodes,
)
from .nodes import node_problems
from .published import changed_inputs
from .stages import StageReport, report_stages
from .weights import validation_weights_problems, weights_problems


@attrs.frozen(kw_only=True)
class CheckReport:
    """The report on a config that has no mistake. The graph is the last stage's.

    outputs: by reference, those that objectives or metrics of any stage ask for, or else the graph's ends. unused: nodes that none
    of these needs. shared: nodes with another's weights. published: figures of others for the same model; changed_inputs: keys of
    `inputs` that differ from those that the figures are for. broken_claims: claims of purity that the routing refutes, in words.
    """

    name: str
    parameters: int
    nodes: Mapping[str, NodeReport]
    outputs: Mapping[str, OutputReport]
    stages: Mapping[str, StageReport]
    data: Mapping[str, DataReport]
    unused: tuple[str, ...]
    shared: Mapping[str, SharedReport]
    published: Published | None
    changed_inputs: tuple[str, ...]
    missing_files: tuple[FileReport, ...]
    broken_claims: tuple[str, ...]

    @property
    def flops(self) -> int:
        """Forward, one sample, every output."""
        return sum(node.flops for node in self.nodes.values())

    def json(self) -> dict[str, Any]:
        """Plain data. Shapes are without the batch; flops are integers for one sample, those of a stage for a step."""
        return {
            "name": self.name,
            "parameters": self.parameters,
            "flops": self.flops,
            "nodes": {name: node.json() for name, node in self.nodes.items()},
            "outputs": {name: attrs.asdict(output) for name, output in self.outputs.items()},
            "stages": {name: stage.json() for name, stage in self.stages.items()},
            "data": {name: attrs.asdict(data) for name, data in self.data.items()},
            "unused": list(self.unused),
            "shared": {name: attrs.asdict(shared) for name, shared in self.shared.items()},
            "published": None if self.published is None else attrs.asdict(self.published),
            "changed_inputs": list(self.changed_inputs),
            "missing_files": [file.json() for file in self.missing_files],
            "broken_claims": list(self.broken_claims),
        }


def check(experiment: Experiment, *, data: bool = True) -> CheckReport:
    """Build and run every graph of the experiment on the meta device.

    data: whether to look at the data sets and at files of weights as well.
    Raises:
        ConfigError: a module that cannot be built, fails, or returns other shapes than its spec declares; an objective that fails
            or returns no loss, a metric that returns no figures; weights of a stage or file that do not fit; data that is not
            as the config says.
    """
    problems: list[Problem] = []
    graphs = {stage: build_graph(wiring, device="meta") for stage, wiring in experiment.graphs.items()}
    for graph in graphs.values():
        problems += node_problems(graph.eval())
    problems += weights_problems(experiment, files=data) + validation_weights_problems(experiment)
    problems += validation_problems(experiment) + metric_problems(experiment)
    data_reports, batches, data_problems = report_data(experiment) if data else ({}, {}, [])
    if problems + data_problems:
        raise ConfigError(problems + data_problems)
    graph = list(graphs.values())[-1]
    requested = requested_wires(experiment)
    published = experiment.header.published
    return CheckReport(
        name=experiment.name,
        parameters=sum(p.numel() for p in graph.parameters()),
        nodes=report_nodes(graph),
        outputs=report_outputs(graphs, requested),
        stages=report_stages(experiment, batches),
        data=data_reports,
        unused=unused_nodes(experiment, requested),
        shared=shared_nodes(graph.wiring),
        published=published,
        changed_inputs=() if published is None else changed_inputs(experiment.document),
        missing_files=report_missing_files(experiment),
        broken_claims=tuple(broken_claims(experiment)),
    )
