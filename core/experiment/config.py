"""The types of a config: nodes, data sets, stages, the header. No torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import attrs

from antifaz.core.graph.wire import Arguments, In
from antifaz.core.interfaces import (
    Averaging,
    BatchTransformSpec,
    CallbackSpec,
    DatasetSpec,
    LoggerSpec,
    MetricSpec,
    NodeSpec,
    ObjectiveSpec,
    OptimizerSpec,
    ScheduleSpec,
    WeightsSpec,
)
from antifaz.core.streams import Shape
from antifaz.registry import SpecError, above_zero_to_one, at_least, between, flatten, option, positive, zero_to_below_one


@attrs.frozen(kw_only=True)
class NodeEntry:
    """A graph node: a component, and where its inputs come from."""

    in_: In | None = option(default=None, doc="NODE, NODE.OUTPUT or batch.ENTRY; or several")
    share: str | None = option(default=None, doc="the node whose weights this one uses: it needs none that the other lacks")
    tie: Mapping[str, str] = option(factory=dict, doc="{my.parameter: node.parameter}: single parameters of another node")
    batch_axes: int = option(default=1, validator=positive, doc="leading axes that are folded into the batch")
    spec: NodeSpec | None = flatten(default=None)


@attrs.frozen(kw_only=True)
class DataEntry:
    """A data set and how it is loaded."""

    batch_size: int = option(default=64, validator=between(1, 10**6), doc="samples per optimisation step, over all processes")
    workers: int = option(default=0, validator=at_least(0), doc="loader processes for each training process")
    max_unreadable: int = option(default=0, validator=at_least(0), doc="how many broken files are skipped before the run stops")
    transforms: tuple[BatchTransformSpec, ...] = option(default=(), doc="changes of whole training batches, in order")
    dataset: DatasetSpec = flatten()

    def training_shapes(self) -> dict[str, Shape]:
        """Return the entries of a training batch: those of the data set as the transforms leave them, and those that they add.

        Raises:
            SpecError: a transform that does not fit.
        """
        shapes = dict(self.dataset.shapes())
        for transform in self.transforms:
            shapes.update(transform.shapes(shapes))
        return shapes


@attrs.frozen(kw_only=True)
class ObjectiveEntry:
    """One weighted loss term."""

    in_: Arguments = option(doc="a reference, or a list or mapping of several, for each argument of the objective")
    weight: float = option(default=1.0, validator=at_least(0), doc="factor of this term; 0 switches it off")
    spec: ObjectiveSpec = flatten()


@attrs.frozen(kw_only=True)
class MetricEntry:
    """One metric of an evaluation."""

    in_: Arguments = option(doc="a reference, or a list or mapping of several, for each argument of the metric")
    present: Mapping[str, tuple[str, ...]] = option(
        factory=dict, doc="{argument: [modality]}: take this argument from a call that is given these modalities alone", was="given"
    )
    average_views: Averaging = option(
        default="mean",
        was="views",
        doc="how answers to several views of a sample become one: the mean of them as they are, of their softmax or sigmoid",
    )
    spec: MetricSpec = flatten()


@attrs.frozen(kw_only=True)
class CallbackEntry:
    """A callback of a training stage."""

    on_error: Literal["stop", "warn"] = option(default="stop", doc="where it fails: stop the run, or warn and go on without it")
    spec: CallbackSpec = flatten(alone=True)


@attrs.frozen(kw_only=True)
class PretrainedPart:
    """Weights of one node from another library's checkpoint."""

    part: str = option(doc="which part of the checkpoint the node takes")
    weights: WeightsSpec = flatten()


Init = str | Mapping[str, str | PretrainedPart] | None


@attrs.frozen(kw_only=True)
class Evaluation:
    """What is measured, and on which data."""

    data: str = option(doc="an entry of `data`")
    metrics: Mapping[str, MetricEntry] = option(doc="metrics by name")
    present: tuple[tuple[str, ...], ...] = option(default=(), doc="evaluate with only these modalities given, each in turn")


@attrs.frozen(kw_only=True)
class ValidationEntry(Evaluation):
    """What is measured while a stage trains."""

    evaluate_every: int = option(validator=positive, doc="steps between evaluations; there is one after the last step in any case")
    best: str | None = option(default=None, doc="a figure, as `all/METRIC/FIGURE`: the stage leaves the weights with the best")
    patience: int | None = option(default=None, validator=positive, doc="evaluations without a better `best` that end the stage")


