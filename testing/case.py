"""The argument of every check, and the way in which a check fails."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs


@attrs.frozen
class Case:
    """The spec of an example, and its inputs (see antifaz.core.examples.Example).

    files: that its `prepare` wrote, by name.
    plugin_files: plugins named by their files, which another process has to load before it can know the spec.
    """

    spec: Any
    inputs: Any
    files: Sequence[Path] = ()
    plugin_files: Sequence[str] = ()


def require(condition: object, wrong: str, remedy: str) -> None:
    """Fail unless the condition holds. wrong: what the component does. remedy: what its author may do about it.

    Raises:
        AssertionError: with both.
    """
    if not condition:
        raise AssertionError(f"{wrong}\n    To mend it: {remedy}")
