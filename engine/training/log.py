"""The book-keeping of a training stage: figures and speed, idle objectives, skipped files, the progress bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from antifaz.core import collectives
from antifaz.core.errors import DivergedError
from antifaz.core.experiment import TrainStage
from antifaz.core.interfaces import SampleSet
from antifaz.core.objectives import Loss
from antifaz.data.batches import Batch, UnreadableLimit
from antifaz.data.contract import identity_of
from antifaz.engine.context import Context
from antifaz.engine.contract.failures import naming_nodes, objective_places
from antifaz.engine.contract.results import require_losses

from .state import StageState


class TrainLogger:
    """Watches the steps of a training stage; as a context, it shows the progress bar.

    Args:
        run, name, stage: whose steps they are.
        start: how many of them were done before.
    """

    def __init__(self, run: Context, name: str, stage: TrainStage, start: int) -> None:
        self.run, self.name, self.stage = run, name, stage
        entry = run.experiment.data[stage.data]
        self.batch_size = entry.batch_size
        self.batches: list[Batch] = []
        self.limit = UnreadableLimit(run.samples(stage.data, training=True), entry.max_unreadable, stage.data)
        self.objectives = [key for key, each in stage.objectives.items() if each.weight]
        self.counted = torch.zeros(len(self.objectives), device=run.device)
        self.idle: set[str] = set()
        self.places, self.inspected = objective_places(run.experiment, name), False
        self.logged, self.window = start, time.perf_counter()
        self.progress = _progress(run)
        self.bar = self.progress.add_task(name, total=stage.steps, completed=start, note="")

    def __enter__(self) -> TrainLogger:
        self.window = time.perf_counter()
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def take(self, batch: Batch) -> None:
        """Tell the person what cannot be read in a micro-batch.

        Raises:
            DataError: more files than are allowed.
        """
        self.batches.append(batch)
        self.run.take(self.name, self.stage.data, self.limit, batch)

    def naming(self) -> AbstractContextManager[None]:
        """Name the node or objective that raises in a step; see `naming_nodes`."""
        return naming_nodes(self.run.experiment.wirings[self.name], f"in stage {self.name!r}", self.places)

    def inspect(self, losses: Mapping[str, Loss]) -> None:
        """Hold the losses of the first micro-batch against what objectives promise.

        Raises:
            ComponentError: an objective that returns no loss.
        """
        if not self.inspected:
            require_losses(losses, self.run.experiment.sinks[self.name], self.places)
            self.inspected = True

    def count(self, losses: Mapping[str, Loss]) -> None:
        """Count on how much of a micro-batch each objective's loss rests, in this process."""
        counts = [torch.stack([term.count.detach().float() for term in loss.terms.values()]).sum() for loss in losses.values()]
        self.counted = self.counted + torch.stack(counts)

    def after_step(self, state: StageState, *, saving: bool) -> None:
        """Log the step if it is due. saving: a checkpoint of it follows.

        Raises:
            DivergedError: figures that are not finite. DataError: more unreadable files than are allowed, over all processes.
        """
        logging = state.step == state.steps or state.step % self.stage.log_every == 0
        if saving or logging or self.run.device.type == "cpu":
            require_finite(state, self.data_fault)
        self.batches.clear()
        if saving or logging:
            self.run.share_warnings()
            self.run.share_unreadable(self.stage.data, self.limit)
        if logging:
            self._warn_of_idle_objectives(state.step)
            self._log(state)
        self.progress.update(self.bar, completed=state.step)

    @contextmanager
    def paused(self, note: str) -> Iterator[None]:
        """Leave the time that something else takes out of the speed of training. note: beside the progress bar."""
        began, before = time.perf_counter(), self.progress.tasks[0].fields["note"]
        self.progress.update(self.bar, note=note)
        yield
        self.progress.update(self.bar, note=before)
        self.window += time.perf_counter() - began

    def data_fault(self) -> str | None:
        """Say which entry of the last step's batches holds NaN or infinity, in any process. Every process must call this."""
        faults = (not_finite(batch, self.limit.samples) for batch in self.batches)
        found = collectives.gather_objects(next((fault for fault in faults if fault is not None), None))
        return next((f"{fault} in data.{self.stage.data}" for fault in found if fault is not None), None)

    def _warn_of_idle_objectives(self, step: int) -> None:
        """Tell the person, once for each, which objectives counted nothing in any process since figures were last logged."""
        totals = collectives.sum_over_ranks(self.counted).tolist()
        idle = {name for name, total in zip(self.objectives, totals, strict=True) if not total}
        for key in sorted(idle - self.idle):
            text = f"objective {key!r} had nothing to learn from in steps {self.logged + 1} to {step}: no sample has all it takes"
            self.run.warn(self.name, text)
        self.idle |= idle
        self.counted = torch.zeros_like(self.counted)

    def _log(self, state: StageState) -> None:
        elapsed, self.window = time.perf_counter() - self.window, time.perf_counter()
        speed = (state.step - self.logged) / elapsed
        self.logged = state.step
        record = {key: float(value) for key, value in state.figures.items()}
        record["learning_rate"] = state.rate
        record["samples_per_second"] = speed * self.batch_size
        self.run.log(self.name, state.step, record)
        self.progress.update(self.bar, note=f"loss {float(state.figures['loss']):.3f}")


def require_finite(state: StageState, data_fault: Callable[[], str | None] = lambda: None) -> None:
    """Refuse figures that are not finite. data_fault: says which entry of the data is not finite either, asked for only then.

    Raises:
        DivergedError: with all figures of the step.
    """
    figures: Mapping[str, Tensor] = state.figures
    if not all(bool(torch.isfinite(value)) for value in figures.values()):
        shown = ", ".join(f"{key} {float(value):g}" for key, value in figures.items())
        where = f"stage {state.stage!r} are no longer finite at step {state.step}"
        message = f"the numbers of {where}: {shown}; nothing of this step was saved"
        if (fault := data_fault()) is not None:
            hint = "mend the data, or leave the entry out of this sample; the same command goes on"
            raise DivergedError(f"{message}; {fault}", hint=hint)
        raise DivergedError(
            message,
            hint="lower the learning rate, lengthen the warm-up, or use precision: float32, and start over with --fresh",
        )


def not_finite(batch: Batch, samples: SampleSet) -> str | None:
    """Say which entry of which sample of a batch holds NaN or infinity; None where none that is present does."""
    for name, entry in batch.entries.items():
        present = entry.presence()
        shown = present.view(*present.shape, *(1 for _ in entry.values.shape[present.dim() :]))
        wrong = (~torch.isfinite(entry.values) & shown).reshape(len(present), -1)
        if bool(wrong.any()):
            place = int(wrong.any(dim=1).nonzero()[0])
            number = "NaN" if bool(entry.values[place].isnan().any()) else "infinity"
            return f"{name!r} of {identity_of(samples, batch.indices[place])!r} holds {number}"
    return None


def _progress(run: Context) -> Progress:
    return Progress(
        TextColumn("  {task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=run.console,
        transient=True,
    )
