"""`antifaz mask`: routings as text and as a picture."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from antifaz.cli.app import app


def test_every_routed_node_is_printed_with_its_different_layers(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "mask.png"
    result = CliRunner().invoke(app, ["mask", "quickstart", "--png", str(path)])
    lines = result.stdout.splitlines()
    assert lines[1:4] == ["  video  reads video", "  audio  reads audio", "  fusion reads video, audio, fusion"]
    assert [line.partition(" ")[0] for line in lines if line and not line.startswith((" ", "/", "picture"))][:2] == [
        "encoder",
        "pooled",
    ]
    assert path.read_bytes().startswith(b"\x89PNG")
