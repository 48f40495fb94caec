"""`antifaz verify`: the table of influences, and claims that are broken."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from antifaz.cli.app import app

PLUGIN = Path(__file__).parents[2] / "support" / "planted_faults.py"


def test_what_does_not_influence_has_a_gradient_of_exactly_zero() -> None:
    result = CliRunner().invoke(app, ["verify", "quickstart"])
    assert result.exit_code == 0
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if line.startswith("│")]
    table = {row[0]: row[1:] for row in rows}
    assert table["labels.audio"] == ["influences", "none: gradient exactly 0"]
    assert table["labels.global"] == ["influences", "influences"]
    assert "pure labels.audio depends on audio alone" in result.stdout


def test_a_sample_that_lacks_a_modality_is_held_against_a_call_without_it() -> None:
    encoder = "graph.encoder={use: means, fault: AbsenceBias, in: [video, audio, fusion]}"
    result = CliRunner().invoke(app, ["verify", "quickstart", encoder, "--plugin", str(PLUGIN)])
    assert result.exit_code == 1
    assert "labels.global of a sample that lacks audio differs from a call without audio" in result.stdout
    assert "labels.video of a sample" not in result.stdout


def test_a_broken_claim_is_not_pure_and_the_exit_code_says_so() -> None:
    result = CliRunner().invoke(app, ["verify", "quickstart", "graph.encoder.mask=joint", "--json"])
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert answer["ok"] is False
    assert {claim["output"] for claim in answer["claims"] if not claim["holds"]} >= {"labels.audio", "labels.video"}
    assert answer["mixings"][0] == {"stage": "pretrain", "stream": "encoder.video", "source": "audio", "layer": 1, "layers": 4}
