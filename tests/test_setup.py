"""The built package has every room and every file that the checkout has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ["registry", "core", "layers", "data", "engine", "analysis", "report", "testing", "cli", "plugins", "configs"]
KEPT_OUT = {".pyc", ".json"}
"""What Python and `make install` write beside the sources."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the package, as a wheel has them."""
    folder = tmp_path_factory.mktemp("built")
    command = ["setup.py", "-q", "egg_info", "--egg-base", str(folder), "build_py", "--build-lib", str(folder / "lib")]
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True, capture_output=True)
    return folder / "lib/antifaz"


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.suffix not in KEPT_OUT}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_whole(built: Path, room: str) -> None:
    assert files(built / room) == files(ROOT / room)


def test_the_top_is_the_folder_api(built: Path) -> None:
    assert sorted(path.name for path in built.iterdir()) == sorted(["__init__.py", "py.typed", *ROOMS])
