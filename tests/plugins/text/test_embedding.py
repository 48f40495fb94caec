"""The embedding of ids: what it computes, what it learns, and which weights it takes."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from antifaz.core.errors import WeightsError
from antifaz.core.experiment import read
from antifaz.core.graph.module import Graph, build_graph
from antifaz.core.streams import Shape
from antifaz.engine.training.initialization import initialize
from antifaz.plugins.text.embedding import TokenEmbedder
from antifaz.plugins.text.spec import TokenEmbedding
from antifaz.registry import SpecError

IDS = torch.tensor([[5, 4, 0], [6, 0, 0], [0, 0, 0]])


def test_tokens_are_rows_of_the_table_plus_positions() -> None:
    torch.manual_seed(0)
    module = TokenEmbedder(7, 3, 4)
    tokens = module(IDS, torch.tensor([True, False, True]))
    assert torch.equal(tokens.values[0, 0], module.table[5] + module.positions[0])
    assert torch.equal(tokens.values[1, 1], module.table[0] + module.positions[1])
    assert tokens.valid.tolist() == [[True, True, False], [False] * 3, [False] * 3]
    assert module(IDS).valid.tolist() == [[True, True, False], [True, False, False], [False] * 3]


def test_a_frozen_table_is_projected_and_no_parameter() -> None:
    module = TokenEmbedder(7, 3, 4, table=5, frozen=True, positions=False)
    assert {name: tuple(p.shape) for name, p in module.named_parameters()} == {"project.weight": (4, 5)}
    expected = F.gelu(module.table[IDS] @ module.project.weight.T)
    assert torch.equal(module(IDS).values, expected)
    assert "table" in module.state_dict()


def graph_of(tmp_path, plugins, *, ids: int = 7, length: int = 3, more: str = "") -> Graph:
    path = tmp_path / "g.yaml"
    path.write_text(
        f"name: g\ninputs: {{text: {{shape: [{length}], vocab_size: {ids}}}}}\n"
        f"graph:\n  text: {{use: token_embedding, in: batch.text, width: 4{more}}}\n"
    )
    return build_graph(read(path, plugins).wiring, seed=length)


def test_a_table_of_another_vocabulary_is_refused_with_both_sizes(tmp_path, plugins) -> None:
    save_file(graph_of(tmp_path, plugins, ids=9).weights(), tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="the vocabulary has 7 ids, that of the weights had 9"):
        initialize(graph_of(tmp_path, plugins), str(tmp_path / "w.safetensors"), {})


def test_word_vectors_alone_are_enough_and_long_positions_are_cut(tmp_path, plugins) -> None:
    table = torch.randn(7, 5)
    save_file({"text.table": table}, tmp_path / "w.safetensors")
    graph = graph_of(tmp_path, plugins, more=", table: 5, frozen: true")
    before = graph.text.positions.clone()
    initialize(graph, str(tmp_path / "w.safetensors"), {})
    assert torch.equal(graph.text.table, table)
    assert torch.equal(graph.text.positions, before)

    longer = graph_of(tmp_path, plugins, length=6)
    save_file(longer.weights(), tmp_path / "w.safetensors")
    shorter = graph_of(tmp_path, plugins, length=3)
    said = initialize(shorter, str(tmp_path / "w.safetensors"), {})
    assert torch.equal(shorter.text.positions, longer.text.positions[:3])
    assert "adapted text.positions from [6, 4] to [3, 4]" in said
    with pytest.raises(WeightsError, match=r"positions is \[6, 4\], the graph wants \[8, 4\]"):
        initialize(graph_of(tmp_path, plugins, length=8), str(tmp_path / "w.safetensors"), {})


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        (Shape((6,)), "ids of a vocabulary"),
        (Shape((6,), "int64"), "ids of a vocabulary"),
        (Shape((3, 6), "int64", vocab_size=9), "batch_axes: 2"),
    ],
)
def test_what_is_no_sentence_is_refused(shape: Shape, hint: str) -> None:
    with pytest.raises(SpecError) as refused:
        TokenEmbedding(width=4).outputs({"text": shape})
    assert hint in str(refused.value)
