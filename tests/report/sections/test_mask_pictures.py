"""The picture of the routing in the page."""

from __future__ import annotations

import base64

from antifaz.core.experiment import read
from antifaz.report.sections.mask_pictures import mask_picture


def test_the_picture_is_a_png_with_its_routings_in_words(plugins) -> None:
    drawn = mask_picture(read("quickstart", plugins).wiring)
    kind, _, content = drawn.uri.partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(content).startswith(b"\x89PNG")
    assert set(drawn.nodes) == {"encoder", "pooled"}
    assert drawn.nodes["encoder"] == ("video  reads video\naudio  reads audio\nfusion reads video, audio, fusion",)


def test_a_graph_that_routes_nothing_has_no_picture(plugins, tmp_path) -> None:
    path = tmp_path / "plain.yaml"
    graph = "{audio: {use: spectrogram_patches, in: batch.audio, patch: [64, 8], width: 64}}"
    path.write_text(f"name: plain\ninputs: {{audio: [64, 128]}}\ngraph: {graph}")
    assert mask_picture(read(path, plugins).wiring) is None
