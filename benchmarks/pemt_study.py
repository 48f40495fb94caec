"""Compare low-rank sharing and content-aware negatives with their absence, at the size of pemt-tiny, on fresh clips.

Prints the tables of docs/results/pemt-study.md. Variants: the config as it is (negatives by similarity); nothing shared, at half
the learning rate; negatives at random. Run it with the package installed; a run takes about four minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from antifaz.core.discovery import discover
from antifaz.core.experiment import read
from antifaz.core.graph.module import build_graph

CONFIG = "pemt-tiny"
HALF_RATE = [f"stages.{stage}.optimizer.lr=0.001" for stage in ("pretrain", "finetune")]
OBJECTIVES = ("video", "audio", "video_of_both", "audio_of_both")
VARIANTS = {
    "low-rank": [],
    "nothing shared, half the learning rate": ["graph.encoder.sharing=none", *HALF_RATE],
    "low-rank, random negatives": [f"stages.pretrain.objectives.{name}.content=off" for name in OBJECTIVES],
}
ANSWERS = ("audio", "video", "late", "fused", "mean")
PRETRAINING = {"video": "video.accuracy", "audio": "audio.accuracy", "pairs": "pairs.pair.accuracy"}
"""Column -> what the stage logs."""
LAST = 5
"""Logged steps at the end of pre-training that are averaged."""


def overrides(variant: str, options: argparse.Namespace) -> list[str]:
    """Return the overrides of a variant, without the seed of the model."""
    clips = [f"data.{name}.seed={options.data_seed}" for name in ("paired", "train", "test")]
    return [*VARIANTS[variant], f"graph.encoder.rank={options.rank}", f"stages.finetune.steps={options.steps}", *clips]


def run(variant: str, seed: int, options: argparse.Namespace) -> Path:
    """The folder of a run, one for each choice of options; a run that is over already is not repeated."""
    name = f"{variant.replace(', ', '-').replace(' ', '-')}-rank{options.rank}-steps{options.steps}-data{options.data_seed}-{seed}"
    command = [Path(sys.executable).with_name("antifaz"), "run", CONFIG, *overrides(variant, options), f"seed={seed}"]
    subprocess.run([*command, "--run", options.runs / name], check=True)
    place: Path = options.runs / name
    return place


def parameters(variant: str, options: argparse.Namespace) -> int:
    """Count the parameters of the Transformers alone."""
    graph = build_graph(read(CONFIG, discover(), overrides(variant, options)).wiring, device="meta")
    return sum(p.numel() for name, p in graph.named_parameters() if name.startswith("encoder."))


def answers(place: Path) -> dict[str, float]:
    """Accuracies in percent with both modalities given."""
    results = json.loads((place / "results.json").read_text())["evaluate"]["audio+video"]["accuracy"]
    return {answer: results[answer] for answer in ANSWERS}


def pretraining(place: Path) -> dict[str, float]:
    """Accuracies in percent over the last logged steps: hidden pieces among their negatives, and pairs."""
    logged: list[dict[str, Any]] = [json.loads(line) for line in (place / "metrics.jsonl").read_text().splitlines()]
    last = [record for record in logged if record["stage"] == "pretrain"][-LAST:]
    return {column: 100 * statistics.mean(record[figure] for record in last) for column, figure in PRETRAINING.items()}


def cells(figures: Sequence[Mapping[str, float]]) -> list[str]:
    """Format the mean of each column, with the figure of every seed in brackets."""
    columns = [[each[name] for each in figures] for name in figures[0]]
    return [f"{statistics.mean(column):.1f} ({', '.join(f'{value:.1f}' for value in column)})" for column in columns]


def chosen(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/pemt-study"))
    parser.add_argument("--rank", type=int, default=11, help="of the low-rank maps")
    parser.add_argument("--steps", type=int, default=400, help="of fine-tuning")
    parser.add_argument("--data-seed", type=int, default=2, help="of the clips")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the model")
    return parser.parse_args(arguments)


def main() -> None:
    options = chosen()
    places = {variant: [run(variant, seed, options) for seed in options.seeds] for variant in VARIANTS}
    print(f"| Transformers | parameters | {' | '.join(ANSWERS)} |\n| --- | ---: |{' --- |' * len(ANSWERS)}")
    for variant, folders in places.items():
        count = f"{parameters(variant, options):,}"
        print(f"| {' | '.join([variant, count, *cells([answers(place) for place in folders])])} |")
    print(f"\n| Transformers | {' | '.join(PRETRAINING)} |\n| --- |{' --- |' * len(PRETRAINING)}")
    for variant, folders in places.items():
        print(f"| {' | '.join([variant, *cells([pretraining(place) for place in folders])])} |")


if __name__ == "__main__":
    main()
