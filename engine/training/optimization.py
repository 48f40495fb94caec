"""The optimiser of a training stage: parameter groups, a learning rate that warms up and falls, moving averages of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from antifaz.core.experiment import Optimizer


def parameter_groups(
    parameters: Mapping[str, nn.Parameter], options: Optimizer, lr_scale: Mapping[str, float]
) -> list[dict[str, object]]:
    """Groups of one learning rate and decay each; vectors and scalars (biases, norms, temperatures) are not decayed.

    parameters: by full name, `node.rest`. lr_scale: factor of the learning rate by node.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in parameters.items():
        scale = lr_scale.get(name.partition(".")[0], 1.0)
        decay = options.weight_decay if parameter.dim() > 1 else 0.0
        groups.setdefault((scale, decay), []).append(parameter)
    return [
        {"params": members, "lr": options.lr * scale, "scale": scale, "weight_decay": decay}
        for (scale, decay), members in groups.items()
    ]


def make_optimizer(
    parameters: Mapping[str, nn.Parameter], options: Optimizer, lr_scale: Mapping[str, float]
) -> torch.optim.AdamW | torch.optim.SGD:
    """AdamW or SGD over these parameters."""
    groups = parameter_groups(parameters, options, lr_scale)
    if options.method == "sgd":
        return torch.optim.SGD(groups, lr=options.lr, momentum=0.9 if options.momentum is None else options.momentum)
    return torch.optim.AdamW(groups, lr=options.lr, betas=options.betas or (0.9, 0.999), eps=options.eps or 1e-8)


def learning_rate(step: int, steps: int, options: Optimizer) -> float:
    """The rate of step 0..steps-1: a linear warm-up over `warmup` steps, then a cosine down to `final` times the peak."""
    if step < options.warmup:
        return options.lr * (step + 1) / options.warmup
    if options.schedule == "constant":
        return options.lr
    progress = (step - options.warmup) / max(1, steps - options.warmup)
    left = math.cos(math.pi / 2 * progress) if options.schedule == "quarter_cosine" else 0.5 * (1 + math.cos(math.pi * progress))
    return options.lr * (options.final + (1 - options.final) * left)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
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

    @torch.no_grad()
    def copy_to(self, parameters: Mapping[str, nn.Parameter]) -> None:
        for name, parameter in parameters.items():
            parameter.copy_(self.values[name])


def clip_gradients(parameters: Iterable[nn.Parameter], limit: float | None) -> Tensor:
    """Scale gradients down to a total norm of at most `limit` (None: leave them); returns the norm before."""
    return torch.nn.utils.clip_grad_norm_(list(parameters), math.inf if limit is None else limit)
