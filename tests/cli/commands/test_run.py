"""`antifaz run`: the results at its end."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from antifaz.cli.app import app

CHANGES = ["stages.pretrain=!delete", "stages.finetune=!delete", "stages.evaluate.init=null", "stages.evaluate.present=[[audio]]"]


def test_small_figures_are_printed_as_they_are(tiny_config: Path, tmp_path: Path) -> None:
    command = ["run", str(tiny_config), *CHANGES, "--run", str(tmp_path / "run"), "--device", "cpu"]
    assert CliRunner().invoke(app, command).exit_code == 0
    path = tmp_path / "run" / "results.json"
    results = json.loads(path.read_text())
    results["evaluate"]["audio"]["accuracy"] |= {"audio": 4e-6, "audio_samples": 32}
    path.write_text(json.dumps(results))
    again = CliRunner().invoke(app, command)
    (row,) = [line for line in again.stdout.splitlines() if line.split()[1:2] == ["audio"]]
    assert row.split()[3] == "4e-06"
    assert "audio_samples" not in again.stdout
