"""The argument of every check."""

from __future__ import annotations

from typing import Any

import attrs


@attrs.frozen
class Case:
    """The spec of an example, and its inputs (see antifaz.core.examples.Example)."""

    spec: Any
    inputs: Any
