"""A training stage: one loop that reads top to bottom.

Everything random in a step follows from the run's seed and the step, and so does the data order; a checkpoint therefore holds
weights, optimiser and average, and a resumed run ends with the same weights as one that was never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict

from antifaz.core import collectives
from antifaz.core.errors import DivergedError
from antifaz.core.experiment import DataEntry, TrainStage
from antifaz.core.graph.module import build_graph
from antifaz.core.objectives import Loss, reduce
from antifaz.core.seeds import derived_seed
from antifaz.core.streams import Shape
from antifaz.data.batches import UnreadableLimit, training_batches
from antifaz.engine.training.model import TrainingModel, trainable_parameters
from antifaz.engine.training.optimization import MovingAverage, clip_gradients, learning_rate, make_optimizer, set_learning_rate
from antifaz.registry import ConfigError, Problem

from . import checkpoints, parallel
from .run import Run, StoppedError


def train(run: Run, name: str, stage: TrainStage) -> None:
    """Train a stage to its end, from its last checkpoint if there is one; leaves weights.safetensors."""
    run.say(f"[bold]{name}[/]: training for {stage.steps} steps")
    if stage.precision == "bfloat16" and run.device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        run.warn(name, "this processor has no bfloat16 units: precision: float32 would be several times faster")
    model, trainable = _model(run, name, stage)
    optimizer = make_optimizer(trainable, stage.optimizer, stage.lr_scale)
    average = None if stage.ema is None else MovingAverage(trainable, stage.ema)
    checkpoint_folder = run.folder.stage(name) / "checkpoints"
    start = _resume(run, name, model, optimizer, average)
    weights = {key: entry.weight for key, entry in stage.objectives.items() if entry.weight}
    samples = run.samples(stage.data, training=True)
    limit = UnreadableLimit(samples, run.experiment.data[stage.data].max_unreadable, stage.data)
    batches = _batches(run, name, stage, start)
    wrapped = parallel.wrap(model, run.device, compiled=stage.compile)
    model.train()
    for node in stage.freeze:
        model.graph.get_submodule(node).eval()
    window, logged = time.perf_counter(), start
    counted, told = torch.zeros(len(weights), device=run.device), set[str]()
    with _progress(run) as progress:
        bar = progress.add_task(name, total=stage.steps, completed=start, note="")
        for step in range(start, stage.steps):
            torch.manual_seed(derived_seed(run.experiment.header.seed, name, step, collectives.rank()))
            set_learning_rate(optimizer, learning_rate(step, stage.steps, stage.optimizer))
            figures: dict[str, Tensor] = {}
            for _ in range(stage.accumulate):
                batch = next(batches)
                run.take(name, stage.data, limit, batch)
                with torch.autocast(run.device.type, torch.bfloat16, enabled=stage.precision == "bfloat16"):
                    losses: dict[str, Loss] = wrapped(batch.to(run.device).entries)
                local, values = reduce(losses, weights)
                counted = counted + _counts(losses)
                # Gradients are averaged over processes, the loss is the sum of their shares.
                (local * (collectives.world_size() / stage.accumulate)).backward()
                for key, value in values.items():
                    figures[key] = figures.get(key, 0.0) + value / stage.accumulate
            figures["gradient_norm"] = clip_gradients(trainable.values(), stage.grad_clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if average is not None:
                average.update(trainable)

            done = step + 1
            stopping = run.should_stop()
            last = done == stage.steps
            saving = last or stopping or done % stage.checkpoint_every == 0
            logging = last or done % stage.log_every == 0
            if saving or logging or run.device.type == "cpu":
                _refuse_nonfinite(name, done, figures)
            if saving or logging:
                limit.check(collectives.total(len(limit.found), run.device))
            if logging:
                idle = _idle(counted, weights) - told
                for key in sorted(idle):
                    run.warn(
                        name,
                        f"objective {key!r} had nothing to learn from in steps {logged + 1} to {done}: no sample has all it takes",
                    )
                told |= idle
                counted = torch.zeros_like(counted)
                elapsed, window = time.perf_counter() - window, time.perf_counter()
                _log(run, name, done, stage, figures, (done - logged) / elapsed)
                logged = done
                progress.update(bar, note=f"loss {float(figures['loss']):.3f}")
            progress.update(bar, completed=done)
            if saving:
                state = _state(model, optimizer, average)
                checkpoints.save(checkpoint_folder, done, state, stage.keep)
                if collectives.is_main():
                    run.hook.antifaz_checkpoint(run=run, stage=name, step=done)
            if stopping and not last:
                raise StoppedError(f"stopped after step {done} of {stage.steps} of {name!r}; the same command goes on from there")
    if average is not None:
        average.copy_to(trainable)
    if collectives.is_main():
        checkpoints.save_weights(run.folder.weights(name), model.graph.weights())
        summary = {"steps": stage.steps, "parameters": sum(p.numel() for p in trainable.values())}
        run.folder.mark_done(name, {**summary, "untrained": _untrained(model, trainable)})


def _model(run: Run, name: str, stage: TrainStage) -> tuple[TrainingModel, dict[str, nn.Parameter]]:
    """The model on its device, and the parameters that this stage trains: reached by its losses, and not frozen."""
    wiring, sinks = run.experiment.wirings[name], run.experiment.sinks[name]
    shadow = TrainingModel(build_graph(wiring, device="meta"), sinks).to("meta")
    present = {entry: wiring.inputs[entry] for entry in run.experiment.stage_inputs(stage)}
    reached = trainable_parameters(shadow, present)
    torch.manual_seed(derived_seed(run.experiment.header.seed, name, "objectives"))
    model = TrainingModel(run.graph(name, stage), sinks).to(run.device)
    trainable = {}
    for key, parameter in model.named_weights().items():
        trains = key in reached and key.partition(".")[0] not in stage.freeze
        parameter.requires_grad_(trains)
        if trains:
            trainable[key] = parameter
    if not trainable:
        message = f"stage {name!r} trains nothing: no parameter is reached by its objectives and not frozen"
        raise ConfigError(
            [Problem(message, run.experiment.document.location(("stages", name)), "`antifaz check` shows what trains")]
        )
    return model, trainable


def _counts(losses: Mapping[str, Loss]) -> Tensor:
    """(objectives,) on how much of a batch each objective's loss rests, in this process."""
    return torch.stack(
        [torch.stack([term.count.detach().float() for term in loss.terms.values()]).sum() for loss in losses.values()]
    )


