"""A training stage: one loop that reads top to bottom.

Everything random in a step follows from the run's seed and the step, and so does the data order; a checkpoint therefore holds
weights, optimizer and average, and a resumed run ends with the same weights as one that was never stopped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from rich.markup import escape
from torch import Tensor, nn

from antifaz.core import collectives
from antifaz.core.experiment import TrainStage
from antifaz.core.graph.module import build_graph
from antifaz.core.objectives import Loss, reduce
from antifaz.core.seeds import derived_seed
from antifaz.data.batches import Batch, stage_batches
from antifaz.registry import ConfigError, Location, Problem
from antifaz.registry.files import write_atomically

from . import checkpoints, parallel
from .context import Context, StoppedError, blaming
from .contract.failures import naming_nodes, objective_places
from .contract.results import require_optimizer
from .training.callbacks import Callbacks
from .training.capturing import capturing
from .training.log import TrainLogger
from .training.model import TrainingModel, is_frozen, trainable_parameters
from .training.optimization import MovingAverage, build_optimizer, clip_gradients, set_learning_rate
from .training.parameters import layer_factors
from .training.spread import refuse_unequal
from .training.state import Best, StageState
from .training.validation import Validation


def train(run: Context, name: str, stage: TrainStage) -> None:
    """Train a stage to its end, from its last checkpoint if there is one; leaves weights.safetensors."""
    run.say(f"[bold]{name}[/]: training for {stage.steps} steps")
    state = prepare(run, name, stage)
    validation = Validation(run, stage, state)
    batches = open_batches(run, name, stage, state.step)
    wrapped = parallel.wrap(state.model, run.device, compiled=stage.compile)
    state.model.train_except(stage.freeze)
    callbacks = Callbacks(run, name, stage)
    callbacks.call("before_stage", state)
    with TrainLogger(run, name, stage, state.step) as log:
        while True:
            validate(run, stage, state, validation, log)
            if validation.is_over(state):
                break
            torch.manual_seed(derived_seed(run.experiment.header.seed, name, state.step, collectives.rank()))
            state.rate = scheduled_rate(run, name, stage, state.step)
            set_learning_rate(state.optimizer, state.rate)
            with capturing(state, callbacks.members.values()):
                figures = accumulate_gradients(run, stage, wrapped, batches, log)
            figures["gradient_norm"] = clip_gradients(state.parameters.values(), stage.grad_clip)
            with blaming(stage.optimizer, name, state.step, location=place_of(run, name, "optimizer")):
                state.optimizer.step()
            state.optimizer.zero_grad(set_to_none=True)
            if state.average is not None:
                state.average.update(state.parameters)
            state.step, state.figures = state.step + 1, figures
            callbacks.call("after_step", state)

            stopping = run.should_stop(state.step)
            last = state.step == stage.steps
            saving = last or stopping or state.step % stage.checkpoint_every == 0
            log.after_step(state, saving=saving)
            if saving:
                save(run, stage, state)
            if stopping and not last:
                raise stopped(state)
    callbacks.call("after_stage", state)
    finish(run, stage, state)


def prepare(run: Context, name: str, stage: TrainStage) -> StageState:
    """Build the model, the optimizer and the average of a stage, as its last checkpoint left them if there is one."""
    if stage.precision == "bfloat16" and not parallel.has_fast_bfloat16(run.device):
        run.warn(name, "this processor has no bfloat16 units: precision: float32 would be several times faster")
    model, parameters = build_model(run, name, stage)
    refuse_unequal(run, name, model, stage.accumulate)
    with blaming(stage.optimizer, name, location=place_of(run, name, "optimizer")):
        factors = layer_factors(model, stage.layer_decay)
        optimizer = build_optimizer(parameters, stage.optimizer, stage.lr_scale, stage.weight_decay, factors)
        require_optimizer(stage.optimizer, optimizer, parameters.values())
    average = None if stage.ema is None else MovingAverage(parameters, stage.ema)
    best = Best() if stage.validation is not None and stage.validation.best is not None else None
    state = StageState(name, stage.steps, model, parameters, optimizer, average, best=best)
    folder = run.folder.checkpoints(name)
    state.resume(folder)
    if state.step:
        run.say(f"  going on from step {state.step}")
    if collectives.is_main():
        run.folder.forget_metrics_after(name, state.step)
        checkpoints.forget_best_from(folder, state.step)
    return state


def build_model(run: Context, name: str, stage: TrainStage) -> tuple[TrainingModel, dict[str, nn.Parameter]]:
    """Build the model on its device, and select the parameters that train: reached by the stage's losses, and not frozen.

    Raises:
        ConfigError: there are none.
    """
    wiring, sinks = run.experiment.wirings[name], run.experiment.sinks[name]
    shadow = TrainingModel(build_graph(wiring, device="meta"), sinks).to("meta")
    present = {entry: wiring.inputs[entry] for entry in run.experiment.stage_inputs(stage)}
    places = objective_places(run.experiment, name)
    with naming_nodes(wiring, f"in stage {name!r}, on shapes alone", places):
        reached = trainable_parameters(shadow, present, places)
    torch.manual_seed(derived_seed(run.experiment.header.seed, name, "objectives"))
    model = TrainingModel(run.graph(name, stage), sinks).to(run.device)
    parameters = {}
    for key, parameter in model.named_weights().items():
        trains = key in reached and not is_frozen(key, stage.freeze)
        parameter.requires_grad_(trains)
        if trains:
            parameters[key] = parameter
    if not parameters:
        message = f"stage {name!r} trains nothing: no parameter is reached by its objectives and not frozen"
        raise ConfigError(
            [Problem(message, run.experiment.document.location(("stages", name)), "`antifaz check` shows what trains")]
        )
    return model, parameters


def open_batches(run: Context, name: str, stage: TrainStage, start: int) -> Iterator[Batch]:
    """Open the stage's micro-batches from a step on, in an order that follows from the seed."""
    return stage_batches(
        run.experiment,
        name,
        stage,
        run.samples(stage.data, training=True),
        start=start,
        rank=collectives.rank(),
        world=collectives.world_size(),
        pin_memory=run.device.type == "cuda",
    )


