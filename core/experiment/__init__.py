"""An experiment: the typed config, its reader and its validation. No torch."""

from .config import (
    STAGES,
    CallbackEntry,
    DataEntry,
    Declared,
    EvaluateStage,
    Evaluation,
    Header,
    Init,
    MetricEntry,
    NodeEntry,
    ObjectiveEntry,
    PretrainedPart,
    Published,
    Stage,
    TrainStage,
)
from .experiment import Experiment, validation_of
from .reader import read
from .sinks import Sink

__all__ = [
    "STAGES",
    "CallbackEntry",
    "DataEntry",
    "Declared",
    "EvaluateStage",
    "Evaluation",
    "Experiment",
    "Header",
    "Init",
    "MetricEntry",
    "NodeEntry",
    "ObjectiveEntry",
    "PretrainedPart",
    "Published",
    "Sink",
    "Stage",
    "TrainStage",
    "read",
    "validation_of",
]
