"""Checks of objectives and metrics: only what is there counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from antifaz.core.graph.loading import fake_batch
from antifaz.core.objectives import Loss, reduce
from antifaz.core.streams import Group, Shape
from antifaz.core.tokens import Features
from antifaz.engine.contract.results import FIGURES_HINT, LOSS_HINT, figures_fault, loss_fault

from .case import Case, require
from .nodes import TIGHT, gradients, same

BATCH = 12
Groups = dict[str, dict[str, Features]]
ZEROS = (
    "count valid samples alone (`presence()` of each argument), and put zeros in the place of the others before anything is "
    "computed: `antifaz.core.objectives.zero_invalid`, `masked_sum`"
)


def _draw(case: Case, seed: int = 0) -> Groups:
    torch.manual_seed(seed)
    inputs: Mapping[str, Group] = case.inputs  # type: ignore[assignment]
    return {
        argument: fake_batch({n: s for n, s in group.items() if isinstance(s, Shape)}, BATCH, dtype=torch.float64)
        for argument, group in inputs.items()
    }


def _map(groups: Groups, change: object, arguments: set[str] | None = None) -> Groups:
    return {
        argument: {name: change(value) if arguments is None or argument in arguments else value for name, value in group.items()}  # type: ignore[operator]
        for argument, group in groups.items()
    }


def _loss(case: Case, groups: Groups) -> tuple[Tensor, dict[str, Tensor]]:
    torch.manual_seed(1)
    module = case.spec.build(case.inputs).double()
    return reduce({"it": checked_loss(module(**groups))}, {"it": 1.0})


def checked_loss(returned: Any) -> Loss:
    """Fail unless an objective has returned a loss, as a run would refuse it."""
    require((fault := loss_fault(returned)) is None, f"it returns {fault}", LOSS_HINT)
    loss: Loss = returned
    return loss


def finite_with_gradients(case: Case) -> None:
    """The value is finite, and something that arrives learns from it."""
    groups = _draw(case)
    leaves = [v.values for group in groups.values() for v in group.values() if v.values.is_floating_point()]
    for leaf in leaves:
        leaf.requires_grad_()
    value, figures = _loss(case, groups)
    _require_finite(figures)
    learns = any(bool(g.abs().max() > 0) for g in gradients(value, leaves))
    require(learns, "no gradient reaches anything that arrives", "compute `total` of a Term from what arrives, without `detach`")


def absent_samples(case: Case) -> None:
    """Absent samples do not count: the value is that of the others, whatever stands in their place, and their gradient is zero."""
    groups = _draw(case)
    present = torch.arange(BATCH) % 3 != 1
    alone, _ = _loss(case, _map(groups, lambda v: Features(v.values[present])))
    for argument in groups:
        for place in (1.0, 1e3, math.nan):
            leaves: list[Tensor] = []

            def absent(value: Features, place: float = place, leaves: list[Tensor] = leaves) -> Features:
                values = value.values.clone()
                if values.is_floating_point():
                    values[~present] *= place
                    leaves.append(values.requires_grad_())
                return Features(values, present)

            value, _ = _loss(case, _map(groups, absent, {argument}))
            same(value, alone, f"the loss with absent samples of `{argument}`, and of the others alone", ZEROS)
            for gradient in gradients(value, leaves):
                require(not gradient[~present].any(), f"absent samples of `{argument}` have a gradient", ZEROS)


def nothing_there(case: Case) -> None:
    """A batch of absent samples alone gives the same names, a value of zero and no NaN."""
    groups = _draw(case)
    _, usual = _loss(case, groups)
    nobody = torch.zeros(BATCH, dtype=torch.bool)
    value, figures = _loss(case, _map(groups, lambda v: Features(v.values, nobody)))
    wrong = f"where nothing is there it has the terms and logs {sorted(figures)} instead of {sorted(usual)}"
    require(figures.keys() == usual.keys(), wrong, "return the same names always; a Term may have a count of 0")
    require(value.item() == 0.0, f"the loss of nothing is {value.item()}", ZEROS)
    _require_finite(figures)


def order_of_samples(case: Case) -> None:
    """The order of the samples does not matter."""
    groups = _draw(case)
    order = torch.randperm(BATCH, generator=torch.Generator().manual_seed(2))
    value, _ = _loss(case, groups)
    turned, _ = _loss(case, _map(groups, lambda v: Features(v.values[order])))
    same(turned, value, "the loss of the same samples in another order", "treat samples alike, whatever their place in the batch")


def meta_device(case: Case) -> None:
    """It runs on the meta device, where `check` looks at it."""
    with torch.device("meta"):
        module = case.spec.build(case.inputs)
    checked_loss(module(**_map(_draw(case), lambda v: Features(v.values.to("meta")))))


def _require_finite(figures: Mapping[str, Tensor]) -> None:
    wrong = [f"{name} is {float(figure)}" for name, figure in figures.items() if not figure.isfinite()]
    require(not wrong, f"{', '.join(wrong)}", "guard logarithms, roots and divisions, above all by a count of 0")


def _figures(case: Case, groups: Groups) -> dict[str, float]:
    figures: Any = case.spec.build(case.inputs)(**groups)
    require((fault := figures_fault(figures)) is None, f"it returns {fault}", FIGURES_HINT)
    return dict(figures)


def finite(case: Case) -> None:
    """Named, finite numbers."""
    wrong = [f"{name} is {value}" for name, value in _figures(case, _draw(case)).items() if not math.isfinite(value)]
    require(not wrong, ", ".join(wrong), "guard logarithms, roots and divisions, above all by a count of 0")


def absent_samples_of_metrics(case: Case) -> None:
    """Absent samples do not count."""
    groups = _draw(case)
    present = torch.arange(BATCH) % 3 != 1
    expected = _figures(case, _map(groups, lambda v: Features(v.values[present])))
    got = _figures(case, _map(groups, lambda v: Features(v.values, present)))
    for name, value in expected.items():
        wrong = f"{name} is {got.get(name)} with absent samples, and {value} of the others alone"
        require(name in got and abs(got[name] - value) <= 1e-6 * max(1.0, abs(value)), wrong, ZEROS)


def order_in_metrics(case: Case) -> None:
    """The order of the samples does not matter."""
    groups = _draw(case)
    order = torch.randperm(BATCH, generator=torch.Generator().manual_seed(2))
    expected, got = _figures(case, groups), _figures(case, _map(groups, lambda v: Features(v.values[order])))
    for name, value in expected.items():
        wrong = f"{name} is {value}, and {got.get(name)} in another order of the samples"
        equal = name in got and abs(got[name] - value) <= max(TIGHT, 1e-6 * abs(value))
        require(equal, wrong, "treat samples alike, whatever their place")
