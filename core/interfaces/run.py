"""The contracts by which hooks, loggers and callbacks see a run, so that they need no engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from antifaz.core.kinds import KINDS
from antifaz.registry import slot

from .data import SampleSet

if TYPE_CHECKING:
    import torch

    from antifaz.core.experiment import Experiment


class RunContext(Protocol):
    """A run: its experiment, its folder, its device, its data sets, and the person who watches it."""

    @property
    def experiment(self) -> Experiment: ...

    @property
    def root(self) -> Path:
        """The run folder. Files of loggers and callbacks belong below its `events`, which `--fresh` deletes with the run."""

    @property
    def device(self) -> torch.device: ...

    def samples(self, data: str, *, training: bool) -> SampleSet:
        """The data set of an entry of `data:`, opened once. Every process must ask for it."""

    def say(self, text: str) -> None:
        """Print a line, in the main process alone. text: with rich's markup."""

    def warn(self, stage: str, text: str) -> None:
        """Tell the person, now and in the report; other processes' warnings follow when figures are next logged."""

    def log(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        """Write figures of a step to metrics.jsonl and to every logger. Main process only."""


class Logger(Protocol):
    """Keeps the figures of a run, besides metrics.jsonl; in the main process alone. What it does not flush is lost in a kill."""

    def log(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        """Keep the named figures of a step; of an evaluation, at step 0. A stopped run may log a step again."""

    def close(self) -> None:
        """Called once, when the run ends or stops."""


@slot(KINDS["logger"])
class LoggerSpec(Protocol):
    """The spec of a logger."""

    def build(self, run: RunContext) -> Logger: ...