def _idle(counted: Tensor, names: Iterable[str]) -> set[str]:
    """The objectives that counted nothing, in any process."""
    totals = collectives.sum_over_ranks(counted).tolist()
    return {name for name, total in zip(names, totals, strict=True) if not total}


def _untrained(model: TrainingModel, trainable: Mapping[str, nn.Parameter]) -> list[str]:
    """What kept its weights: nodes of which nothing trains, then single parameters of the others."""
    still = [key for key in model.named_weights() if key not in trainable]
    partly = {key.partition(".")[0] for key in trainable}
    nodes = dict.fromkeys(node for key in still if (node := key.partition(".")[0]) not in partly)
    return [*nodes, *(key for key in still if key.partition(".")[0] in partly)]


def _batches(run: Run, name: str, stage: TrainStage, start: int) -> Any:
    entry = run.experiment.data[stage.data]
    samples = run.samples(stage.data, training=True)
    return training_batches(
        samples,
        batch_size=entry.batch_size,
        steps=stage.steps,
        start=start,
        seed=derived_seed(run.experiment.header.seed, name, "data"),
        rank=collectives.rank(),
        world=collectives.world_size(),
        workers=entry.workers,
        micro=stage.accumulate,
        transforms=_transforms(entry, samples.shapes),
        pin_memory=run.device.type == "cuda",
    )


def _transforms(entry: DataEntry, shapes: Mapping[str, Shape]) -> list[Any]:
    """Changes of whole batches, each built for what the one before leaves."""
    built = []
    for transform in entry.transforms:
        built.append(transform.build(shapes))
        shapes = {**shapes, **transform.shapes(shapes)}
    return built


def _state(model: TrainingModel, optimizer: torch.optim.Optimizer, average: MovingAverage | None) -> dict[str, Any]:
    """All that a step depends on besides the config and its number."""
    state: dict[str, Any] = {
        "model": dict(model.named_weights()),
        "buffers": dict(model.named_buffers()),
        "optimizer": get_optimizer_state_dict(model, optimizer),
    }
    if average is not None:
        state["average"] = average.values
    return state


def _resume(run: Run, name: str, model: TrainingModel, optimizer: torch.optim.Optimizer, average: MovingAverage | None) -> int:
    """Load the newest checkpoint of this stage into place; returns the steps that are done."""
    folder = run.folder.stage(name) / "checkpoints"
    found = checkpoints.steps(folder)
    if not found:
        start = 0
    else:
        start = found[-1]
        state = _state(model, optimizer, average)
        checkpoints.load(folder, start, state)
        set_optimizer_state_dict(model, optimizer, state["optimizer"])
        run.say(f"  going on from step {start}")
    if collectives.is_main():
        run.folder.forget_metrics_after(name, start)
    return start


def _refuse_nonfinite(name: str, step: int, figures: Mapping[str, Tensor]) -> None:
    if not all(bool(torch.isfinite(value)) for value in figures.values()):
        shown = ", ".join(f"{key} {float(value):g}" for key, value in figures.items())
        raise DivergedError(
            f"the numbers of stage {name!r} are no longer finite at step {step}: {shown}; nothing of this step was saved",
            hint="lower the learning rate, lengthen the warm-up, or use precision: float32, and start over with --fresh",
        )


def _log(run: Run, name: str, step: int, stage: TrainStage, figures: Mapping[str, Tensor], speed: float) -> None:
    """speed: steps per second since the last line."""
    batch_size = run.experiment.data[stage.data].batch_size
    record = {key: float(value) for key, value in figures.items()}
    record["learning_rate"] = learning_rate(step - 1, stage.steps, stage.optimizer)
    record["samples_per_second"] = speed * batch_size
    run.log(name, step, record)


def _progress(run: Run) -> Progress:
    return Progress(
        TextColumn("  {task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=run.console,
        transient=True,
    )
