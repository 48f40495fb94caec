"""A callback that follows the length of the weights."""

from __future__ import annotations

import attrs
from antifaz.core.interfaces import Callback
from antifaz.registry import component, option, positive


@component("callback", "weight_norms")
@attrs.frozen(kw_only=True)
class WeightNorms:
    """Writes the norm of all trained weights to a line of `weight_norms.txt` in the run folder's `events`."""

    every: int = option(default=10, validator=positive, doc="steps between lines")

    def build(self):
        return NormWriter(self.every)


class NormWriter(Callback):
    def __init__(self, every):
        self.every = every

    def after_step(self, run, state):
        if state.step % self.every == 0:
            self.write(run, state)

    def after_stage(self, run, state):
        self.write(run, state)

    def write(self, run, state):
        norm = sum(float(p.detach().square().sum()) for p in state.parameters.values()) ** 0.5
        folder = run.root / "events"
        folder.mkdir(exist_ok=True)
        with open(folder / "weight_norms.txt", "a") as file:
            file.write(f"{state.stage} {state.step} {norm:.4f}\n")
