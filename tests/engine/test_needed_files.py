"""Files that specs need besides the data: the missing ones are named where the config names them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from antifaz.cli import main
from antifaz.core.experiment import read
from antifaz.engine.needed_files import missing_files
from antifaz.engine.run import require_needed_files
from antifaz.registry import ConfigError, Plugins

NOWHERE = "{use: timm_vit, file: nowhere.safetensors, part: encoder}"
TEXT = "data.paired.modalities.text={{use: words, length: 4, size: 100, vocabulary: {}}}"


def test_a_missing_file_is_named_with_its_option(plugins: Plugins, tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    experiment = read("quickstart", plugins, [TEXT.format(path)])
    (missing,) = missing_files(experiment)
    assert (missing.path, missing.section, missing.name) == (str(path), "data", "paired")
    assert str(path) in missing.problem.message
    assert missing.problem.hint.startswith("`vocabulary`: ")
    assert str(missing.location).startswith("command line: data.paired.modalities.text=")
    path.write_text("a\nb\n")
    assert missing_files(experiment) == []


def test_a_config_that_needs_none_has_none(plugins: Plugins) -> None:
    assert missing_files(read("quickstart", plugins)) == []


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *command: str) -> tuple[str, str, int]:
    """What a command prints, what it prints of mistakes, and its exit code."""
    monkeypatch.setattr("sys.argv", ["antifaz", *command])
    capsys.readouterr()
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return out, err, code


@pytest.mark.parametrize("init", [f"{{encoder: {NOWHERE}}}", "nowhere.safetensors", "{encoder: nowhere.safetensors}"])
def test_weights_of_a_later_stage_are_looked_for_before_anything_is_made(
    tiny_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], init: str
) -> None:
    change = f"stages.finetune.init={init}"
    out, _, code = said(monkeypatch, capsys, "check", str(tiny_config), change, "--json")
    assert code == 0
    assert {"stage": "finetune", "path": "nowhere.safetensors"} in json.loads(out)["missing_files"]
    root = tmp_path / "r"
    _, err, code = said(monkeypatch, capsys, "run", str(tiny_config), change, "--run", str(root), "--device", "cpu")
    assert (code, root.exists()) == (2, False)
    assert "the file nowhere.safetensors does not exist" in err
    assert "command line: stages.finetune.init=" in err


def test_weights_of_a_stage_that_is_done_are_not_looked_for(tiny_config: Path, plugins: Plugins) -> None:
    experiment = read(tiny_config, plugins, ["stages.finetune.init=nowhere.safetensors"])
    require_needed_files(experiment, ["pretrain", "finetune"])
    with pytest.raises(ConfigError, match="nowhere"):
        require_needed_files(experiment, ["pretrain"])
