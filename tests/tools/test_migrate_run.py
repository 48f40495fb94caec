"""The migration of configs that were written before the optimizer was a component."""

from __future__ import annotations

import sys
from pathlib import Path

import migrate_run
import pytest

from antifaz.core.discovery import discover
from antifaz.core.experiment import read
from antifaz.registry import load_document

OLD = """
name: old
inputs: {text: {shape: [4], below: 9}, video: [3, 8, 32, 32]}
published: {source: a paper, flops: 1.0e+9, convention: vatt-paper}
stages:
  first:
    task: train
    clip: 2.0
    optimizer: {lr: 0.1, method: sgd, momentum: 0.8, schedule: quarter_cosine, warmup: 3, final: 0.5}
  second:
    task: evaluate
    metrics: {it: {use: retrieval, in: [a, b], given: {query: [text]}, views: softmax}}
"""
NEW = {
    "name": "old",
    "inputs": {"text": {"shape": [4], "vocab_size": 9}, "video": [3, 8, 32, 32]},
    "published": {"source": "a paper", "flops": 1e9, "counted_by": "vatt-paper"},
    "stages": {
        "first": {
            "task": "train",
            "grad_clip": 2.0,
            "optimizer": {"use": "sgd", "lr": 0.1, "momentum": 0.8},
            "schedule": {"use": "quarter_cosine", "warmup": 3, "min_lr_ratio": 0.5},
        },
        "second": {
            "task": "evaluate",
            "metrics": {"it": {"use": "retrieval", "in": ["a", "b"], "present": {"query": ["text"]}, "average_views": "softmax"}},
        },
    },
}


def test_every_word_that_changed_is_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(OLD)
    assert migrate_run.migrate(load_document(path).data) == NEW
    assert migrate_run.migrate(NEW) == NEW


def test_values_that_are_no_mappings_are_left_for_check_to_name() -> None:
    wrong = {"inputs": 3, "stages": {"a": None, "b": {"metrics": [1], "optimizer": "adamw"}}, "published": None}
    assert migrate_run.migrate(wrong) == wrong


def test_the_command_rewrites_a_run_once_and_keeps_what_it_was(tmp_path: Path, tiny_config: Path, capsys, monkeypatch) -> None:
    today = "optimizer: {use: adamw, lr: 0.001}\n    schedule: {use: cosine, warmup: 2}"
    assert today in tiny_config.read_text()
    text = tiny_config.read_text().replace(today, "optimizer: {lr: 0.001, warmup: 2}")
    (tmp_path / "config.yaml").write_text(text)
    monkeypatch.setattr(sys, "argv", ["migrate_run.py", str(tmp_path)])
    migrate_run.main()
    assert (tmp_path / "config.yaml.before").read_text() == text
    expected, migrated = read(tiny_config, discover()), read(tmp_path / "config.yaml", discover())
    assert migrated.stages == expected.stages
    migrate_run.main()
    assert "nothing to change" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "not a run folder"), ("name: [x\n", "config.yaml:"), ("extends: quickstart\n", "extends another file")],
)
def test_what_is_no_config_of_a_run_is_left_alone(tmp_path: Path, monkeypatch, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "config.yaml").write_text(text)
    monkeypatch.setattr(sys, "argv", ["migrate_run.py", str(tmp_path)])
    with pytest.raises(SystemExit, match=message):
        migrate_run.main()
    assert text is None or (tmp_path / "config.yaml").read_text() == text
