"""`antifaz report`: the page of one run, and of several."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from antifaz.cli.app import app
from antifaz.core.experiment import read
from antifaz.engine.run import run_experiment


def test_one_run_is_renewed_and_several_are_compared(tiny_config: Path, plugins, tmp_path: Path) -> None:
    changes = ["stages.finetune=!delete", "stages.evaluate=!delete", "stages.pretrain.steps=1"]
    roots = [tmp_path / "a", tmp_path / "b"]
    for seed, root in enumerate(roots):
        run_experiment(read(tiny_config, plugins, [*changes, f"seed={seed}"]), root, device="cpu", quiet=True)
    (roots[0] / "report.html").unlink(missing_ok=True)
    one = CliRunner().invoke(app, ["report", str(roots[0])])
    assert one.stdout.replace("\n", "") == f"report: {roots[0] / 'report.html'}"
    assert "<h1>tiny</h1>" in (roots[0] / "report.html").read_text()
    both = CliRunner().invoke(app, ["report", *map(str, roots), "--output", str(tmp_path / "both.html")])
    assert both.exit_code == 0
    assert "<h1>2 runs side by side</h1>" in (tmp_path / "both.html").read_text()
