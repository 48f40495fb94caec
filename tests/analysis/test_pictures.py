"""Pictures of masks: blocks of streams of bounded size, for every shipped model within a bounded memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from antifaz.analysis.pictures import LARGEST_BLOCK, block_sizes, different_routings, draw_routings, routed_nodes
from antifaz.core.experiment import read

LIMIT = 2 * 2**30
"""Bytes of memory that a process may allocate; importing torch and matplotlib and reading the configs takes about a third of it."""
DRAW_EVERYTHING = """
import resource, sys
from pathlib import Path
from antifaz.analysis.pictures import draw_routings
from antifaz.core.discovery import discover
from antifaz.configs import shipped_names
from antifaz.core.experiment import read
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[1]), int(sys.argv[1])))
plugins = discover()
for name in shipped_names():
    try:
        draw_routings(read(name, plugins).wiring, Path(sys.argv[2]) / "mask.png")
    except MemoryError:
        sys.exit(f"no memory for {name}")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of a process's memory is Linux's")
def test_the_masks_of_all_shipped_configs_are_drawn_in_bounded_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DRAW_EVERYTHING, str(LIMIT), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_stream_of_many_tokens_is_a_block_of_bounded_size(plugins) -> None:
    wiring = read("models/perceiver-flow", plugins).wiring
    largest = 0
    for node in routed_nodes(wiring):
        for routing in different_routings(node):
            readers, sources = block_sizes(node, routing)
            largest = max(largest, *readers.values(), *sources.values())
            assert tuple(sources) == routing.sources
    assert largest == LARGEST_BLOCK


CAUSAL = """
name: causal
inputs: {audio: [64, 4096]}
graph:
  audio: {use: spectrogram_patches, in: batch.audio, patch: [64, 8], width: 64}
  encoder: {use: vit, in: audio, mask: {use: routes, audio: [audio]}, depth: 2, heads: 2}
"""


def test_the_blocks_of_small_streams_have_a_cell_for_each_token(plugins) -> None:
    wiring = read("quickstart", plugins).wiring
    encoder = wiring.nodes["encoder"]
    (routing,) = different_routings(encoder)
    readers, sources = block_sizes(encoder, routing)
    tokens = {name: stream.tokens for name, stream in encoder.inputs.items()}
    assert readers == sources == {name: min(count, LARGEST_BLOCK) for name, count in tokens.items()}
    pooled = wiring.nodes["pooled"]
    queries, _ = block_sizes(pooled, pooled.routings[0])
    assert len(set(queries.values())) == 1


def test_a_causal_edge_is_a_triangle_in_the_picture(plugins, tmp_path: Path) -> None:
    import attrs
    from matplotlib.image import imread

    from antifaz.core.routing import Edge, Routing

    path = tmp_path / "causal.yaml"
    path.write_text(CAUSAL)
    wiring = read(path, plugins).wiring
    shares = {}
    for edge in Edge:
        encoder = attrs.evolve(wiring.nodes["encoder"], routings=(Routing({"audio": {"audio": edge}}),))
        draw_routings(attrs.evolve(wiring, nodes={"encoder": encoder}), tmp_path / "mask.png")
        red = torch.from_numpy(imread(tmp_path / "mask.png"))[..., 0]
        shares[edge] = float(((red > 0.05) & (red < 0.6)).float().mean())  # the green of what is read
    assert shares[Edge.CAUSAL] / shares[Edge.FULL] == pytest.approx(0.5, abs=0.05)
