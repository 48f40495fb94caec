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
from antifaz.registry import declaration_of, failure

from .model import TrainingModel

Groups = Mapping[str, Mapping[str, Features]]
"""What an objective is called with: {argument: {name: Features}}."""

SAMPLES = 4
"""Samples that are tried in each share."""
TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-4}
"""Largest difference of what counts as the same, relative to values above 1: by the type in which the objective computes its loss.

They are tried in float64, in which a saturated loss that is wrong (far from its threshold) differs by little, but differs.
"""
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
    computed: the type of the terms' totals.
    """

    loss: Tensor
    inputs: list[Tensor]
    parameters: list[Tensor]
    computed: torch.dtype


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
    computed = min((term.total.dtype for loss in losses for term in loss.terms.values()), key=lambda dtype: dtype.itemsize)
    return Step(figures["loss"], gradients[: len(leaves)], gradients[len(leaves) :], computed)


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


def marked(groups: Groups, present: Tensor, shift: int = 0) -> Groups:
    """The batch with samples marked as absent. present: (batch,) bool. shift: of the marks, from each argument to the next."""
    marks = {argument: present.roll(place * shift) for place, argument in enumerate(groups)}
    return {a: {name: Features(value.values, marks[a]) for name, value in group.items()} for a, group in groups.items()}


def random_groups(inputs: Mapping[str, Group], samples: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Groups:
    """Draw what arrives at an objective in its declared shapes, on the CPU. dtype: of floating-point entries."""
    with seeded(seed):
        return {
            argument: fake_batch({n: s for n, s in group.items() if isinstance(s, Shape)}, samples, dtype=dtype)
            for argument, group in inputs.items()
        }


ABSENCES = ("", ", unevenly there", ", unevenly there by argument", ", nothing in the first share")
"""What `with_absences` yields."""


def with_absences(groups: Groups, samples: int, shares: int) -> Iterator[Groups]:
    """Yield a batch whole; with unevenly many samples in each share; the same, other ones in each argument; with an empty share."""
    size = samples // shares
    uneven = torch.arange(samples) % size <= torch.arange(samples) // size % size
    yield marked(groups, torch.ones(samples, dtype=torch.bool))
    yield marked(groups, uneven)
    yield marked(groups, uneven, shift=1)
    yield marked(groups, torch.arange(samples) >= size)


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

    In float64, or else in float32. The whole batch is tried first, without other processes: what fails there fails in all alike.
    """
    shares = collectives.world_size() * accumulate
    samples = SAMPLES * shares
    first = collectives.rank() * accumulate
    mine = [slice(share * SAMPLES, (share + 1) * SAMPLES) for share in range(first, first + accumulate)]
    for dtype in TOLERANCES:
        drawn = random_groups(sink.groups, samples, dtype=dtype)
        drawn = {a: {n: v.map(lambda t: t.to(device)) for n, v in group.items()} for a, group in drawn.items()}
        copied = copy.deepcopy(objective).to(dtype)
        batches = list(with_absences(drawn, samples, shares))
        with torch.random.fork_rng(devices=[]):
            wholes = _wholes(copied, batches)
            if wholes is None:
                continue
            for groups, whole in zip(batches, wholes, strict=True):
                words = _difference_of(copied, groups, whole, mine)
                told: list[str] = [each for each in collectives.gather_objects(words) if each]
                if told:
                    return told[0]
        return ""
    return None


def _wholes(objective: nn.Module, batches: Sequence[Groups]) -> list[Step] | None:
    """Run an objective on whole batches, as in one process; None where it fails, or its loss is not finite."""
    torch.manual_seed(0)
    try:
        with collectives.alone():
            wholes = [stepped(copy.deepcopy(objective), [groups]) for groups in batches]
    except Exception:
        return None
    return wholes if all(bool(whole.loss.isfinite()) for whole in wholes) else None


def _difference_of(objective: nn.Module, groups: Groups, whole: Step, mine: Sequence[slice]) -> str:
    """Say how an objective differs on this process's shares of a batch; "" where it does not."""
    torch.manual_seed(1)  # another seed: no process knows what the others draw
    try:
        spread = stepped(copy.deepcopy(objective), [part(groups, rows) for rows in mine])
    except Exception as error:
        return f"it fails on a share of the batch: {failure(error, objective)}"
    return _words(whole, spread, mine)


def _words(whole: Step, spread: Step, mine: Sequence[slice]) -> str:
    """Say how this process's step differs from the same part of the whole one; "" where it does not."""
    expected = [gradient[rows] for rows in mine for gradient in whole.inputs]
    own = [collectives.sum_over_ranks(gradient) for gradient in spread.parameters]
    tolerance = TOLERANCES.get(whole.computed, TOLERANCES[torch.float32])
    if not _close(spread.loss, whole.loss, tolerance):
        apart = float(spread.loss) - float(whole.loss)
        return f"its loss is {float(spread.loss):.4g}, and {float(whole.loss):.4g} of the whole batch at once ({apart:+.2g})"
    pairs = zip([*spread.inputs, *own], [*expected, *whole.parameters], strict=True)
    if not all(_close(got, wanted, tolerance) for got, wanted in pairs):
        return "its loss is the same and its gradients are not"
    return ""


def _close(got: Tensor, expected: Tensor, tolerance: float) -> bool:
    largest = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
    return bool(torch.allclose(got.double(), expected.double(), rtol=0, atol=tolerance * largest, equal_nan=True))
