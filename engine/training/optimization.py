"""Optimization: parameter groups, learning rates, moving averages of the weights, clipped gradients."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from antifaz.core.interfaces import OptimizerSpec
from antifaz.registry.patterns import matches


def parameter_groups(
    parameters: Mapping[str, nn.Parameter],
    spec: OptimizerSpec,
    lr_scale: Mapping[str, float],
    weight_decay: Mapping[str, float] = MappingProxyType({}),
    layer_factors: Mapping[str, float] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """Make groups of one learning rate and decay each; vectors and scalars (biases, norms, temperatures) are not decayed.

    parameters: by full name, `node.rest`. lr_scale, weight_decay: factor of the learning rate, and decay, of the parameters that
    match a pattern; the last pattern that matches counts. layer_factors: further factors of the learning rate, by full name.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in parameters.items():
        scale = last_match(lr_scale, name, 1.0) * layer_factors.get(name, 1.0)
        decay = last_match(weight_decay, name, spec.weight_decay if parameter.dim() > 1 else 0.0)
        groups.setdefault((scale, decay), []).append(parameter)
    return [
        {"params": members, "lr": spec.lr * scale, "scale": scale, "weight_decay": decay}
        for (scale, decay), members in groups.items()
    ]


def last_match(values: Mapping[str, float], name: str, otherwise: float) -> float:
    """Return the value of the last pattern that matches a name."""
    matching = [value for pattern, value in values.items() if matches(pattern, name)]
    return matching[-1] if matching else otherwise


def build_optimizer(
    parameters: Mapping[str, nn.Parameter],
    spec: OptimizerSpec,
    lr_scale: Mapping[str, float],
    weight_decay: Mapping[str, float] = MappingProxyType({}),
    layer_factors: Mapping[str, float] = MappingProxyType({}),
) -> torch.optim.Optimizer:
    """Build a stage's optimizer over these parameters; see `parameter_groups`."""
    return spec.build(parameter_groups(parameters, spec, lr_scale, weight_decay, layer_factors))


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group this rate, times its own scale."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]


class MovingAverage:
    """An exponential moving average of parameters, in their own dtype.

    Args:
        parameters: by name; copied.
        decay: weight of the past, 0 < decay < 1.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float) -> None:
        self.decay = decay
        self.values: dict[str, Tensor] = {name: p.detach().clone() for name, p in parameters.items()}

    @torch.no_grad()
    def update(self, parameters: Mapping[str, nn.Parameter]) -> None:
        averages = [self.values[name] for name in parameters]
        torch._foreach_lerp_(averages, list(parameters.values()), 1 - self.decay)


def clip_gradients(parameters: Iterable[nn.Parameter], limit: float | None) -> Tensor:
    """Scale gradients down to a total norm of at most `limit` (None: leave them); returns the norm before."""
    return torch.nn.utils.clip_grad_norm_(list(parameters), math.inf if limit is None else limit)
