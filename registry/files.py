"""The one way in which files are written: whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import WriteError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into words.

    Raises:
        WriteError: a full disk, a folder that cannot be written.
    """
    try:
        yield
    except OSError as error:
        full = "free some space and give the same command again; the run goes on from its last complete checkpoint"
        raise WriteError.of(path, error, hint="choose another folder with --run DIR", full=full) from None


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace a file as a whole: a reader sees the old content or the new one, also after a crash."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with open(temporary, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
