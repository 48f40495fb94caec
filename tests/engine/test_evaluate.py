"""Evaluation: from which weights, on what, in which order."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from antifaz import load
from antifaz.core.tokens import Features
from antifaz.engine import evaluate
from antifaz.engine.run import run_experiment


def test_an_evaluation_from_a_file_answers_like_the_run(tiny, finished: Path, tmp_path: Path) -> None:
    path = finished / "stages/finetune/weights.safetensors"
    alone = tiny("stages.pretrain=!delete", "stages.finetune=!delete", f"stages.evaluate.init={path}")
    run_experiment(alone, tmp_path / "r", device="cpu", quiet=True)
    ours, theirs = (json.loads((root / "results.json").read_text())["evaluate"] for root in (finished, tmp_path / "r"))
    assert ours == theirs
    assert load(str(tmp_path / "r")).stage == "evaluate"


def test_batches_are_joined_whether_they_say_who_is_present_or_not() -> None:
    first = {"it": Features(torch.ones(2, 3))}
    second = {"it": Features(torch.zeros(1, 3), torch.tensor([False]))}
    joined = evaluate._joined([first, second])["it"]
    assert joined.values.tolist() == [[1.0] * 3, [1.0] * 3, [0.0] * 3]
    assert joined.valid is not None
    assert joined.valid.tolist() == [True, True, False]
