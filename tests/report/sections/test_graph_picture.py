"""The picture of a graph."""

from __future__ import annotations

from antifaz.report.sections.graph_picture import TIMES, graph_picture

ENCODER = {"video": 8, "audio": 4, "fusion": 2}


def test_the_graph_is_drawn_from_top_to_bottom(tiny) -> None:
    wiring = tiny().wiring
    drawn = graph_picture(wiring)
    boxes = {box.title: box for box in drawn.boxes}
    assert set(boxes) == {*wiring.nodes, "batch.video", "batch.audio"}
    for node in wiring.nodes.values():
        for wire in node.wires:
            source = boxes[wire.reference if wire.node == "batch" else wire.node]
            assert source.y + source.height < boxes[node.name].y
    for a in drawn.boxes:
        assert a.x >= 0
        assert a.x + a.width <= drawn.width
        assert a.y + a.height <= drawn.height
        for b in drawn.boxes:
            assert a is b or a.x + a.width <= b.x or b.x + b.width <= a.x or a.layer != b.layer
    assert boxes["encoder"].rows == tuple(f"{name}: {tokens} tokens{TIMES}16" for name, tokens in ENCODER.items())
