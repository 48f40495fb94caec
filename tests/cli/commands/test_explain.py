"""`antifaz explain`: every value with its origin."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from antifaz.cli.app import app


def test_a_value_has_its_file_and_line_or_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        "name: base\ninputs: {audio: [64, 128]}\ngraph:\n  audio: {use: latents, tokens: 2, width: 8}\n"
    )
    (tmp_path / "top.yaml").write_text("extends: base.yaml\nname: top\n")
    lines = CliRunner().invoke(app, ["explain", str(tmp_path / "top.yaml"), "graph.audio.tokens=3"]).stdout.splitlines()
    origins = dict(line.split("  ", 1) for line in lines)
    assert origins['name = "top"'].endswith("top.yaml:2:7")
    assert origins["graph.audio.width = 8"].endswith("base.yaml:4:43")
    assert origins["graph.audio.tokens = 3"] == "command line: graph.audio.tokens=3"
