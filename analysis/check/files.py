"""Files that a config names and that are not on this machine: a run would refuse to begin."""

from __future__ import annotations

import attrs

from antifaz.core.experiment import Experiment
from antifaz.core.experiment.needed_files import missing_files


@attrs.frozen
class FileReport:
    """A missing file, and the data set that needs it."""

    data: str
    path: str

    @property
    def text(self) -> str:
        return f"data {self.data}: {self.path} is not on this machine"


def report_missing_files(experiment: Experiment) -> tuple[FileReport, ...]:
    """Every missing file once for each data set that needs it."""
    return tuple(dict.fromkeys(FileReport(file.data, file.path) for file in missing_files(experiment)))
