"""The run folder: one place for the config, the environment, logs, checkpoints, weights and results of a run.

config.yaml         what was run, resolved (written once; the same command continues the run, another config is refused)
origins.json        where each value of the config was written: [key, value, place]
environment.json    versions of Python, packages and plugins, hardware
data.json           what each data set held: samples, found, missing; unreadable: as many as the run met, or the set knew
metrics.jsonl       one line per logged step or evaluation
warnings.jsonl      what the run told the person to look at
events/             what loggers and callbacks write: TensorBoard's files
stages/NAME/        checkpoints/step-N/ (and best-N.safetensors, where the best weights are asked for), and weights.safetensors and
                    done.json when it is over; of an evaluation details.json
results.json        every figure of the evaluate stages
report.html         all of this for people, in one file
.antifaz-run        marks the folder as a run: in no other folder is anything ever deleted
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from antifaz.core.errors import FolderError
from antifaz.registry.files import write_atomically, writing

MARK = ".antifaz-run"

VALIDATION = "validation/"
"""Figures of evaluations while a stage trains begin with it in metrics.jsonl."""


CONFIG = "config.yaml"


PARTS = (
    "stages",
    "events",
    "metrics.jsonl",
    "warnings.jsonl",
    "results.json",
    "data.json",
    "environment.json",
    "report.html",
    "origins.json",
    CONFIG,
)
"""Everything that belongs to a run, in the order in which `fresh` deletes it: a run without its config would be taken for new."""


class RunFolder:
    """Paths and small files of one run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._claim: BinaryIO | None = None

    @property
    def config(self) -> Path:
        return self.root / CONFIG

    @property
    def results(self) -> Path:
        return self.root / "results.json"

    @property
    def origins(self) -> Path:
        return self.root / "origins.json"

    @property
    def warnings(self) -> Path:
        return self.root / "warnings.jsonl"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def events(self) -> Path:
        return self.root / "events"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.jsonl"

    def stage(self, name: str) -> Path:
        return self.root / "stages" / name

    def checkpoints(self, stage: str) -> Path:
        return self.stage(stage) / "checkpoints"

    def weights(self, stage: str) -> Path:
        return self.stage(stage) / "weights.safetensors"

    def details(self, stage: str) -> Path:
        return self.stage(stage) / "details.json"

    def open(self, resolved: str, origins: Sequence[tuple[str, Any, str]] = (), *, fresh: bool) -> None:
        """Start the run here, or go on with it.

        resolved: the config as one YAML text. origins: key, value and place of everything in it.

        Raises:
            WriteError: the folder cannot be written.
            FolderError: it holds another config, or other files and no run; another process is at work in it.
        """
        mark = self.root / MARK
        if not mark.exists():
            if self.root.is_dir() and any(p.name[0] != "." for p in self.root.iterdir()):
                raise FolderError(f"{self.root} is not empty and holds no run", hint="choose another folder with --run DIR")
            write_atomically(mark, "a run of antifaz; `antifaz run --fresh` deletes it\n")
        self._claim = self._claimed(mark)
        if fresh:
            self._clear()
        if self.config.exists():
            if self.config.read_text(encoding="utf-8") != resolved:
                raise FolderError(
                    f"{self.root} holds a run of another config ({self.config})",
                    hint="choose another folder with --run DIR, or start over in this one with --fresh",
                )
            return
        write_atomically(self.origins, json.dumps([list(origin) for origin in origins], indent=0) + "\n")
        write_atomically(self.config, resolved)

    def close(self) -> None:
        """Let other processes work here."""
        if self._claim is not None:
            self._claim.close()
            self._claim = None

    def _claimed(self, mark: Path) -> BinaryIO | None:
        """Return the mark, locked for this process; None where the system or the disk knows no locks.

        A record lock: it ends with the process, however that ends, and loader processes do not inherit it.
        """
        try:
            import fcntl
        except ImportError:
            return None
        with writing(mark):
            file = open(mark, "r+b")  # noqa: SIM115 - open as long as the run is
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            if error.errno in (errno.EACCES, errno.EAGAIN):
                hint = "wait for it or stop it, or choose another folder with --run DIR"
                raise FolderError(f"another process is at work in {self.root}", hint=hint) from None
            return None
        return file

    def require_run(self) -> None:
        """Refuse a folder that holds no run, with FolderError."""
        if not self.config.is_file():
            message = f"{self.root} is not a run folder: it has no config.yaml"
            raise FolderError(message, hint="name a folder that `antifaz run` has made, as runs/NAME")

    def _clear(self) -> None:
        """Delete the run, and nothing else that lies in the folder."""
        with writing(self.root):
            for part in PARTS:
                path = self.root / part
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)

    def is_done(self, stage: str) -> bool:
        return (self.stage(stage) / "done.json").exists()

    def mark_done(self, stage: str, summary: dict[str, Any]) -> None:
        write_atomically(self.stage(stage) / "done.json", json.dumps(summary, indent=2) + "\n")

    def read_results(self) -> dict[str, Any]:
        results: dict[str, Any] = json.loads(self.results.read_text(encoding="utf-8")) if self.results.exists() else {}
        return results

    def forget_metrics_after(self, stage: str, step: int) -> None:
        """Drop the lines that a stopped run wrote after the checkpoint from which it goes on.

        A stage is validated after the checkpoint of a step, and is so again.
        """
        if not self.metrics.exists():
            return
        kept = []
        for line in self.metrics.read_text(encoding="utf-8").splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:  # the line that was being written when the run was killed
                continue
            validated = any(name.startswith(VALIDATION) for name in record)
            if record["stage"] != stage or record["step"] < step or (record["step"] == step and not validated):
                kept.append(line)
        write_atomically(self.metrics, "".join(f"{line}\n" for line in kept))

    def log(self, record: dict[str, Any]) -> None:
        """Append one line to metrics.jsonl."""
        _append(self.metrics, record)

    def warn(self, stage: str, text: str) -> None:
        """Append one line to warnings.jsonl."""
        _append(self.warnings, {"stage": stage, "text": text})


def _append(path: Path, record: dict[str, Any]) -> None:
    with writing(path), open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
