"""`antifaz predict`: questions that lack something."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer import BadParameter
from typer.testing import CliRunner

from antifaz.cli.app import app
from antifaz.cli.commands.predict import samples_of, shown
from antifaz.core.errors import FolderError


def test_without_files_and_sentences_there_is_nothing_to_answer(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["predict", "--run", str(tmp_path)])
    assert result.exit_code == 2
    assert "name files, or give --text" in result.output


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    assert isinstance(CliRunner().invoke(app, ["predict", "--run", str(tmp_path), "--text", "a cat"]).exception, FolderError)


def test_pairs_are_one_sample_and_files_one_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert samples_of(["a.wav", "b.wav"]) == ["a.wav", "b.wav"]
    assert samples_of(["audio=a.wav", "imu=x=1.npy"]) == [{"audio": "a.wav", "imu": "x=1.npy"}]
    (tmp_path / "rate=16.wav").touch()
    assert samples_of(["rate=16.wav", "b.wav"]) == ["rate=16.wav", "b.wav"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["a.wav", "imu=b.npy"], "a.wav has no name"),
        (["imu=a.npy", "imu=b.npy"], "a name is given twice"),
        (["imu="], "with a name and a file"),
        (["=b.npy"], "with a name and a file"),
    ],
)
def test_pairs_that_make_no_sample_are_refused(given: list[str], message: str) -> None:
    with pytest.raises(BadParameter, match=message):
        samples_of(given)


def test_few_numbers_are_printed_and_many_counted() -> None:
    assert shown([0.25]) == "0.25"
    assert shown([1234.5678, -2.0, 1e-9, 0.5]) == "1234.57, -2, 1e-09, 0.5"
    assert shown([0.0] * 5) == "vector of 5"
    assert shown([[0.0], [1.0]]) == "2 vectors"
