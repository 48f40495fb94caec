"""Before the first step: does each objective give the same when its batch is spread, over processes or over micro-batches?

A loss that compares the samples of a batch, or divides by what it happens to see, is silently another one where a process sees a
part. So every objective is tried on a small batch of random values in the shapes that arrive: spread as in training, against the
whole of it at once.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from antifaz.core import collectives
from antifaz.core.errors import RunError
from antifaz.core.experiment import ObjectiveEntry, Sink
from antifaz.core.graph.loading import fake_batch
from antifaz.core.objectives import Loss, Term, reduce
from antifaz.core.seeds import seeded
from antifaz.core.streams import Group, Shape
from antifaz.core.tokens import Features
from antifaz.engine.context import Context
from antifaz.registry import declaration_of

from .model import TrainingModel

Groups = Mapping[str, Mapping[str, Features]]
"""What an objective is called with: {argument: {name: Features}}."""

SAMPLES = 4
"""Samples that are tried in each share."""
TOLERANCE = 1e-4
"""Largest relative difference of what counts as the same: objectives may compute in float32."""
HINT = (
    "return the sum over samples and their number as each Term, so that shares add up; or gather the batch with "
    "`antifaz.core.collectives.gather` and declare `needs_whole_batch = True` (then without `accumulate`); one that draws random "
    "numbers declares `draws_randomly = True`: see docs/conformance.md"
)


class SpreadObjectiveError(RunError):
    """An objective whose loss or gradients change when its batch is spread over processes or micro-batches."""


@dataclass(frozen=True)
class Step:
    """What a training step takes from an objective: the loss of the global batch, and its gradients in this process.

    inputs: with respect to every floating-point entry that arrives, in order. parameters: to the objective's own.
    """

    loss: Tensor
    inputs: list[Tensor]
    parameters: list[Tensor]


def stepped(objective: nn.Module, shares: Sequence[Groups]) -> Step:
    """Run an objective on this process's shares of a batch, one after the other; their totals and counts are added."""
    copies = [
        {argument: {name: _leaf(value) for name, value in group.items()} for argument, group in groups.items()} for groups in shares
    ]
    losses = [objective(**groups) for groups in copies]
    entries = [value.values for groups in copies for group in groups.values() for value in group.values()]
    leaves = [values for values in entries if values.requires_grad]
    parameters = [p for p in objective.parameters() if p.requires_grad]
    local, figures = reduce({"it": _added(losses)}, {"it": 1.0})
    wanted = [*leaves, *parameters]
    reached = local.requires_grad and wanted
    found = torch.autograd.grad(local, wanted, allow_unused=True) if reached else [None] * len(wanted)
    gradients = [torch.zeros_like(w) if g is None else g for w, g in zip(wanted, found, strict=True)]
    return Step(figures["loss"], gradients[: len(leaves)], gradients[len(leaves) :])


def _leaf(value: Features) -> Features:
    values = value.values.detach().clone()
    return Features(values.requires_grad_(values.is_floating_point()), value.valid)


def _added(losses: Sequence[Loss]) -> Loss:
    """The terms of several shares as those of one."""
    names = losses[0].terms
    pairs = {name: [loss.terms[name] for loss in losses] for name in names}
    return Loss({name: Term(torch.stack([t.total for t in of]).sum(), sum(t.count for t in of)) for name, of in pairs.items()})  # type: ignore[arg-type]


def part(groups: Groups, rows: slice) -> Groups:
    """Some samples of a batch."""
    return {argument: {name: value.map(lambda t: t[rows]) for name, value in group.items()} for argument, group in groups.items()}


def marked(groups: Groups, present: Tensor) -> Groups:
    """The batch with samples marked as absent. present: (batch,) bool."""
    return {
        argument: {name: Features(value.values, present) for name, value in group.items()} for argument, group in groups.items()
    }


def random_groups(inputs: Mapping[str, Group], samples: int, seed: int = 0) -> Groups:
    """Draw what arrives at an objective in its declared shapes, in float64 on the CPU."""
    with seeded(seed):
        return {
            argument: fake_batch({n: s for n, s in group.items() if isinstance(s, Shape)}, samples, dtype=torch.float64)
            for argument, group in inputs.items()
        }