def place_of(run: Context, name: str, key: str) -> Location:
    """Return where the config has a key of a stage."""
    return run.experiment.document.location(("stages", name, key))


def scheduled_rate(run: Context, name: str, stage: TrainStage, step: int) -> float:
    """Return the learning rate of a step of a stage.

    Raises:
        RunError: what the schedule raises, or a rate that is none, with its name and the step.
    """
    with blaming(stage.schedule, name, step, location=place_of(run, name, "schedule")):
        rate: object = stage.schedule.rate(step, stage.steps, stage.optimizer.lr)
        if not isinstance(rate, float | int) or not 0 <= rate < math.inf:
            raise ValueError(f"the rate is {rate!r}, not a number of at least 0")
        return rate


def accumulate_gradients(
    run: Context, stage: TrainStage, wrapped: nn.Module, batches: Iterator[Batch], log: TrainLogger
) -> dict[str, Tensor]:
    """Go forward and backward over the micro-batches of a step; returns the step's figures, means over them."""
    weights = {key: entry.weight for key, entry in stage.objectives.items() if entry.weight}
    figures: dict[str, Tensor] = {}
    for micro in range(stage.accumulate):
        batch = next(batches)
        log.take(batch)
        with parallel.accumulating(wrapped, last=micro == stage.accumulate - 1):
            with log.naming(), torch.autocast(run.device.type, torch.bfloat16, enabled=stage.precision == "bfloat16"):
                losses: dict[str, Loss] = wrapped(batch.to(run.device).entries)
            log.inspect(losses)
            local, values = reduce(losses, weights)
            log.count(losses)
            with log.naming():
                (local * (parallel.gradient_factor() / stage.accumulate)).backward()
        for key, value in values.items():
            figures[key] = figures.get(key, 0.0) + value / stage.accumulate
    return figures


def validate(run: Context, stage: TrainStage, state: StageState, validation: Validation, log: TrainLogger) -> None:
    """Evaluate, if it is due; a stop in the middle leaves a checkpoint, from which the same evaluation begins again."""
    if validation.is_due(state):
        try:
            with log.paused("validation"):
                validation.evaluate(state)
        except StoppedError:
            save(run, stage, state)
            raise stopped(state) from None


def save(run: Context, stage: TrainStage, state: StageState) -> None:
    """Write a checkpoint of this step, unless there is one, and tell the hooks of it."""
    if state.saved == state.step:
        return
    state.save(run.folder.checkpoints(state.stage), stage.keep)
    if collectives.is_main():
        run.hook.antifaz_checkpoint(run=run, stage=state.stage, step=state.step)


def stopped(state: StageState) -> StoppedError:
    """Return the error of a run that was asked to stop, and has a checkpoint of this step."""
    return StoppedError(f"stopped after step {state.step} of {state.steps} of {state.stage!r}; the same command goes on from there")


def finish(run: Context, stage: TrainStage, state: StageState) -> None:
    """Leave the stage's weights, the best ones where that is asked for, and mark it as done."""
    if state.step < state.steps:
        run.say(f"  ended after step {state.step} of {state.steps}: it gets no better")
    best = best_record(run, stage, state)
    if not collectives.is_main():
        return
    folder, left = run.folder.checkpoints(state.stage), run.folder.weights(state.stage)
    if best is None:
        checkpoints.save_weights(left, state.weights())
    else:
        write_atomically(left, checkpoints.best_weights(folder, best["step"]).read_bytes())
    parameters = sum(p.numel() for p in state.parameters.values())
    done = {"steps": state.step, "parameters": parameters, "untrained": state.untrained()}
    run.folder.mark_done(state.stage, done if best is None else {**done, "best": best})
    checkpoints.forget_best_from(folder)


def best_record(run: Context, stage: TrainStage, state: StageState) -> dict[str, Any] | None:
    """Return which evaluation was the best, and say so; None where that is not asked for, or its figure was never a number."""
    if state.best is None or stage.validation is None:
        return None
    figure = stage.validation.best
    if state.best.step == 0:
        run.warn(state.stage, f"{figure} was a number in no evaluation: the stage leaves the weights of its last step")
        return None
    run.say(f"  weights of step {state.best.step}, where {escape(str(figure))} was best: {state.best.value:.6g}")
    return {"figure": figure, "step": state.best.step, "value": state.best.value}
