"""The run folder: one run of one config, one process at a time, and nothing else is ever deleted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from antifaz.core.errors import FolderError
from antifaz.engine.run_folder import CONFIG, MARK, PARTS, RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def test_a_new_folder_has_the_config_and_where_it_is_from(folder: RunFolder) -> None:
    folder.open("seed: 1\n", [("seed", 1, "a.yaml:1:7")], fresh=False)
    assert folder.config.read_text() == "seed: 1\n"
    assert json.loads(folder.origins.read_text()) == [["seed", 1, "a.yaml:1:7"]]
    assert (folder.root / MARK).is_file()
    folder.require_run()


def test_the_same_config_goes_on_and_another_is_refused(folder: RunFolder) -> None:
    folder.open("seed: 1\n", fresh=False)
    folder.close()
    folder.open("seed: 1\n", [("seed", 1, "elsewhere")], fresh=False)
    assert json.loads(folder.origins.read_text()) == []
    folder.close()
    with pytest.raises(FolderError, match="holds a run of another config") as refused:
        folder.open("seed: 2\n", fresh=False)
    assert "--fresh" in str(refused.value.hint)


def test_a_folder_of_other_things_is_refused(folder: RunFolder) -> None:
    folder.root.mkdir()
    (folder.root / "thesis.tex").write_text("mine")
    with pytest.raises(FolderError, match="is not empty and holds no run"):
        folder.open("seed: 1\n", fresh=True)
    assert [path.name for path in folder.root.iterdir()] == ["thesis.tex"]
    with pytest.raises(FolderError, match=r"config\.yaml"):
        folder.require_run()


def test_fresh_deletes_the_run_and_nothing_else(folder: RunFolder) -> None:
    folder.open("seed: 1\n", fresh=False)
    folder.mark_done("train", {"steps": 3})
    folder.log({"stage": "train", "step": 1})
    (folder.root / "notes.txt").write_text("mine")
    folder.close()
    folder.open("seed: 2\n", fresh=True)
    assert folder.config.read_text() == "seed: 2\n"
    assert sorted(path.name for path in folder.root.iterdir()) == [MARK, CONFIG, "notes.txt", "origins.json"]


def test_the_config_is_deleted_last() -> None:
    assert PARTS[-1] == CONFIG


def test_a_second_process_is_refused_until_the_first_has_closed(folder: RunFolder) -> None:
    code = (
        "import sys; from pathlib import Path; from antifaz.engine.run_folder import RunFolder\n"
        "RunFolder(Path(sys.argv[1])).open('seed: 1\\n', fresh=False)"
    )

    def other() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", code, str(folder.root)], capture_output=True, text=True)

    folder.open("seed: 1\n", fresh=False)
    assert "another process is at work" in other().stderr
    folder.close()
    assert other().returncode == 0


def test_stages_are_done_once_they_say_so(folder: RunFolder) -> None:
    assert not folder.is_done("train")
    folder.mark_done("train", {"steps": 3})
    assert folder.is_done("train")
    assert json.loads((folder.stage("train") / "done.json").read_text()) == {"steps": 3}
    assert folder.weights("train") == folder.root / "stages/train/weights.safetensors"
    assert folder.read_results() == {}


def test_lines_after_the_checkpoint_are_forgotten(folder: RunFolder) -> None:
    folder.open("seed: 1\n", fresh=False)
    records = [{"stage": "a", "step": 9}, {"stage": "b", "step": 1}, {"stage": "b", "step": 2}, {"stage": "b", "step": 3}]
    for record in [*records, {"stage": "b", "step": 2, "validation/all/m/f": 1.0}]:  # validated after the checkpoint, and again
        folder.log(record)
    with open(folder.metrics, "a") as file:
        file.write('{"stage": "b", "st')  # the process was killed here
    folder.forget_metrics_after("b", 2)
    assert [json.loads(line) for line in folder.metrics.read_text().splitlines()] == records[:3]


def test_warnings_are_lines_with_their_stage(folder: RunFolder) -> None:
    folder.open("seed: 1\n", fresh=False)
    folder.warn("train", "look here")
    folder.warn("test", "and there")
    lines = [json.loads(line) for line in folder.warnings.read_text().splitlines()]
    assert lines == [{"stage": "train", "text": "look here"}, {"stage": "test", "text": "and there"}]
