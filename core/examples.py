"""Examples: a tiny instance of a component and what it is fed, for the conformance kit. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from .streams import Group

FOLDER = "$FOLDER"
"""Stands for the temporary folder in an example's text."""


@attrs.frozen
class Example:
    """A tiny member of a family; a plugin lists its own in the hook `antifaz_examples`.

    kind: of the component: backbone, mask, ...
    text: the component as YAML, as a config would name it: `zorro`, or `{use: vit, mask: zorro, depth: 2, heads: 2}`.
    inputs: what arrives. For nodes of a graph, masks and batch transforms a group by name; for objectives and metrics a group for
    each argument; for transforms the one value that they change; nothing for latents, decoders, data sets and weights.
    prepare: writes the few files that a data set, weights or a decoder of files reads, into the folder that `$FOLDER` stands for.
    """

    kind: str
    text: str
    inputs: Group | Mapping[str, Group] = attrs.Factory(dict)
    prepare: Callable[[Path], None] | None = None
