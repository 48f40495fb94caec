"""Every backbone on the quick start's graph and data: what each answers from sound, from pictures and from both.

A backbone holds if it reaches, in at most three times the steps of `quickstart`, at least 80 % of its gain over chance. Each answer
comes from a call that is given those modalities alone. Run it with the package installed; about five minutes for each backbone and
seed on two cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

CONFIGS = ("quickstart", "quickstart-swin", "quickstart-hip", "quickstart-perceiver", "quickstart-mbt")
ANSWERS = {"audio": ("audio", "audio"), "video": ("video", "video"), "fused": ("audio+video", "fusion")}
"""Column -> what is given, and the head that answers."""
FRESH_CLIPS = [f"data.{name}.seed=1" for name in ("paired", "paired_test", "few_labels", "test")]
CHANCE = 100 / 16
SHARE = 0.8


def run(folder: Path, config: str, seed: int) -> dict[str, float]:
    """The three accuracies of one run, in percent; a run that is over already is not repeated."""
    place = folder / f"{config}-{seed}"
    command = [Path(sys.executable).with_name("antifaz"), "run", config, f"seed={seed}", *FRESH_CLIPS, "--run", place]
    subprocess.run(command, check=True)
    results = json.loads((place / "results.json").read_text())["evaluate"]
    return {column: results[given]["accuracy"][head] for column, (given, head) in ANSWERS.items()}


def steps(folder: Path, config: str, seed: int) -> int:
    """Optimisation steps of all stages."""
    lines = (folder / f"{config}-{seed}" / "metrics.jsonl").read_text().splitlines()
    last: dict[str, int] = {}
    for record in map(json.loads, lines):
        last[record["stage"]] = max(last.get(record["stage"], 0), int(record["step"]))
    return sum(last.values())


def cell(values: list[float], reference: float) -> str:
    share = (statistics.mean(values) - CHANCE) / (reference - CHANCE)
    spread = f" ({min(values):.1f} to {max(values):.1f})" if len(values) > 1 else ""
    return f"{statistics.mean(values):.1f}{spread}, {100 * share:.0f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/backbones"))
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    results_of = {config: [run(options.runs, config, seed) for seed in range(options.seeds)] for config in CONFIGS}
    reference = {column: statistics.mean(each[column] for each in results_of["quickstart"]) for column in ANSWERS}
    print(f"| config | steps | {' | '.join(ANSWERS)} | holds |\n| --- | ---: |{' --- |' * (len(ANSWERS) + 1)}")
    for config, results in results_of.items():
        columns = {column: [each[column] for each in results] for column in ANSWERS}
        cells = [cell(values, reference[column]) for column, values in columns.items()]
        gains = [(statistics.mean(v) - CHANCE) / (reference[c] - CHANCE) for c, v in columns.items()]
        holds = "yes" if min(gains) >= SHARE else "no"
        print(f"| {config} | {steps(options.runs, config, 0)} | {' | '.join(cells)} | {holds} |")


if __name__ == "__main__":
    main()
