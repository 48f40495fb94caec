"""Checkpoints of a training stage, and the weights that a stage leaves.

The best weights of a stage that is validated are a file beside the checkpoints.

Training state goes through torch.distributed.checkpoint into a folder of its own, written beside its final place and renamed when
complete, so that a process killed at any moment leaves the last complete one. Weights are safetensors. Weights that a user hands
in are read as safetensors or by `torch.load(weights_only=True)`.
"""

from __future__ import annotations

import os
import pickle
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save as serialized
from torch import Tensor
from torch.distributed import checkpoint as dcp

from antifaz.core import collectives
from antifaz.core.errors import WeightsError
from antifaz.registry import is_lost_process
from antifaz.registry.files import write_atomically, writing

PREFIX = "step-"
BEST = "best-"


def save(folder: Path, step: int, state: dict[str, Any], keep: int) -> None:
    """Write the state after `step` steps and delete all but the newest `keep` checkpoints. Called by every process."""
    final = folder / f"{PREFIX}{step:08d}"
    partial = folder / f".{final.name}"
    with writing(final):
        if collectives.is_main():
            shutil.rmtree(partial, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
        collectives.barrier()
        _write(partial, state)
        collectives.barrier()
        if collectives.is_main():
            _sync(partial)
            shutil.rmtree(final, ignore_errors=True)
            os.replace(partial, final)
            for old in steps(folder)[:-keep]:
                shutil.rmtree(folder / f"{PREFIX}{old:08d}")
    collectives.barrier()


def _write(partial: Path, state: dict[str, Any]) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one process without a process group is what we mean
            dcp.save(state, checkpoint_id=partial)  # type: ignore[attr-defined]
    except dcp.api.CheckpointException as error:
        for failure in error.failures.values():
            cause = failure[0] if isinstance(failure, tuple) else failure
            if isinstance(cause, OSError):
                raise cause from None
        raise WeightsError(f"the checkpoint {partial} could not be written: {error}") from None


def _sync(folder: Path) -> None:
    for file in folder.iterdir():
        with open(file, "rb") as handle:
            os.fsync(handle.fileno())


def steps(folder: Path) -> list[int]:
    """List the steps of the complete checkpoints, ascending."""
    if not folder.is_dir():
        return []
    return sorted(int(p.name.removeprefix(PREFIX)) for p in folder.iterdir() if p.name.startswith(PREFIX))


def load(folder: Path, step: int, state: dict[str, Any]) -> None:
    """Fill `state` (same structure as saved) from a checkpoint of this run's own folder.

    Raises:
        WeightsError: the checkpoint is damaged or belongs to another graph.
    """
    place = folder / f"{PREFIX}{step:08d}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dcp.load(state, checkpoint_id=place)  # type: ignore[attr-defined]
    except (
        dcp.api.CheckpointException,
        OSError,
        RuntimeError,
        KeyError,
        ValueError,
        EOFError,
        pickle.UnpicklingError,
    ) as error:
        if is_lost_process(error):
            raise
        raise WeightsError(
            f"the checkpoint {place} is damaged or belongs to another graph: {error}",
            hint="delete this folder to go on from the checkpoint before it, or start over with --fresh",
        ) from None


def best_weights(folder: Path, step: int) -> Path:
    """Return the file of the best weights so far, those of an evaluation after `step` steps."""
    return folder / f"{BEST}{step:08d}.safetensors"


def save_best(folder: Path, step: int, weights: Mapping[str, Tensor]) -> None:
    """Write the weights of the best evaluation so far, and delete those of before to which no checkpoint goes back.

    A checkpoint is written before the evaluation of its step: from it, the best known are the newest of the steps before.
    """
    save_weights(best_weights(folder, step), weights)
    written = _best_steps(folder)
    needed = {step} | {max((best for best in written if best < start), default=step) for start in steps(folder)}
    for best in set(written) - needed:
        best_weights(folder, best).unlink(missing_ok=True)


def forget_best_from(folder: Path, step: int = 0) -> None:
    """Delete the best weights of evaluations after `step` steps or more."""
    for best in _best_steps(folder):
        if best >= step:
            best_weights(folder, best).unlink(missing_ok=True)


def _best_steps(folder: Path) -> list[int]:
    """List the steps of which there are best weights."""
    return [int(path.stem.removeprefix(BEST)) for path in folder.glob(f"{BEST}*.safetensors")]


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write weights as safetensors, atomically."""
    write_atomically(path, serialized({name: value.detach().cpu().contiguous() for name, value in weights.items()}))
