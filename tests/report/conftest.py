"""A finished run of the tiny experiment, and a copy of it to damage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from antifaz.core.experiment import read
from antifaz.engine.run import run_experiment


@pytest.fixture(scope="package")
def finished(tiny_config: Path, plugins, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report") / "tiny"
    run_experiment(read(tiny_config, plugins), root, device="cpu", quiet=True)
    return root


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A run that a test may damage."""
    return Path(shutil.copytree(finished, tmp_path / "copied", ignore=shutil.ignore_patterns("checkpoints", "events")))
