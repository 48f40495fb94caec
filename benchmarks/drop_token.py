"""The training step of VATT with and without DropToken: a shipped config's graph and objectives on random clips.

On the CPU vatt-tiny, on CUDA vatt-pretrain under bfloat16 autocast. Sides alternate in one run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import record
import torch

from antifaz.analysis.cost import step_cost
from antifaz.core.discovery import discover
from antifaz.core.experiment import Experiment, TrainStage, read
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import build_graph
from antifaz.core.objectives import reduce
from antifaz.engine.training.model import TrainingModel

SETTINGS = {"cpu": ("vatt-tiny", 64), "cuda": ("vatt-pretrain", 16)}
STAGE = "pretrain"
RATES = (0.0, 0.25, 0.5, 0.75)


def experiment_at(config: str, rate: float) -> Experiment:
    return read(config, discover(), [f"graph.{stream}_kept.rate={rate}" for stream in ("video", "audio")])


def model_of(experiment: Experiment, device: str) -> tuple[TrainingModel, TrainStage]:
    stage = experiment.stages[STAGE]
    assert isinstance(stage, TrainStage)
    model = TrainingModel(build_graph(experiment.wirings[STAGE], device=device), experiment.sinks[STAGE])
    return model.to(device).train(), stage


def training_step(experiment: Experiment, batch_size: int, device: str) -> Callable[[], None]:
    """One optimisation step of the stage."""
    model, _ = model_of(experiment, device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    batch = fake_batch(experiment.wirings[STAGE].inputs, batch_size, device)
    weights = {name: sink.entry.weight for name, sink in experiment.sinks[STAGE].items()}

    def step() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            losses = model(batch)
        reduce(losses, weights)[0].backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def counted_flops(experiment: Experiment, batch_size: int) -> int:
    """Count the FLOPs of one step, forward and backward."""
    model, stage = model_of(experiment, "meta")
    batch = fake_batch(experiment.wirings[STAGE].inputs, batch_size, "meta")
    return step_cost(model, batch, stage.optimizer.moments).flops


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    config, batch_size = SETTINGS[options.device]
    experiments = {f"{rate:g}": experiment_at(config, rate) for rate in RATES}
    sides = {name: training_step(experiment, batch_size, options.device) for name, experiment in experiments.items()}
    times = record.alternate(sides, options.repeats, options.device)
    flops = {name: counted_flops(experiment, batch_size) for name, experiment in experiments.items()}
    figures: dict[str, object] = {
        "seconds_by_rate": times,
        "ratios": {f"{name} / 0": record.ratio(times[name], times["0"]) for name in times if name != "0"},
        "flops_by_rate": flops,
        "flop_ratios": {f"{name} / 0": flops[name] / flops["0"] for name in flops if name != "0"},
    }
    print(figures)
    settings = {"config": config, "stage": STAGE, "batch_size": batch_size, "repeats": options.repeats}
    resolved = experiments["0.5"].document.data
    print(record.write("drop-token", options.device, {**settings, "resolved": resolved}, figures))


if __name__ == "__main__":
    main()
