"""Measure what contrastive pre-training and the mask are worth, on clips that no choice was made on: three seeds, one table.

Variants: `quickstart`; `scratch` (the same few labels, no pre-training); `scratch, equal compute` (as many steps as both stages);
`quickstart-joint`. Run it with the package installed; it takes about 25 minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

FRESH_CLIPS = [f"data.{name}.seed=1" for name in ("paired", "paired_test", "few_labels", "test")]
NO_PRETRAINING = ["stages.pretrain=!delete", "stages.retrieval=!delete", "stages.finetune.init=!delete"]
VARIANTS = {
    "quickstart": ["quickstart"],
    "scratch": ["quickstart", *NO_PRETRAINING],
    "scratch, equal compute": ["quickstart", *NO_PRETRAINING, "stages.finetune.steps=600", "stages.finetune.schedule.warmup=60"],
    "quickstart-joint": ["quickstart-joint"],
}
SEEDS = (0, 1, 2)
OUTPUTS = ("audio", "video", "late", "fusion", "global", "mean")
RETRIEVAL = ("forward_R@1", "forward_R@10", "chance@1", "chance@10")


def run(folder: Path, variant: str, seed: int) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """One run's results.json; a run that is over already is not repeated."""
    place = folder / f"{variant.replace(', ', '-').replace(' ', '-')}-{seed}"
    arguments = [*VARIANTS[variant], f"seed={seed}", *FRESH_CLIPS]
    deleted = "stages.retrieval=!delete" in arguments
    arguments = [a for a in arguments if not (deleted and a.startswith(("data.paired.", "data.paired_test.")))]
    subprocess.run([Path(sys.executable).with_name("antifaz"), "run", *arguments, "--run", place], check=True)
    results: dict[str, dict[str, dict[str, dict[str, float]]]] = json.loads((place / "results.json").read_text())
    return results


def row(name: str, values: list[list[float]]) -> str:
    cells = [f"{statistics.mean(column):.1f} ({min(column):.1f} to {max(column):.1f})" for column in values]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/study"))
    parser.add_argument("--output", type=Path, default=Path("runs/study/tables.md"))
    options = parser.parse_args()
    results_of = {variant: [run(options.runs, variant, seed) for seed in SEEDS] for variant in VARIANTS}
    lines = [f"Accuracy in percent with both modalities given, mean of {len(SEEDS)} seeds (lowest to highest).", ""]
    lines += [f"| variant | {' | '.join(OUTPUTS)} |", f"| --- |{' --- |' * len(OUTPUTS)}"]
    for variant, results in results_of.items():
        figures = [r["evaluate"]["audio+video"]["accuracy"] for r in results]
        lines.append(row(variant, [[f[output] for f in figures] for output in OUTPUTS]))
    lines += ["", "Audio-to-video retrieval, each side embedded by a call that is given that modality alone.", ""]
    lines += [f"| variant | {' | '.join(RETRIEVAL)} |", f"| --- |{' --- |' * len(RETRIEVAL)}"]
    for variant in ("quickstart", "quickstart-joint"):
        figures = [next(iter(r["retrieval"].values()))["audio_to_video"] for r in results_of[variant]]
        lines.append(row(variant, [[f[name] for f in figures] for name in RETRIEVAL]))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
