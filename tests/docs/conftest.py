"""Commands of pages that are entered word for word.

Only `pip` is another: it puts the plugin into a folder of the test, without a network.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

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
