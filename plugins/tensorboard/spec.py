"""TensorBoard, the logger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from antifaz.core.interfaces import RunContext
from antifaz.registry import component, option, positive

if TYPE_CHECKING:
    from .writer import TensorBoardWriter


@component("logger", "tensorboard")
@attrs.frozen(kw_only=True)
class TensorBoard:
    """Event files for TensorBoard in the run folder's `events`, a curve for each figure of each stage."""

    flush_seconds: int = option(default=120, validator=positive, doc="after how long figures are on the disk at the latest")

    def build(self, run: RunContext) -> TensorBoardWriter:
        """Build the writer; its files are made with the first figures."""
        from .writer import TensorBoardWriter

        return TensorBoardWriter(run.root / "events", self.flush_seconds)
