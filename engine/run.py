"""A run: the stages of an experiment one after the other, in one folder, from wherever an earlier start of it stopped."""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from rich.console import Console
from rich.markup import escape
from torch.utils.tensorboard import SummaryWriter

from antifaz.core import collectives
from antifaz.core.errors import RunError
from antifaz.core.experiment import Experiment, Stage, TrainStage
from antifaz.core.experiment.needed_files import missing_files
from antifaz.core.graph.module import Graph, build_graph
from antifaz.core.interfaces import SampleSet, views_of
from antifaz.data.batches import Batch, UnreadableLimit
from antifaz.engine.training.initialization import initialize, require_files
from antifaz.registry import AntifazError, ConfigError
from antifaz.registry.files import write_atomically, writing

from . import parallel
from .run_folder import RunFolder


class StoppedError(RunError):
    """A person or the machine asked the run to stop; it did, after a checkpoint."""

    exit_code = 130


class Run:
    """What stages share: the experiment, its folder, the device, data sets, logs.

    Args:
        experiment: a config without mistakes.
        folder: where the run lives.
        device: of the model.
        console: speaks to the person; silent in all processes but the main one.
    """

    def __init__(self, experiment: Experiment, folder: RunFolder, device: torch.device, console: Console) -> None:
        self.experiment, self.folder, self.device, self.console = experiment, folder, device, console
        self.stop_requested = False
        self.stages = list(experiment.stages)
        self._samples: dict[tuple[str, bool], SampleSet] = {}
        self._noted: set[str] = set()
        self._writer: SummaryWriter | None = None

    @property
    def hook(self) -> Any:
        return self.experiment.plugins.manager.hook

    def samples(self, data: str, *, training: bool) -> SampleSet:
        """A data set, built by the main process first, so that files and caches are made once."""
        key = (data, training)
        if key not in self._samples:
            if not collectives.is_main():
                collectives.barrier()
            self._samples[key] = self.experiment.data[data].dataset.build(training)
            if collectives.is_main():
                collectives.barrier()
                self._write_counts()
        return self._samples[key]

    def _open_data(self) -> None:
        """Open all that is still needed, weights' files and data sets, so that its faults show before any training."""
        for name, stage in self.experiment.stages.items():
            if not self.folder.is_done(name):
                require_files(stage.init, self.stages)
                self.samples(stage.data, training=isinstance(stage, TrainStage))
        if self.should_stop():
            raise StoppedError("stopped before any stage; the same command goes on")

    def _write_counts(self) -> None:
        counts = {name: {"samples": len(s) // views_of(s), **s.counts()} for (name, _), s in self._samples.items()}
        path = self.folder.root / "data.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        write_atomically(path, json.dumps({**known, **counts}, indent=2) + "\n")

    def graph(self, name: str, stage: Stage, needed: Iterable[str] = ()) -> Graph:
        """A stage's graph with the weights that its `init` names; says where they came from. needed: nodes that must have some."""
        graph = build_graph(self.experiment.wirings[name], seed=self.experiment.header.seed)
        stages = {s: self.folder.weights(s) for s in self.stages}
        for line in initialize(graph, stage.init, stages, needed=needed):
            self.say(f"  {escape(line)}")
        return graph.to(self.device)

    def say(self, text: str) -> None:
        """Speak to the person. text: with rich's markup; what comes from files and configs must be escaped."""
        self.console.print(text, highlight=False, soft_wrap=True)

    def warn(self, stage: str, text: str) -> None:
        """Tell the person what to look at, now and in the report. Main process only."""
        if collectives.is_main():
            self.say(f"[yellow]{escape(text)}[/]")
            self.folder.warn(stage, text)

    def take(self, stage: str, data: str, limit: UnreadableLimit, batch: Batch) -> None:
        """Tell the person what cannot be read in a batch, and of each data set once what is odd.

        Raises:
            DataError: beyond the limit.
        """
        for reason in limit.take(batch).values():
            self.warn(stage, f"skipped {reason}")
        if batch.note is not None and data not in self._noted:
            self._noted.add(data)
            self.warn(stage, f"data {data}: {batch.note} (the first of such)")

    def log(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        """Figures of a step to metrics.jsonl, TensorBoard and the plugins. Main process only."""
        if not collectives.is_main():
            return
        record = {"stage": stage, "step": step, **figures}
        self.folder.log(record)
        with writing(self.folder.events):
            if self._writer is None:
                self._writer = SummaryWriter(str(self.folder.events))
            for name, value in figures.items():
                self._writer.add_scalar(f"{stage}/{name}", value, step)
        self.hook.antifaz_step(run=self, record=record)

    def add_results(self, stage: str, results: Mapping[str, Any]) -> None:
        """Put a stage's figures into results.json."""
        if collectives.is_main():
            merged = {**self.folder.read_results(), stage: results}
            write_atomically(self.folder.results, json.dumps(merged, indent=2) + "\n")

    def should_stop(self) -> bool:
        """Whether any process was asked to stop."""
        return collectives.total(int(self.stop_requested), self.device) > 0

    def execute(self) -> dict[str, Any]:
        """Run every stage that is not over yet; returns what results.json holds.

        Raises:
            RunError, DataError: what stops a run, in words; StoppedError after a signal.
        """
        from .evaluate import evaluate
        from .train import train

        if collectives.is_main():
            self.hook.antifaz_run_start(run=self)
        with self._listening():
            self._open_data()
            for name, stage in self.experiment.stages.items():
                if self.folder.is_done(name):
                    self.say(f"[bold]{name}[/] is done already")
                elif isinstance(stage, TrainStage):
                    train(self, name, stage)
                else:
                    evaluate(self, name, stage)
                collectives.barrier()
        results = self.folder.read_results()
        if collectives.is_main():
            self.hook.antifaz_run_end(run=self, results=results)
        if self._writer is not None:
            self._writer.close()
        return results

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM ask the run to stop at the next step; a second one stops it at once."""

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


def environment(experiment: Experiment, device: torch.device) -> dict[str, Any]:
    """Versions and hardware, for people and bug reports."""
    packages = ("antifaz", "torch", "torchvision", "torchaudio", "av", "numpy")
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: metadata.version(name) for name in packages},
        "plugins": {row.name: row.version for row in experiment.plugins.rows if row.error is None},
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "processors": os.cpu_count(),
        "processes": collectives.world_size(),
        "threads": torch.get_num_threads(),
    }


def _report(run: Run) -> None:
    """The page about the run. Main process only."""
    if not collectives.is_main():
        return
    from antifaz.report.page import write_report

    try:
        run.say(f"Report: {escape(str(write_report(run.folder.root, experiment=run.experiment)))}")
    except Exception as error:  # whatever it was, it must not turn a run that is over into one that failed
        run.say(f"[yellow]the report could not be written: {escape(f'{type(error).__name__}: {error}')}[/]")


def require_needed_files(experiment: Experiment, done: Collection[str]) -> None:
    """Refuse to begin without a file that the data of a stage need which is not done, as a mistake of the config."""
    due = {stage.data for name, stage in experiment.stages.items() if name not in done}
    missing = [file.problem for file in missing_files(experiment) if file.data in due]
    if missing:
        raise ConfigError(missing)


def run_experiment(experiment: Experiment, root: Path, *, device: str = "auto", fresh: bool = False, quiet: bool = False) -> Run:
    """Start a run in a folder, or go on with it, to its end.

    device: `auto`, `cpu` or `cuda`. fresh: throw away what the folder holds.
    Raises:
        ConfigError: a file that the data need is not there. RunError, DataError: see Run.execute.
    """
    where = parallel.start(device)
    console = Console(quiet=quiet or not collectives.is_main())
    folder = RunFolder(root)
    failure: AntifazError | None = None
    try:
        if collectives.is_main():
            try:
                require_needed_files(experiment, [] if fresh else list(filter(folder.is_done, experiment.stages)))
                origins = [(key, value, str(place)) for key, value, place in experiment.document.origins()]
                folder.open(experiment.document.text, origins, fresh=fresh)
                write_atomically(root / "environment.json", json.dumps(environment(experiment, where), indent=2) + "\n")
            except AntifazError as error:
                failure = error
        if collectives.total(int(failure is not None), where):
            raise failure or RunError("the main process could not open the run")
        run = Run(experiment, folder, where, console)
        run.execute()
        _report(run)
        return run
    finally:
        folder.close()
        parallel.stop()
