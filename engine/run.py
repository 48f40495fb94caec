"""A run: the stages of an experiment one after the other, in one folder, from wherever an earlier start of it stopped."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Collection
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from antifaz.core import collectives
from antifaz.core.errors import RunError
from antifaz.core.experiment import Experiment, TrainStage
from antifaz.registry import AntifazError, ConfigError, is_lost_process
from antifaz.registry.files import write_atomically

from . import checkpoints, parallel
from .context import Context, StoppedError
from .contract.metrics import metric_problems
from .evaluate import evaluate
from .needed_files import missing_files
from .run_folder import RunFolder
from .train import train
from .training.parameters import require_known_parameters
from .training.validation import validation_problems


class LostProcessError(RunError):
    """Another process of the run has failed, or does not answer."""


def run_experiment(
    experiment: Experiment, root: str | Path, *, device: str = "auto", fresh: bool = False, quiet: bool = False
) -> Context:
    """Start a run in a folder, or go on with it, to its end.

    device: `auto`, `cpu` or `cuda`. fresh: throw away what the folder holds.
    Raises:
        ConfigError: a file that the data need is not there. RunError, DataError: see `execute`.
        LostProcessError: another process has failed.
    """
    place = parallel.join(device)
    console = Console(quiet=quiet or not collectives.is_main())
    folder = RunFolder(Path(root))
    failure: AntifazError | None = None
    try:
        if collectives.is_main():
            try:
                open_folder(experiment, folder, place, fresh=fresh)
            except AntifazError as error:
                failure = error
        if collectives.total(int(failure is not None), place):
            raise failure or RunError("the main process could not open the run")
        run = Context(experiment, folder, place, console)
        execute(run)
        return run
    except RuntimeError as error:
        if not is_lost_process(error):
            raise
        raise LostProcessError("stopped, because another process has failed; its own words say why") from error
    finally:
        folder.close()
        parallel.leave()


def open_folder(experiment: Experiment, folder: RunFolder, device: torch.device, *, fresh: bool) -> None:
    """Open the run folder, once every file that is still needed is known to be there. Main process only."""
    if problems := validation_problems(experiment) + metric_problems(experiment):
        raise ConfigError(problems)
    require_needed_files(experiment, [] if fresh else list(filter(folder.is_done, experiment.stages)))
    origins = [(key, value, str(place)) for key, value, place in experiment.document.origins()]
    folder.open(experiment.document.text, origins, fresh=fresh)
    write_atomically(folder.root / "environment.json", json.dumps(environment(experiment, device), indent=2) + "\n")


def execute(run: Context) -> None:
    """Run every stage that is not over yet.

    Raises:
        ConfigError: an option of a stage that stands for no parameter of its model.
        RunError, DataError: what stops a run, in words; StoppedError after a signal.
    """
    if collectives.is_main():
        run.hook.antifaz_run_start(run=run)
    require_known_parameters(run.experiment, [name for name in run.experiment.stages if not run.folder.is_done(name)])
    with run.listening(), run.logging():
        open_data(run)
        for name, stage in run.experiment.stages.items():
            if run.folder.is_done(name):
                run.say(f"[bold]{name}[/] is done already")
                if collectives.is_main():
                    checkpoints.forget_best_from(run.folder.checkpoints(name))  # left there if it was killed at its very end
            elif isinstance(stage, TrainStage):
                train(run, name, stage)
            else:
                evaluate(run, name, stage)
            collectives.barrier()
    if collectives.is_main():
        run.hook.antifaz_run_end(run=run, results=run.folder.read_results())


def open_data(run: Context) -> None:
    """Open every data set that is still needed, so that its faults show before any training."""
    for name, stage in run.experiment.stages.items():
        if not run.folder.is_done(name):
            run.samples(stage.data, training=isinstance(stage, TrainStage))
            if isinstance(stage, TrainStage) and stage.validation is not None:
                run.samples(stage.validation.data, training=False)
    if run.should_stop():
        raise StoppedError("stopped before any stage; the same command goes on")


def require_needed_files(experiment: Experiment, done: Collection[str]) -> None:
    """Refuse to begin without a file that a stage which is not done, or its data, need.

    Raises:
        ConfigError: with every missing file, located.
    """
    open_stages = {name: stage for name, stage in experiment.stages.items() if name not in done}
    validations = [stage.validation for stage in open_stages.values() if isinstance(stage, TrainStage)]
    read = {entry.data for entry in (*open_stages.values(), *validations) if entry is not None}
    due = {("data", name) for name in read} | {("stages", name) for name in open_stages}
    missing = [file.problem for file in missing_files(experiment) if (file.section, file.name) in due]
    if missing:
        raise ConfigError(missing)


def environment(experiment: Experiment, device: torch.device) -> dict[str, Any]:
    """Return versions and hardware, for people and bug reports."""
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
