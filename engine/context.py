"""The context of a run, which its stages share. Hooks, loggers and callbacks see it as the protocol `RunContext`."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from rich.console import Console
from rich.markup import escape

from antifaz.core import collectives
from antifaz.core.errors import RunError
from antifaz.core.experiment import Experiment, Stage
from antifaz.core.graph.module import Graph, build_graph
from antifaz.core.interfaces import Logger, LoggerSpec, SampleSet, views_of
from antifaz.data import contract
from antifaz.data.batches import Batch, UnreadableLimit
from antifaz.data.contract import Origin, counts_of, open_samples
from antifaz.registry import AntifazError, Location
from antifaz.registry.files import write_atomically

from .contract.failures import Hooks
from .contract.results import require_members
from .run_folder import RunFolder
from .training.initialization import initialize

STOP_EVERY = 8
"""Steps between those at which processes ask each other whether to stop: the answer makes the host wait for the device."""


class StoppedError(RunError):
    """A person or the machine asked the run to stop; it did, after a checkpoint."""

    exit_code = 130


class Context:
    """Everything that the stages of a run share: the experiment, its folder, the device, data sets, logs.

    Args:
        experiment: a config without mistakes.
        folder: where the run lives.
        device: of the model.
        console: speaks to the person; silent in all processes but the main one.
    """

    def __init__(self, experiment: Experiment, folder: RunFolder, device: torch.device, console: Console) -> None:
        self.experiment, self.folder, self.device, self.console = experiment, folder, device, console
        self.stop_requested = False
        self._samples: dict[tuple[str, bool], SampleSet] = {}
        self._loggers: list[tuple[LoggerSpec, Logger, Location]] = []
        self._warned: set[str] = set()
        self._unreadable: dict[str, set[int]] = {}
        self._unshared: list[tuple[str, str, str]] = []

    @property
    def root(self) -> Path:
        return self.folder.root

    @property
    def hook(self) -> Any:
        """Caller of the plugins' hooks, as pluggy's; one that raises is named."""
        return Hooks(self.experiment.plugins.manager.hook)

    def samples(self, data: str, *, training: bool) -> SampleSet:
        """Return a data set, built by the main process first, so that files and caches are made once."""
        key = (data, training)
        if key not in self._samples:
            if not collectives.is_main():
                collectives.barrier()
            self._samples[key] = open_samples(Origin.of(self.experiment, data, training=training), training)
            if collectives.is_main():
                collectives.barrier()
                samples = self._samples[key]
                counts = counts_of(samples, self.experiment.data[data].dataset)
                self._write_counts(data, {"samples": len(samples) // views_of(samples), **counts})
        return self._samples[key]

    def _write_counts(self, data: str, counts: Mapping[str, int]) -> None:
        """Put what is known of a data set into data.json; of unreadable files, of which it meets ever more, the larger number."""
        path = self.root / "data.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        before = known.get(data, {})
        known[data] = {**before, **counts}
        if "unreadable" in known[data]:
            known[data]["unreadable"] = max(each.get("unreadable", 0) for each in (before, counts))
        write_atomically(path, json.dumps(known, indent=2) + "\n")

    def graph(self, name: str, stage: Stage, needed: Iterable[str] = ()) -> Graph:
        """Build a stage's graph with the weights that its `init` names, and say where they came from.

        needed: nodes that must have some.
        """
        graph = build_graph(self.experiment.wirings[name], seed=self.experiment.header.seed)
        stages = {s: self.folder.weights(s) for s in self.experiment.stages}
        for line in initialize(graph, stage.init, stages, needed=needed):
            self.say(f"  {escape(line)}")
        return graph.to(self.device)

    def say(self, text: str) -> None:
        """Print a line. text: with rich's markup; what comes from files and configs must be escaped."""
        self.console.print(text, highlight=False, soft_wrap=True)

    def warn(self, stage: str, text: str, *, key: str | None = None) -> None:
        """Tell the person once what to look at, now and in the report; from other processes, when warnings are shared.

        key: of warnings of which the first is enough; default the text itself.
        """
        key = key or f"{stage}: {text}"
        if key in self._warned:
            return
        self._warned.add(key)
        if collectives.is_main():
            self.say(f"[yellow]{escape(text)}[/]")
            self.folder.warn(stage, text)
        else:
            self._unshared.append((stage, text, key))

    def share_warnings(self) -> None:
        """Tell the person what other processes have warned of since the last time. Every process must call this."""
        unshared, self._unshared = self._unshared, []
        if collectives.world_size() > 1:
            for warnings in collectives.gather_objects(unshared):
                for stage, text, key in warnings if collectives.is_main() else ():
                    self.warn(stage, text, key=key)

    def take(self, stage: str, data: str, limit: UnreadableLimit, batch: Batch) -> None:
        """Tell the person what cannot be read in a batch, and of each data set once what is odd.

        Raises:
            DataError: beyond the limit.
        """
        for reason in limit.take(batch).values():
            self.warn(stage, f"skipped {reason}")
        if batch.note is not None:
            self.warn(stage, f"data {data}: {batch.note} (the first of such)", key=f"data {data}")

    def share_unreadable(self, data: str, limit: UnreadableLimit) -> None:
        """Put the number of unreadable files that any process has met into data.json. Every process must call this.

        Raises:
            DataError: beyond the limit.
        """
        found = set[int]().union(*collectives.gather_objects(list(limit.found)))
        met = self._unreadable.setdefault(data, set())
        if collectives.is_main() and not found <= met:
            met |= found
            self._write_counts(data, {"unreadable": len(met)})
        limit.check(len(found))

    def log(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        """Write figures of a step to metrics.jsonl and hand them to the loggers and hooks. Main process only.

        Raises:
            RunError: a logger that fails, by its name.
        """
        if not collectives.is_main():
            return
        place = {"stage": stage, "step": step}
        record = {**place, **figures, **place}  # a figure of such a name does not hide where it is from
        self.folder.log(record)
        for spec, logger, location in self._loggers:
            with blaming(spec, stage, step, location=location):
                logger.log(stage, step, figures)
        self.hook.antifaz_step(run=self, record=record)

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Open the loggers of the config, and close all of them afterwards; one that cannot close is a warning."""
        with ExitStack() as opened:
            for place, spec in enumerate(self.experiment.header.loggers if collectives.is_main() else ()):
                location = self.experiment.document.location(("loggers", place))
                with blaming(spec, location=location):
                    logger = require_members(spec, spec.build(self), ("log", "close"))
                self._loggers.append((spec, logger, location))
                opened.callback(self._close, spec, logger)
            yield

    def _close(self, spec: LoggerSpec, logger: Logger) -> None:
        try:
            with blaming(spec):
                logger.close()
        except AntifazError as error:  # what was kept before counts more, and so does the error that may be on its way
            self.warn("", error.message)

    def add_results(self, stage: str, results: Mapping[str, Any]) -> None:
        """Put a stage's figures into results.json."""
        if collectives.is_main():
            merged = {**self.folder.read_results(), stage: results}
            write_atomically(self.folder.results, json.dumps(merged, indent=2) + "\n")

    def should_stop(self, step: int = 0) -> bool:
        """Return whether any process was asked to stop; all processes get the same answer.

        step: of a training stage; several processes ask each other at every STOP_EVERY-th alone, and in between the answer is no.
        """
        if collectives.world_size() > 1 and step % STOP_EVERY:
            return False
        return collectives.total(int(self.stop_requested), self.device) > 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Let Ctrl-C and SIGTERM ask the run to stop at the next step; a second one stops it at once."""

        def ask(number: int, frame: FrameType | None) -> None:
            if self.stop_requested:
                raise KeyboardInterrupt
            self.stop_requested = True

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def blaming(
    component: object, stage: str | None = None, step: int = 0, *, location: Location | None = None
) -> AbstractContextManager[None]:
    """Turn whatever a component raises into words that name it, and where the run was. location: where the config has it.

    Raises:
        ComponentError: on leaving, in place of any exception that is not for people already.
    """
    return contract.blaming(component, "" if stage is None else f"at step {step} of stage {stage!r}", location=location)
