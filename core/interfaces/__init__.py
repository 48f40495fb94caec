"""The contracts that plugins implement. Specs are torch-free attrs classes; torch is imported inside `build`."""

from .data import (
    BatchTransformSpec,
    CroppingDecoder,
    DatasetSpec,
    Decoder,
    DecoderSpec,
    Entry,
    Sample,
    SampleSet,
    TransformSpec,
    views_of,
)
from .metrics import Averaging, Metric, MetricSpec
from .nodes import MaskPolicy, NodeSpec
from .per_sample_metrics import Details, OutputDetails
from .training import NeedsWholeBatch, ObjectiveSpec, ScoresClasses
from .weights import WeightsSpec

__all__ = [
    "Averaging",
    "BatchTransformSpec",
    "CroppingDecoder",
    "DatasetSpec",
    "Decoder",
    "DecoderSpec",
    "Details",
    "Entry",
    "MaskPolicy",
    "Metric",
    "MetricSpec",
    "NeedsWholeBatch",
    "NodeSpec",
    "ObjectiveSpec",
    "OutputDetails",
    "Sample",
    "SampleSet",
    "ScoresClasses",
    "TransformSpec",
    "WeightsSpec",
    "views_of",
]
