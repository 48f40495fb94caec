"""A finished run of the tiny experiment, for every test of this room."""

from __future__ import annotations

from pathlib import Path

import pytest

from antifaz.core.experiment import read
from antifaz.engine.run import run_experiment


@pytest.fixture(scope="package")
def finished(tiny_config: Path, plugins, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the finished run."""
    root = tmp_path_factory.mktemp("run") / "tiny"
    run_experiment(read(tiny_config, plugins), root, device="cpu", quiet=True)
    return root
