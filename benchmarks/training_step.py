"""The training step of Zorro-ViT: a shipped config's graph and objectives on random clips, by lowering of the mask.

On the CPU the quick start's model, on CUDA the base-size config under bfloat16 autocast. Sides alternate in one run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import record
import torch

from antifaz.core.discovery import discover
from antifaz.core.experiment import TrainStage, read
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import build_graph
from antifaz.core.objectives import reduce
from antifaz.engine.training.model import TrainingModel

SETTINGS = {"cpu": ("quickstart", "pretrain", 64), "cuda": ("zorro-vit-base", "pretrain", 16)}


def training_step(config: str, stage_name: str, batch_size: int, lowering: str, device: str) -> Callable[[], None]:
    """One optimisation step of a stage; dense and flex lowerings are overrides of the config."""
    experiment = read(config, discover(), [f"graph.encoder.attention={lowering}"])
    stage = experiment.stages[stage_name]
    assert isinstance(stage, TrainStage)
    model = (
        TrainingModel(build_graph(experiment.wirings[stage_name], device=device), experiment.sinks[stage_name]).to(device).train()
    )
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=1e-4)
    shapes = {name: shape for name, shape in experiment.wirings[stage_name].inputs.items() if name in ("audio", "video")}
    batch = fake_batch(shapes, batch_size, device)
    weights = {name: sink.entry.weight for name, sink in experiment.sinks[stage_name].items()}

    def step() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            losses = model(batch)
        reduce(losses, weights)[0].backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    config, stage, batch_size = SETTINGS[options.device]
    lowerings = ("grouped", "dense", *(("flex",) if options.device == "cuda" else ()))
    sides = {name: training_step(config, stage, batch_size, name, options.device) for name in lowerings}
    times = record.alternate(sides, options.repeats, options.device)
    ratios = {f"{name} / grouped": record.ratio(times[name], times["grouped"]) for name in lowerings[1:]}
    median = sorted(times["grouped"])[len(times["grouped"]) // 2]
    figures: dict[str, object] = {"seconds": times, "ratios": ratios, "clips_per_second": batch_size / median}
    if options.device == "cuda":
        figures["peak_memory_bytes"] = torch.cuda.max_memory_allocated()
    print(figures)
    settings = {"config": config, "stage": stage, "batch_size": batch_size, "repeats": options.repeats}
    resolved = read(config, discover()).document.data
    print(record.write("training-step", options.device, {**settings, "resolved": resolved}, figures))


if __name__ == "__main__":
    main()
