"""`antifaz new`: the files of a plugin."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from antifaz.cli.app import app


def test_the_files_are_listed_with_what_to_do_next(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["new", "my-mask", "--kind", "mask", "--folder", str(tmp_path)])
    lines = result.stdout.splitlines()
    written = {str(path) for path in (tmp_path / "my-mask").rglob("*") if path.is_file()}
    assert set(lines[:-1]) == written
    assert lines[-1].startswith(f"next: cd {tmp_path / 'my-mask'} && pip install")


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    error = CliRunner().invoke(app, ["new", "mine", "--kind", "mask", "--folder", str(tmp_path)]).exception
    assert "already exists" in str(error)
    assert list((tmp_path / "mine").iterdir()) == []
