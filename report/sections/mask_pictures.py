"""The picture of `antifaz mask` as a data URI, and the routing in words."""

from __future__ import annotations

import tempfile
from pathlib import Path

import attrs

from antifaz.analysis.pictures import draw_routings, routed_nodes
from antifaz.core.graph.wiring import Wiring
from antifaz.report.rendering import data_uri


@attrs.frozen
class MaskPicture:
    """uri: of a PNG. nodes: name -> the different routings of its layers as text."""

    uri: str
    nodes: dict[str, tuple[str, ...]]


def mask_picture(wiring: Wiring) -> MaskPicture | None:
    """Draw the routing of a graph; None where no node routes."""
    nodes = {node.name: tuple(dict.fromkeys(routing.text() for routing in node.routings)) for node in routed_nodes(wiring)}
    if not nodes:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mask.png"
        draw_routings(wiring, path)
        return MaskPicture(data_uri("image/png", path.read_bytes()), nodes)
