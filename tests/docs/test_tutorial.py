"""docs/tutorial.md, word for word: its commands, files and Python in order, as a reader would enter them.

Only `pip` is another: it puts the plugin into a folder of the test, without a network.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pages import blocks

PIP = """#!/bin/sh
test "$*" = "install --editable .[test]" || exit 1
exec {python} -m pip install --quiet --no-deps --no-build-isolation --target {site} .
"""
COMMAND = """#!/bin/sh
exec {python} -m {module} "$@"
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Commands of the page, for this Python; plugins that they install are found."""
    site, commands = tmp_path / "site", tmp_path / "commands"
    commands.mkdir()
    scripts = {"pip": PIP.format(python=sys.executable, site=site)}
    scripts |= {
        name: COMMAND.format(python=sys.executable, module=m) for name, m in (("antifaz", "antifaz.cli"), ("pytest", "pytest"))
    }
    for name, text in scripts.items():
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    path = os.pathsep.join((str(commands), os.environ["PATH"]))
    return {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": str(site),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "COLUMNS": "200",
    }


def entered(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def test_the_tutorial_works_as_it_is_written(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    said = []
    for language, text, file in blocks("tutorial.md"):
        if file:
            (folder / file).write_text(text)
        elif language == "sh":
            *printed, place = entered(["bash", "-ec", f"{text}\npwd"], folder, environment).splitlines()
            folder = Path(place)
            said.append("\n".join(printed))
        elif language == "python":
            said.append(entered([sys.executable, "-c", text], folder, environment))
    assert len(said) == 5
    assert " passed" in said[0]
    assert "gait/test/run/0.npy (motion)" in said[3]
    assert "('run', " in said[4]
    assert "torch.Size([48, 32])" in said[4]
