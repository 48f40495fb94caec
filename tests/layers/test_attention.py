"""attend: three lowerings of one meaning, exact about what is invalid, and no mask where none is needed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from antifaz.core.routing import Edge, Routing, compose, needed
from antifaz.layers.attention import _fused, attend, readable
from antifaz.registry import SpecError

HEADS, WIDTH, BATCH = 2, 4, 3


@st.composite
def cases(draw, causal: bool = True):
    """A random routing over random streams, self or cross, with random lengths and validity.

    Causal edges go to any number of sources, of another name too, wherever both streams have one length.
    """
    names = ["a", "b", "c", "d"][: draw(st.integers(1, 4))]
    cross = draw(st.booleans())
    readers = ["q", "r"] if cross else names
    longest = draw(st.integers(1, 5))
    lengths = {name: draw(st.integers(1, longest)) for name in dict.fromkeys([*names, *readers])}
    reads = {}
    for reader in readers:
        sources = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        reads[reader] = {
            s: Edge.CAUSAL if causal and lengths[s] == lengths[reader] and draw(st.booleans()) else Edge.FULL for s in sources
        }
    masked = [name for name in names if draw(st.booleans())]
    return Routing(reads, learned_readers=cross), lengths, names, masked, draw(st.integers(0, 2**31))


def tensors(case, dtype: torch.dtype = torch.float64):
    routing, lengths, names, masked, seed = case
    g = torch.Generator().manual_seed(seed)

    def make(n: int) -> Tensor:
        return torch.randn(BATCH, HEADS, n, WIDTH, generator=g, dtype=torch.float64).to(dtype).requires_grad_()

    q = {name: make(lengths[name]) for name in routing.readers}
    k, v = ({name: make(lengths[name]) for name in names} for _ in range(2))
    valid = {}
    for name in masked:
        mask = torch.rand(BATCH, lengths[name], generator=g) < 0.6
        mask[0] = False  # a sample that lacks the stream
        valid[name] = mask
    return q, k, v, valid


def gradients(result: dict[str, Tensor], inputs: list[Tensor]) -> list[Tensor]:
    total = sum(
        (value * torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype).view_as(value)).sum() for value in result.values()
    )
    found = torch.autograd.grad(total, inputs, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True)]


@given(cases())
@settings(max_examples=80, deadline=None)
def test_grouped_equals_dense_forward_and_backward(case) -> None:
    q, k, v, valid = tensors(case)
    inputs = [*q.values(), *k.values(), *v.values()]
    grouped = attend(q, k, v, case[0], valid=valid)
    dense = attend(q, k, v, case[0], valid=valid, lowering="dense")
    assert list(grouped) == list(dense)
    for reader in grouped:
        torch.testing.assert_close(grouped[reader], dense[reader], rtol=0, atol=1e-12)
    for a, b in zip(gradients(grouped, inputs), gradients(dense, inputs), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@given(cases(), st.data())
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("lowering", ["grouped", "dense", "flex"])
def test_causal_edges_between_different_lengths_are_refused(lowering: str, case, data) -> None:
    routing, lengths, names, masked, seed = case
    pairs = [(r, s) for r, row in routing.reads.items() for s in row if lengths[r] != lengths[s]]
    assume(pairs)
    reader, source = data.draw(st.sampled_from(pairs))
    reads = {**routing.reads, reader: {**routing.reads[reader], source: Edge.CAUSAL}}
    broken = Routing(reads, routing.learned_readers)
    q, k, v, valid = tensors((broken, lengths, names, masked, seed))
    with pytest.raises(SpecError, match=f"'{reader}' cannot read '{source}' causally: they have {lengths[reader]} and"):
        attend(q, k, v, broken, valid=valid, lowering=lowering)
    with pytest.raises(SpecError, match="cannot read"):
        broken.dense({r: lengths[r] for r in broken.readers}, {s: lengths[s] for s in names})
    with pytest.raises(SpecError, match="cannot read"):
        broken.allowed_pairs(lengths, lengths)


def test_two_causal_sources_are_two_triangles() -> None:
    """Every source's values are its token numbers; under equal scores a reader's token is the mean of what it reads."""
    routing = Routing({"a": {"a": Edge.CAUSAL, "b": Edge.CAUSAL, "c": Edge.FULL}})
    lengths = {"a": 3, "b": 3, "c": 2}
    q = {"a": torch.zeros(1, 1, 3, 1, dtype=torch.float64)}
    k = {name: torch.zeros(1, 1, n, 1, dtype=torch.float64) for name, n in lengths.items()}
    v = {name: torch.arange(n, dtype=torch.float64).view(1, 1, n, 1) for name, n in lengths.items()}
    expected = torch.tensor([(0 + 0 + 1) / 4, (1 + 1 + 1) / 6, (3 + 3 + 1) / 8], dtype=torch.float64)
    for lowering in ("grouped", "dense"):
        torch.testing.assert_close(attend(q, k, v, routing, lowering=lowering)["a"].flatten(), expected)
    assert routing.dense({"a": 3}, lengths).sum() == routing.allowed_pairs({"a": 3}, lengths) == 6 + 6 + 6


@given(cases())
@settings(max_examples=15, deadline=None)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_flex_agrees_forward(case) -> None:
    q, k, v, valid = tensors(case)
    q, k, v = ({name: x.detach() for name, x in side.items()} for side in (q, k, v))
    flex = attend(q, k, v, case[0], valid=valid, lowering="flex")
    dense = attend(q, k, v, case[0], valid=valid, lowering="dense")
    for reader in dense:
        torch.testing.assert_close(flex[reader], dense[reader], rtol=0, atol=1e-12)


@given(cases())
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("lowering", ["grouped", "dense"])
def test_invalid_keys_have_no_gradient_and_empty_rows_are_zero(lowering, case) -> None:
    routing, _, _, _, _ = case
    q, k, v, valid = tensors(case)
    result = attend(q, k, v, routing, valid=valid, lowering=lowering)
    inputs = [*k.values(), *v.values()]
    found = gradients(result, inputs)
    for name, gradient in zip([*k, *v], found, strict=True):
        if name in valid:
            assert (gradient.transpose(1, 2)[~valid[name]] == 0).all()
    for reader, some in readable(routing, {name: valid.get(name) for name in k}).items():
        if some is not None:
            assert (result[reader][~some] == 0).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="FlexAttention goes backward on CUDA only")
def test_flex_backward_on_cuda() -> None:
    routing = Routing.full({"a": ["a"], "f": ["a", "f"]})
    make = lambda n: torch.randn(2, 2, n, 64, device="cuda", requires_grad=True)  # noqa: E731
    q, k, v = ({"a": make(256), "f": make(128)} for _ in range(3))
    inputs = [*q.values(), *k.values(), *v.values()]
    pairs = [
        torch.autograd.grad(sum(x.sum() for x in attend(q, k, v, routing, lowering=way).values()), inputs)
        for way in ("flex", "dense")
    ]
    for a, b in zip(*pairs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)


def test_a_reader_that_reads_nothing_is_refused() -> None:
    with pytest.raises(SpecError, match="'b' reads nothing"):
        Routing.full({"a": ["a"], "b": []})


def test_absent_streams_leave_the_rest_bit_for_bit() -> None:
    routing = Routing.full({"a": ["a"], "b": ["b"], "f": ["a", "b", "f"]})
    streams = {name: torch.randn(2, 2, n, 8) for name, n in (("a", 70), ("b", 33), ("f", 4))}
    whole = attend(streams, streams, streams, routing)
    alone = {"a": streams["a"]}
    assert torch.equal(attend(alone, alone, alone, routing)["a"], whole["a"])


class _Shapes(TorchDispatchMode):
    """Records the shape of everything that is made."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[int, ...]] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.seen.update(tuple(t.shape) for t in tree_leaves(result) if isinstance(t, Tensor))
        return result


