"""The record of a run: values with their origins."""

from __future__ import annotations

import json
from pathlib import Path

from antifaz.engine.run import run_experiment
from antifaz.report.run_record import read_run


def test_every_value_of_the_config_is_there_with_its_origin(finished: Path, tiny_config: Path) -> None:
    origins = json.loads((finished / "origins.json").read_text())
    assert ["stages.pretrain.steps", 6] in [origin[:2] for origin in origins]
    line = next(i for i, text in enumerate(tiny_config.read_text().splitlines(), 1) if text == "    steps: 6")
    assert next(place for key, _, place in origins if key == "stages.pretrain.steps").endswith(f"tiny.yaml:{line}:12")


def test_an_override_is_an_origin_and_stays_one(tiny, tmp_path: Path) -> None:
    override = "stages.finetune=!delete", "stages.evaluate=!delete", "stages.pretrain.steps=2"
    for _ in range(2):  # a second start of the same run changes nothing
        run_experiment(tiny(*override), tmp_path / "r", device="cpu", quiet=True)
        record = read_run(tmp_path / "r")
        assert (
            next(place for key, _, place in record.origins if key == "stages.pretrain.steps")
            == "command line: stages.pretrain.steps=2"
        )
    run_experiment(tiny(*override, "seed=1"), tmp_path / "r", device="cpu", quiet=True, fresh=True)
    assert ("seed", 1, "command line: seed=1") in read_run(tmp_path / "r").origins


def test_parts_that_are_missing_or_damaged_are_noted(copied: Path) -> None:
    (copied / "data.json").unlink()
    (copied / "results.json").write_text("[1, 2")
    record = read_run(copied, wired=False)
    assert record.missing == {"data": "no data set was opened yet", "results": "results.json is damaged"}
    assert [stage.name for stage in record.stages] == ["pretrain", "finetune", "evaluate"]
    assert [stage.trained for stage in record.stages[:2]] == [6, 4]
    assert record.experiment is None