def presences(samples: int, shares: int) -> Iterator[Tensor]:
    """Yield (batch,) bool: everything is there; unevenly many in each share; nothing in the first."""
    size = samples // shares
    yield torch.ones(samples, dtype=torch.bool)
    yield torch.arange(samples) % size <= torch.arange(samples) // size % size
    yield torch.arange(samples) >= size


def refuse_unequal(run: Context, stage: str, model: TrainingModel, accumulate: int) -> None:
    """Try every objective of a stage as training would spread its batches. Called by every process.

    Those that declare `draws_randomly` are left alone; a warning names those that fail on random values.

    Raises:
        SpreadObjectiveError: in every process, for the first that gives something else than on the whole batch.
    """
    if collectives.world_size() * accumulate == 1:
        return
    for (name, sink), objective in zip(model.sinks.items(), model.objectives, strict=True):
        if getattr(sink.entry.spec, "draws_randomly", False):
            continue
        difference = _difference(sink, objective, accumulate, run.device)
        if difference is None:
            run.warn(stage, f"the objective {name!r} takes no random values: whether its batch may be spread is not known")
        elif difference:
            declared = declaration_of(sink.entry.spec)
            where = f"stages.{stage}.objectives.{name}"
            which = f"the objective {declared.name!r} ({type(sink.entry.spec).__module__})"
            ways = [f"{collectives.world_size()} processes"] if collectives.world_size() > 1 else []
            ways += [f"{accumulate} micro-batches"] if accumulate > 1 else []
            message = f"{where}: {which} is not the same when a batch is spread over {' and '.join(ways)}: {difference}"
            raise SpreadObjectiveError(message, hint=HINT)


def _difference(sink: Sink[ObjectiveEntry], objective: nn.Module, accumulate: int, device: torch.device) -> str | None:
    """Say in words how an objective differs when it is spread; "" where it does not, None where it cannot be tried.

    The whole batch is tried first, without other processes: what fails there fails in all of them alike.
    """
    shares = collectives.world_size() * accumulate
    samples = SAMPLES * shares
    first = collectives.rank() * accumulate
    mine = [slice(share * SAMPLES, (share + 1) * SAMPLES) for share in range(first, first + accumulate)]
    for present in presences(samples, shares):
        groups = marked(random_groups(sink.groups, samples), present)
        groups = {a: {n: v.map(lambda t: t.to(device)) for n, v in group.items()} for a, group in groups.items()}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            try:
                with collectives.alone():
                    whole = stepped(copy.deepcopy(objective).double(), [groups])
            except Exception:  # random values may be none that it takes
                return None
            if not whole.loss.isfinite():
                return None
            torch.manual_seed(1)  # another seed: no process knows what the others draw
            spread = stepped(copy.deepcopy(objective).double(), [part(groups, rows) for rows in mine])
        words = _words(whole, spread, mine)
        told: list[str] = [each for each in collectives.gather_objects(words) if each]
        if told:
            return told[0]
    return ""


def _words(whole: Step, spread: Step, mine: Sequence[slice]) -> str:
    """Say how this process's step differs from the same part of the whole one; "" where it does not."""
    expected = [gradient[rows] for rows in mine for gradient in whole.inputs]
    own = [collectives.sum_over_ranks(gradient) for gradient in spread.parameters]
    if not _close(spread.loss, whole.loss):
        return f"its loss is {float(spread.loss):.4g}, and {float(whole.loss):.4g} of the whole batch at once"
    if not all(map(_close, [*spread.inputs, *own], [*expected, *whole.parameters])):
        return "its loss is the same and its gradients are not"
    return ""


def _close(got: Tensor, expected: Tensor) -> bool:
    largest = max(1e-3, float(expected.abs().max())) if expected.numel() else 1.0
    return bool(torch.allclose(got.double(), expected.double(), rtol=0, atol=TOLERANCE * largest, equal_nan=True))
