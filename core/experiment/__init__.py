"""An experiment: the typed config, its reader and its validation. No torch."""

from .config import (
    STAGES,
    Data,
    Declared,
    EvaluateStage,
    Experiment,
    Header,
    Init,
    MetricEntry,
    Node,
    ObjectiveEntry,
    Optimizer,
    PretrainedPart,
    Published,
    Stage,
    TrainStage,
)
from .reader import read
from .shipped import shipped, shipped_names
from .sinks import Inputs, argument_groups, arguments

__all__ = [
    "STAGES",
    "Data",
    "Declared",
    "EvaluateStage",
    "Experiment",
    "Header",
    "Init",
    "Inputs",
    "MetricEntry",
    "Node",
    "ObjectiveEntry",
    "Optimizer",
    "PretrainedPart",
    "Published",
    "Stage",
    "TrainStage",
    "argument_groups",
    "arguments",
    "read",
    "shipped",
    "shipped_names",
]
