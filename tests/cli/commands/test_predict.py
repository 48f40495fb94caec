"""`antifaz predict`: questions that lack something."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from antifaz.cli.app import app
from antifaz.core.errors import FolderError


def test_without_files_and_sentences_there_is_nothing_to_answer(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["predict", "--run", str(tmp_path)])
    assert result.exit_code == 2
    assert "name media files, or give --text" in result.output


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    assert isinstance(CliRunner().invoke(app, ["predict", "--run", str(tmp_path), "--text", "a cat"]).exception, FolderError)