@pytest.mark.parametrize(("lowering", "quadratic"), [("grouped", False), ("dense", True)])
def test_no_mask_of_queries_times_keys_on_the_hot_path(lowering: str, quadratic: bool) -> None:
    routing = Routing.full({"a": ["a"], "b": ["b"], "f": ["a", "b", "f"]})
    lengths = {"a": 97, "b": 131, "f": 11}
    streams = {name: torch.randn(2, 2, n, 16, requires_grad=True) for name, n in lengths.items()}
    valid = {"a": torch.arange(97).expand(2, -1) < 50}
    big = {97, 131, 97 + 131 + 11}
    for marks in ({}, valid):
        with _Shapes() as shapes:
            sum(x.sum() for x in attend(streams, streams, streams, routing, valid=marks, lowering=lowering).values()).backward()
        found = {shape for shape in shapes.seen if len(shape) >= 2 and shape[-1] in big and shape[-2] in big}
        assert bool(found) == quadratic


def test_composition_and_need() -> None:
    zorro = Routing.full({"a": ["a"], "v": ["v"], "f": ["a", "v", "f"]})
    bottleneck = Routing.full({"a": ["a", "f"], "v": ["v", "f"], "f": ["a", "v", "f"]})
    names = ["a", "v", "f"]
    assert compose([zorro] * 3, names) == {"a": {"a"}, "v": {"v"}, "f": {"a", "v", "f"}}
    assert compose([bottleneck], names)["a"] == {"a", "f"}
    assert compose([bottleneck] * 2, names)["a"] == {"a", "v", "f"}
    assert needed([zorro] * 3, ["a"]) == {"a"}
    assert needed([bottleneck] * 2, ["a"]) == {"a", "v", "f"}
    readout = Routing.full({"a": ["f"]}, learned_readers=True)
    assert compose([readout], names)["a"] == {"f"}
    assert needed([zorro, readout], ["a"]) == {"a", "v", "f"}


@given(cases(causal=False))
@settings(max_examples=40, deadline=None)
def test_influence_is_what_the_gradient_shows(case) -> None:
    """One layer: a reader's output has a gradient at exactly those sources that the routing composes."""
    routing, _, names, _, _ = case
    q, k, v, _ = tensors(case)
    result = attend(q, k, v, routing)
    for reader, value in result.items():
        shown = {
            n
            for n, g in zip(
                names,
                torch.autograd.grad(value.square().sum(), list(v.values()), allow_unused=True, retain_graph=True),
                strict=True,
            )
            if g is not None and g.any()
        }
        assert shown == set(routing.reads[reader])


@pytest.mark.parametrize("masked", [False, True])
def test_head_widths_filled_up_for_fused_kernels_change_nothing(masked: bool) -> None:
    q, k = (torch.randn(2, 1, n, 5, dtype=torch.float64) for n in (3, 7))
    v = torch.randn(2, 1, 7, 11, dtype=torch.float64)
    mask = torch.rand(2, 1, 1, 7) < 0.7 if masked else None
    expected = _fused(q, k, v, align=1, attn_mask=mask)
    torch.testing.assert_close(_fused(q, k, v, align=8, attn_mask=mask), expected, rtol=1e-12, atol=1e-12)
