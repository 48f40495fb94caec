"""The engine's context keeps the contract by which plugins see a run; shipped loggers keep theirs."""

from __future__ import annotations

from antifaz.core.interfaces import Logger, LoggerSpec, RunContext
from antifaz.engine.context import Context
from antifaz.plugins.tensorboard.writer import TensorBoardWriter
from antifaz.registry import Plugins
from tests.support.protocols import broken_promises


def test_the_context_of_the_engine_keeps_the_contract() -> None:
    assert broken_promises(Context, RunContext) == []


def test_shipped_loggers_keep_theirs(plugins: Plugins) -> None:
    specs = [component.spec for component in plugins.catalogue if component.kind.name == "logger"]
    assert [spec for spec in specs if broken_promises(spec, LoggerSpec)] == []
    assert broken_promises(TensorBoardWriter, Logger) == []
