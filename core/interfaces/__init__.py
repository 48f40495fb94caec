"""The contracts that plugins implement. Specs are torch-free attrs classes; torch is imported inside `build`."""

from .data import (
    BatchTransformSpec,
    CroppingDecoder,
    DatasetSpec,
    Decoder,
    DecoderSpec,
    Entry,
    ReadsMedia,
    Sample,
    SampleSet,
    TransformSpec,
    views_of,
)
from .metrics import Averaging, Metric, MetricSpec
from .nodes import MaskPolicy, NodeSpec
from .per_sample_metrics import Details, OutputDetails
from .run import Logger, LoggerSpec, RunContext
from .training import (
    Callback,
    CallbackSpec,
    NeedsWholeBatch,
    ObjectiveSpec,
    OptimizerSpec,
    ScheduleSpec,
    ScoresClasses,
    TrainingState,
)
from .weights import WeightsSpec

__all__ = [
    "Averaging",
    "BatchTransformSpec",
    "Callback",
    "CallbackSpec",
    "CroppingDecoder",
    "DatasetSpec",
    "Decoder",
    "DecoderSpec",
    "Details",
    "Entry",
    "Logger",
    "LoggerSpec",
    "MaskPolicy",
    "Metric",
    "MetricSpec",
    "NeedsWholeBatch",
    "NodeSpec",
    "ObjectiveSpec",
    "OptimizerSpec",
    "OutputDetails",
    "ReadsMedia",
    "RunContext",
    "Sample",
    "SampleSet",
    "ScheduleSpec",
    "ScoresClasses",
    "TrainingState",
    "TransformSpec",
    "WeightsSpec",
    "views_of",
]
