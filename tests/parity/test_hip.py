"""HiP against arithmetic written out in NumPy, in float64: blocks, regrouping, skip, reconstruction head, and the whole.

The NumPy side knows the semantics alone: blocks are computed group by group in loops, with weights from a state dict.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from antifaz.analysis.influence import randomize_parameters
from antifaz.core.routing import Routing
from antifaz.core.streams import Stream
from antifaz.core.tokens import Tokens
from antifaz.plugins.hip.grouping import share_out, stock_cut
from antifaz.plugins.hip.model import HierarchicalPerceiver, cut_tokens, joined_groups
from antifaz.plugins.hip.spec import HiP
from antifaz.plugins.masks.spec import Joint

EXACT = 1e-9
IMAGE, LABEL, WIDTH = 7, 3, 6
GROUPS, LATENTS, CHANNELS, HEADS, LAYERS = (4, 2, 1, 2, 4), (4, 4, 2, 4, 4), (8, 12, 16, 10, 8), (2, 3, 4, 2, 1), (2, 1, 1, 1, 0)
Weights = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def model() -> HierarchicalPerceiver:
    spec = HiP(
        mask=Joint(), groups=GROUPS, latents=LATENTS, channels=CHANNELS, heads=HEADS, layers=LAYERS,
        queries={"image_at": "image", "label_at": "label"},
    )  # fmt: skip
    names = {"image": IMAGE, "label": LABEL, "image_at": IMAGE, "label_at": LABEL}
    module = spec.build({name: Stream(name, WIDTH, (points,)) for name, points in names.items()}).double().eval()
    randomize_parameters(module, 0)
    return module


@pytest.fixture(scope="module")
def weights(model: HierarchicalPerceiver) -> Weights:
    return {name: value.detach().numpy() for name, value in model.state_dict().items()}


def drawn(*size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=size)


def linear(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def norm(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]


def mlp(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    return linear(np.maximum(linear(x, w, f"{name}.up"), 0) ** 2, w, f"{name}.down")


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, heads: int) -> np.ndarray:
    """One group of one sample: (R, D), (S, D), (S, D) -> (R, D)."""
    width = q.shape[1] // heads
    found = []
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        scores = q[:, part] @ k[:, part].T / math.sqrt(width)
        shares = np.exp(scores - scores.max(1, keepdims=True))
        found.append(shares / shares.sum(1, keepdims=True) @ v[:, part])
    return np.concatenate(found, axis=1)


def cross(queries: np.ndarray, inputs: np.ndarray, w: Weights, name: str, *, residual: bool) -> np.ndarray:
    """One group of one sample: (Z, C) queries read (N, S)."""
    q = linear(norm(queries, w, f"{name}.query_norm"), w, f"{name}.query")
    kv = norm(inputs, w, f"{name}.source_norm")
    x = linear(attention(q, linear(kv, w, f"{name}.key"), linear(kv, w, f"{name}.value"), 1), w, f"{name}.out")
    x = x + queries if residual else x
    return x + mlp(norm(x, w, f"{name}.mlp_norm"), w, f"{name}.mlp")


def self_attention(x: np.ndarray, w: Weights, name: str, heads: int) -> np.ndarray:
    """One group of one sample: (Z, C)."""
    normed = norm(x, w, f"{name}.attention_norm")
    k, v = np.split(linear(normed, w, f"{name}.attention.key_value"), 2, axis=1)
    read = attention(linear(normed, w, f"{name}.attention.query"), k, v, heads)
    x = x + linear(read, w, f"{name}.attention.out")
    return x + mlp(norm(x, w, f"{name}.mlp_norm"), w, f"{name}.mlp")


def block(inputs: np.ndarray, w: Weights, level: int, skip: np.ndarray | None = None) -> np.ndarray:
    """(B, G, N, S) -> (B, G, Z, C)."""
    name = f"blocks.{level}"
    found = np.empty((len(inputs), GROUPS[level], LATENTS[level], CHANNELS[level]))
    for sample in range(len(inputs)):
        for group in range(GROUPS[level]):
            queries = w[f"{name}.queries"][group]
            if skip is not None:
                hidden = skip[sample, group]
                queries = queries + (linear(hidden, w, f"{name}.skip") if f"{name}.skip.weight" in w else hidden)
            x = cross(queries, inputs[sample, group], w, f"{name}.cross", residual=True)
            for layer in range(LAYERS[level]):
                x = self_attention(x, w, f"{name}.layers.{layer}", HEADS[level])
            found[sample, group] = x
    return found


def regroup(hidden: np.ndarray, groups: int) -> np.ndarray:
    batch, before, latents, channels = hidden.shape
    return hidden.reshape(batch, groups, before * latents // groups, channels)


def grouped(streams: dict[str, np.ndarray]) -> np.ndarray:
    """Image in three groups of three, the last with a token and two zeros; label in one."""
    image, label = streams["image"], streams["label"]
    padded = np.concatenate([image, np.zeros((len(image), 2, WIDTH))], axis=1)
    return np.concatenate([padded.reshape(len(image), 3, 3, WIDTH), label[:, None]], axis=1)


def reconstruction(queries: np.ndarray, hidden: np.ndarray, w: Weights) -> np.ndarray:
    """(B, G, N, C) and (B, G, Z, S) -> (B, G, N, C)."""
    rows = [
        [cross(q, h, w, "reconstruction", residual=False) for q, h in zip(*pair, strict=True)]
        for pair in zip(queries, hidden, strict=True)
    ]
    return np.array(rows)


def assert_same(got: torch.Tensor, expected: np.ndarray) -> None:
    assert tuple(got.shape) == expected.shape
    assert np.abs(got.detach().numpy() - expected).max() <= EXACT * max(1.0, np.abs(expected).max())


def ours(model: HierarchicalPerceiver, level: int, inputs: np.ndarray, skip: np.ndarray | None = None) -> torch.Tensor:
    lane = model.layout.lanes[0]
    skips = None if skip is None else {lane.name: torch.tensor(skip)}
    places = {lane.name: (0, GROUPS[level])}
    return model.blocks[level](places, {lane.name: torch.tensor(inputs)}, model.routing, {lane.name: None}, skips)[lane.name]


def test_an_encoder_block(model: HierarchicalPerceiver, weights: Weights) -> None:
    inputs = drawn(2, 4, 3, WIDTH)
    assert_same(ours(model, 0, inputs), block(inputs, weights, 0))


def test_regrouping_merges_neighbours() -> None:
    hidden = drawn(2, 4, 6, 5)
    cut = stock_cut(24, 2)
    assert_same(cut_tokens(torch.tensor(hidden).flatten(1, 2), cut), regroup(hidden, 2))
    parted = stock_cut(24, 8)
    assert_same(cut_tokens(torch.tensor(hidden).flatten(1, 2), parted), regroup(hidden, 8))


@pytest.mark.parametrize("level", [3, 4])
def test_a_skip_goes_to_the_queries(model: HierarchicalPerceiver, weights: Weights, level: int) -> None:
    """Through a linear map where the widths differ (level 3), as it is where they do not (level 4)."""
    assert (f"blocks.{level}.skip.weight" in weights) == (level == 3)
    inputs = drawn(2, GROUPS[level], 2, CHANNELS[level - 1])
    skip = drawn(2, GROUPS[level], LATENTS[level], CHANNELS[4 - level], seed=1)
    assert_same(ours(model, level, inputs, skip), block(inputs, weights, level, skip))


def test_a_reconstruction_head(model: HierarchicalPerceiver, weights: Weights) -> None:
    queries, hidden = drawn(2, 4, 3, WIDTH), drawn(2, 4, 4, CHANNELS[-1], seed=1)
    assert model.reconstruction is not None
    name = "image_at"
    found = model.reconstruction(
        {name: torch.tensor(queries)}, {name: torch.tensor(hidden)}, Routing.full({name: [name]}), {name: None}
    )[name]
    assert_same(found, reconstruction(queries, hidden, weights))


def test_the_whole(model: HierarchicalPerceiver, weights: Weights) -> None:
    streams = {"image": drawn(2, IMAGE, WIDTH), "label": drawn(2, LABEL, WIDTH, seed=1)}
    queries = {"image": drawn(2, IMAGE, WIDTH, seed=2), "label": drawn(2, LABEL, WIDTH, seed=3)}
    states = [block(grouped(streams), weights, 0)]
    for level in range(1, 5):
        skip = states[4 - level] if level > 2 else None
        states.append(block(regroup(states[-1], GROUPS[level]), weights, level, skip))
    expected = reconstruction(grouped(queries), states[-1], weights)
    given = {**streams, **{f"{name}_at": value for name, value in queries.items()}}
    found = model({name: Tokens(torch.tensor(value), value.shape[1:2]) for name, value in given.items()})
    assert_same(found["bottleneck"].values, states[2].reshape(2, -1, CHANNELS[2]))
    assert_same(found["image_at"].values, expected[:, :3].reshape(2, 9, WIDTH)[:, :IMAGE])
    assert_same(found["label_at"].values, expected[:, 3])


@pytest.mark.parametrize(
    ("groups", "tokens", "shares"),
    [(4, (7, 3), [3, 1]), (16, (1024, 32), [15, 1]), (16, (128, 16), [14, 2]), (4, (5, 5), [2, 2]), (3, (5, 5), [2, 1])],
)
def test_groups_go_where_the_crowd_is(groups: int, tokens: tuple[int, ...], shares: list[int]) -> None:
    """Greedy, ties by order. 128 and 16: at 14.2 points a group against 16, the label gets its second."""
    assert share_out(groups, tokens) == shares


@pytest.mark.parametrize(("tokens", "groups"), [(7, 3), (128, 14), (3, 5), (12, 4)])
def test_cutting_and_joining_undo_each_other(tokens: int, groups: int) -> None:
    x = torch.tensor(drawn(2, tokens, 4))
    cut = stock_cut(tokens, groups, size=20)
    parts = cut_tokens(x, cut)
    length = math.ceil(tokens / groups)
    padded = np.concatenate([x.numpy(), np.zeros((2, groups * length - tokens, 4))], axis=1).reshape(2, groups, length, 4)
    assert_same(parts[:, :, :length], padded)
    assert parts.shape == (2, groups, 20, 4)
    assert not parts[:, :, length:].any()
    assert torch.equal(joined_groups(parts, cut), x)
