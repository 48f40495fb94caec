"""Errors for data, weights or a run that are not as the config says. One exception type per kind of mistake."""

from __future__ import annotations

from antifaz.registry import AntifazError, Location


class DataError(AntifazError):
    """Data that cannot be used as the config says: unreadable files beyond the limit, too few samples, files without modalities."""


class IndexFileError(DataError):
    """A table of files and labels that cannot be read, or says what cannot be."""


class RunError(AntifazError):
    """A run that cannot start or go on."""


class ComponentError(RunError):
    """Code of a component that raised, or broke its contract. location: in the config. trace: Python's, of any process."""

    def __init__(self, message: str, *, hint: str | None = None, location: Location | None = None, trace: str = "") -> None:
        super().__init__(message, hint=hint)
        self.location, self.trace = location, trace

    def __str__(self) -> str:
        return f"{self.location}: {super().__str__()}" if self.location else super().__str__()


class DeviceError(RunError):
    """A device that is not known, or not there."""


class FolderError(RunError):
    """A run folder that holds something else than the run that was asked for."""


class WeightsError(RunError):
    """Weights or checkpoints that cannot be read, or do not fit the graph."""


class DivergedError(RunError):
    """Numbers that are no longer finite in training."""

    shared = True
