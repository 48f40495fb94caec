"""The contracts of what a training stage is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from antifaz.core.kinds import KINDS
from antifaz.core.streams import Group
from antifaz.registry import slot

from .run import RunContext

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@slot(KINDS["objective"])
class ObjectiveSpec(Protocol):
    """The spec of a loss term; the names in its declaration's `arguments` are what `in:` fills.

    The engine adds the totals and counts of all processes; with `accumulate`, each micro-batch counts equally. The kit and a trial
    before the first step hold every objective to that (docs/conformance.md). A loss that compares the samples of a batch gathers
    them and declares `needs_whole_batch`; with B samples here and G in all processes:

        right_GW, valid_G = collectives.gather(right_BW), collectives.gather(valid_B)
        own_B = torch.arange(B) + collectives.rank() * B  # where this process's samples are among all
        losses_B = F.cross_entropy((left_BW @ right_GW.T).masked_fill(~valid_G, -1e9), own_B, reduction="none")
        return Loss({"pairs": Term(masked_sum(losses_B, valid_B), valid_B.sum().float())})
    """

    def validate(self, inputs: Mapping[str, Group]) -> None:
        """Check that the term can be computed from these inputs, one group for each argument. Imports no torch.

        Raises:
            SpecError: what arrives does not fit.
        """

    def build(self, inputs: Mapping[str, Group]) -> nn.Module:
        """Build the `antifaz.core.objectives.Objective` for these inputs; calls `validate` first, and raises what it raises."""


class ScoresClasses(Protocol):
    """Optional for an ObjectiveSpec or MetricSpec that holds scores of classes against a target: `predict` then names the classes.

    class_scores: the arguments that take the scores, one for each class, and the target.
    """

    class_scores: ClassVar[tuple[str, str]]


class NeedsWholeBatch(Protocol):
    """Optional for an ObjectiveSpec: it compares all samples of a batch, which it gathers. Refused with `accumulate` above 1."""

    needs_whole_batch: ClassVar[bool]


class DrawsRandomly(Protocol):
    """Optional for an ObjectiveSpec: random draws change its loss, so that nothing can try whether its batch may be spread."""

    @property
    def draws_randomly(self) -> bool: ...


@slot(KINDS["optimizer"])
class OptimizerSpec(Protocol):
    """The spec of an optimizer.

    lr: the peak learning rate, before the schedule and a stage's `lr_scale`. weight_decay: of matrices; biases, norms and other
    vectors are not decayed, unless a stage's `weight_decay` says so. moments: how many numbers it keeps for each parameter, for the
    memory that `check` estimates.
    """

    @property
    def lr(self) -> float: ...

    @property
    def weight_decay(self) -> float: ...

    @property
    def moments(self) -> int: ...

    def build(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """The optimizer of these groups of parameters, each with its `params`, `lr` and `weight_decay`, and a `scale` to keep.

        The engine sets each group's `lr` before every step. Whatever the optimizer remembers must be in its state_dict.
        """


@slot(KINDS["schedule"])
class ScheduleSpec(Protocol):
    """The spec of the course of the learning rate."""

    def rate(self, step: int, steps: int, peak: float) -> float:
        """The learning rate of step 0..steps-1, at least 0: `peak` times a factor of this step."""


class TrainingState(Protocol):
    """A training stage while it runs, as callbacks see it.

    stage: its name. step: how many steps are done, of `steps`. model: the graph and the objectives as one module, without what
    wraps it for several processes. parameters: those that train, by name. optimizer: torch's. figures: of the last step: `loss`,
    each objective, `gradient_norm`; tensors on the device, which make the host wait when they are read. captured: of the last step,
    what callbacks asked for by `capture`: module -> `antifaz.layers.capture.Captured`, of those that ran.
    """

    @property
    def stage(self) -> str: ...

    @property
    def step(self) -> int: ...

    @property
    def steps(self) -> int: ...

    @property
    def model(self) -> nn.Module: ...

    @property
    def parameters(self) -> Mapping[str, nn.Parameter]: ...

    @property
    def optimizer(self) -> torch.optim.Optimizer: ...

    @property
    def figures(self) -> Mapping[str, Tensor]: ...

    @property
    def captured(self) -> Mapping[str, Any]: ...


class Captures(Protocol):
    """Optional for a Callback: after every n-th step (1 if left out) `state.captured` has what modules of these names computed."""

    capture: Sequence[str]
    capture_every: int


class Callback(Protocol):
    """Called in every process of a training stage. A class that derives from this one inherits what it does not need."""

    def before_stage(self, run: RunContext, state: TrainingState) -> None:
        """Called before the first step, or the first after a stop; the weights are in place."""

    def after_step(self, run: RunContext, state: TrainingState) -> None:
        """Called after the optimizer's step, before figures are logged and a checkpoint is written."""

    def after_stage(self, run: RunContext, state: TrainingState) -> None:
        """Called when the stage is over, before its weights are written: the last, their average or the best, as it says."""


@slot(KINDS["callback"])
class CallbackSpec(Protocol):
    """The spec of a callback of a training stage."""

    def build(self) -> Callback: ...