@attrs.frozen(kw_only=True)
class TrainStage:
    """A stage that trains."""

    task: Literal["train"] = option(doc="`train`")
    data: str = option(doc="an entry of `data`")
    steps: int = option(validator=positive, doc="optimisation steps")
    objectives: Mapping[str, ObjectiveEntry] = option(doc="loss terms by name")
    optimizer: OptimizerSpec = option(doc="how gradients change the weights, and the peak learning rate")
    schedule: ScheduleSpec = option(unwritten="cosine", doc="the course of the learning rate")
    callbacks: tuple[CallbackEntry, ...] = option(default=(), doc="called around the stage and after each of its steps, in order")
    validation: ValidationEntry | None = option(default=None, doc="what is measured while the stage trains, and what follows of it")
    init: Init = option(default=None, doc="a stage or a file, or {node: stage, file or part of another library's checkpoint}")
    freeze: tuple[str, ...] = option(
        default=(), doc="patterns of nodes and parameters that keep their weights; whole sub-modules run as in evaluation"
    )
    lr_scale: Mapping[str, float] = option(
        factory=dict, validator=at_least(0), doc="{pattern: factor of the learning rate}; the last that matches counts"
    )
    layer_decay: Mapping[str, float] = option(
        factory=dict,
        validator=above_zero_to_one,
        doc="{node.blocks: factor of the learning rate from a block to the one before it}; lr_scale multiplies it",
    )
    weight_decay: Mapping[str, float] = option(
        factory=dict, validator=at_least(0), doc="{pattern: decay in place of the optimizer's}; the last that matches counts"
    )
    grad_clip: float | None = option(default=1.0, validator=positive, was="clip", doc="largest norm of the gradient, null for none")
    accumulate: int = option(default=1, validator=positive, doc="micro-batches per step; each counts equally")
    precision: Literal["float32", "bfloat16"] = option(default="float32", doc="bfloat16 is autocast")
    ema: float | None = option(
        default=None, validator=zero_to_below_one, doc="decay of a moving average of the weights, which later stages then use"
    )
    compile: bool = option(default=False, doc="run the model through torch.compile")
    checkpoint_every: int = option(default=200, validator=positive, doc="steps between checkpoints")
    keep: int = option(default=1, validator=positive, doc="checkpoints that are kept")
    log_every: int = option(default=10, validator=positive, doc="steps between logged figures")
    graph: Mapping[str, Any] = option(factory=dict, doc="changes of the graph for this stage")


@attrs.frozen(kw_only=True)
class EvaluateStage(Evaluation):
    """A stage that measures."""

    task: Literal["evaluate"] = option(doc="`evaluate`")
    init: Init = option(default=None, doc="a stage or a file, or {node: stage, file or part of another library's checkpoint}")
    graph: Mapping[str, Any] = option(factory=dict, doc="changes of the graph for this stage")


Stage = TrainStage | EvaluateStage

STAGES: Mapping[str, type] = {"train": TrainStage, "evaluate": EvaluateStage}


@attrs.frozen(kw_only=True)
class Published:
    """Published figures of the model of a config; `antifaz check` puts its own beside them."""

    source: str = option(doc="where it is published")
    parameters: int | None = option(default=None, validator=positive, doc="of the whole model")
    flops: float | None = option(default=None, validator=positive, doc="of a forward pass, 2 for each multiply-add")
    counted_by: str = option(
        default="", doc="how the FLOPs were counted, where it was otherwise: `check` does not compare them then"
    )
    note: str = option(default="", doc="why the figures differ, where they do")


SIZES = between(1, 10**9)
"""Bounds of the sizes of an entry."""


@attrs.frozen(kw_only=True)
class Declared:
    """An entry of the data that is not a plain array of float32."""

    shape: tuple[int, ...] = option(validator=SIZES, doc="of a sample")
    dtype: Literal["float32", "int64"] | None = option(
        default=None, doc="of its elements; int64 are classes and ids of a vocabulary, and the default where `vocab_size` is given"
    )
    vocab_size: int | None = option(default=None, validator=positive, was="below", doc="how many values its integers take, from 0")

    def __attrs_post_init__(self) -> None:
        if self.vocab_size is not None and self.dtype == "float32":
            raise SpecError("`vocab_size` is for integers", field="vocab_size", hint="set `dtype: int64`, or leave one of them out")

    def as_shape(self) -> Shape:
        return Shape(self.shape, self.dtype or ("float32" if self.vocab_size is None else "int64"), vocab_size=self.vocab_size)


def _sizes(_: Any, field: Any, inputs: Mapping[str, tuple[int, ...] | Declared]) -> None:
    for name, entry in inputs.items():
        if not isinstance(entry, Declared) and not all(SIZES.holds(size) for size in entry):
            raise SpecError(f"the sizes of {name!r} must be {SIZES.words}, not {list(entry)}", field=f"inputs.{name}")


def _file_name(_: Any, field: Any, name: str) -> None:
    if not FILE_NAME.fullmatch(name):
        hint = "use letters, digits and `-_.+`, beginning with a letter or digit"
        raise SpecError(f"{name!r} cannot name a run folder", field="name", hint=hint)


FILE_NAME = re.compile(r"\w[\w.+-]*")


@attrs.frozen(kw_only=True)
class Header:
    """The top level of a config, without the sections that are read entry by entry."""

    name: str = option(validator=_file_name, doc="of the experiment, and of its run folder")
    seed: int = option(default=0, validator=at_least(0), doc="of weights, data order and augmentation")
    inputs: Mapping[str, tuple[int, ...] | Declared] = option(
        factory=dict,
        validator=_sizes,
        doc="shapes of the data, for a config without data sets; with `dtype` or `vocab_size` where it is not float32",
    )
    pure: Mapping[str, tuple[str, ...]] = option(factory=dict, doc="{output: [modality]}: it may depend on nothing else")
    loggers: tuple[LoggerSpec, ...] = option(unwritten=["tensorboard"], doc="who keeps figures, besides metrics.jsonl; [] for none")
    published: Published | None = option(default=None, doc="figures of the paper or library that the model is from")


SECTIONS = ("data", "graph", "stages")

DEFAULTS = {"data": "data_defaults"}
"""Sections whose entries have defaults, and the keys of those."""

NAME = re.compile(r"\w[\w-]*")
