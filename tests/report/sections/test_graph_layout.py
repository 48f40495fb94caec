"""Boxes in layers, and edges that bend where they pass one."""

from __future__ import annotations

from antifaz.report.sections.graph_layout import BEND, Box, curve, lay_out


def boxes_of(*names: str) -> dict[str, Box]:
    return {name: Box(name, "", (), "node", width=40.0, height=20.0) for name in names}


def test_a_long_edge_bends_in_every_layer_that_it_passes() -> None:
    boxes = boxes_of("data", "first", "second", "last")
    edges = [("data", "first"), ("first", "second"), ("second", "last"), ("data", "last")]
    layout = lay_out(boxes, edges)
    assert [box.layer for box in boxes.values()] == [0, 1, 2, 3]
    long = layout.routes["data", "last"]
    assert [(box.kind, box.layer, box.width) for box in long[1:-1]] == [("bend", 1, BEND), ("bend", 2, BEND)]
    assert curve(long).count("C") == 3
    assert curve(long).startswith(f"M{boxes['data'].middle:.1f} {boxes['data'].y + 20:.1f}")


def test_a_box_that_reads_nothing_stands_just_above_its_reader() -> None:
    boxes = boxes_of("data", "first", "second", "latents", "last")
    lay_out(boxes, [("data", "first"), ("first", "second"), ("second", "last"), ("latents", "last")])
    assert boxes["latents"].layer == boxes["last"].layer - 1 == 2


def test_an_order_without_crossings_is_found() -> None:
    boxes = boxes_of("a", "b", "c", "to_c", "to_b", "to_a")
    lay_out(boxes, [("a", "to_a"), ("b", "to_b"), ("c", "to_c")])
    above = sorted("abc", key=lambda name: boxes[name].x)
    below = sorted("abc", key=lambda name: boxes[f"to_{name}"].x)
    assert above == below


def test_an_empty_graph_has_a_size() -> None:
    assert (lay_out({}, []).width, lay_out({}, []).height) == (2.0, 2.0)
