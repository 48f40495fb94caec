"""Writes figures as TensorBoard's event files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from antifaz.registry.files import writing


class TensorBoardWriter:
    """A logger whose curves are called `stage/figure`.

    Args:
        folder: of the event files, made with the first figures.
        flush_seconds: after how long figures are on the disk at the latest.
    """

    def __init__(self, folder: Path, flush_seconds: int) -> None:
        self.folder, self.flush_seconds = folder, flush_seconds
        self._writer: SummaryWriter | None = None

    def log(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        """Write the figures of a step.

        Raises:
            WriteError: a full disk, a folder that cannot be written.
        """
        with writing(self.folder):
            if self._writer is None:
                self._writer = SummaryWriter(str(self.folder), flush_secs=self.flush_seconds)
            for name, value in figures.items():
                self._writer.add_scalar(f"{stage}/{name}", value, step)

    def close(self) -> None:
        """Write what is pending and close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
