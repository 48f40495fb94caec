"""Fixtures of many tests: installed plugins, the tiny experiment, a folder for its clips."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from antifaz.core.discovery import discover
from antifaz.core.experiment import Experiment, read
from antifaz.registry import Plugins
from tests.support.tiny import TINY


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    return discover()


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the clips of the tiny experiment are kept during a test run."""
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def tiny_config(clips: Path) -> Path:
    path = clips / "tiny.yaml"
    path.write_text(TINY.format(root=clips / "data"))
    return path


@pytest.fixture
def tiny(tiny_config: Path, plugins: Plugins) -> Callable[..., Experiment]:
    """The tiny experiment under overrides."""

    def make(*overrides: str) -> Experiment:
        return read(tiny_config, plugins, overrides)

    return make
