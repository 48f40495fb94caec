"""`antifaz new`: the files of a plugin."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from antifaz.cli.app import app


def test_the_files_are_listed_with_what_to_do_next(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["new", "my-mask", "--kind", "mask", "--folder", str(tmp_path)])
    files, _, following = result.stdout.partition("\n\nnext:\n")
    root = tmp_path / "my-mask"
    assert set(files.splitlines()) == {str(path) for path in root.rglob("*") if path.is_file()}
    first, second, _ = following.splitlines()
    assert first.startswith(f"  cd {root} && pip install --editable '.[test]' && pytest")
    assert second.startswith(f"  edit {root / 'src/my_mask/mask.py'}")


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    error = CliRunner().invoke(app, ["new", "mine", "--kind", "mask", "--folder", str(tmp_path)]).exception
    assert "already exists" in str(error)
    assert list((tmp_path / "mine").iterdir()) == []
