"""Who reads whom, as the picture of `antifaz mask` in a data URI, and in words."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path

import attrs

from antifaz.analysis.pictures import draw, routed_nodes
from antifaz.core.graph.wiring import Wiring


@attrs.frozen
class MaskPicture:
    """uri: of a PNG. nodes: name -> the different routings of its layers as text."""

    uri: str
    nodes: dict[str, tuple[str, ...]]


def mask_picture(wiring: Wiring) -> MaskPicture | None:
    """None where no node routes."""
    nodes = {node.name: tuple(dict.fromkeys(routing.text() for routing in node.routings)) for node in routed_nodes(wiring)}
    if not nodes:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mask.png"
        draw(wiring, path)
        return MaskPicture(data_uri("image/png", path.read_bytes()), nodes)


def data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
