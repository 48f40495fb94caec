"""Checks of graph nodes: tokenizers, latents, backbones, readouts, heads.

Modules are run as the graph runs them, in float64 on the CPU, with parameters re-drawn non-zero, unless a check is about something
else. What may depend on what is the composition of the routings that the spec declares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from antifaz.analysis.influence import randomize_parameters
from antifaz.core.graph.wiring import routings_of
from antifaz.core.kinds import kind_of
from antifaz.core.routing import compose
from antifaz.core.streams import Group, Shape, Stream
from antifaz.core.tokens import Features, Tokens

from .case import Case, require

BATCH = 3
TIGHT = 1e-9
"""Largest difference of float64 results that ought to be the same sums in another order."""
Arriving = Mapping[str, Tokens | Features]
Leaving = dict[str, Tokens | Features]


class Node:
    """A built example and how to call it."""

    def __init__(self, case: Case, *, seed: int = 0, dtype: torch.dtype = torch.float64, device: str = "cpu") -> None:
        spec, self.inputs = case.spec, case.inputs
        self.kind = kind_of(spec)
        declared = spec.outputs(self.inputs)
        self.bare = isinstance(declared, Stream | Shape)
        self.outputs: Group = {"it": declared} if isinstance(declared, Stream | Shape) else dict(declared)
        self.influence = compose(routings_of(spec, self.inputs, list(self.outputs), bare=self.bare), self.inputs)
        torch.manual_seed(seed)
        with torch.device(device):
            self.module: nn.Module = spec.build(self.inputs).to(dtype)
        self.dtype, self.device = dtype, device

    def redrawn(self) -> Node:
        """Re-draw every parameter, none of them zero, and return the node."""
        randomize_parameters(self.module, 1)
        return self

    def may_read(self, output: str) -> frozenset[str]:
        return frozenset(self.influence.get(output, frozenset())) & frozenset(self.inputs)

    def __call__(self, arriving: Arriving, batch: int = BATCH, outputs: Iterable[str] | None = None) -> Leaving:
        asked = frozenset(self.outputs if outputs is None else outputs)
        assert self.kind.call is not None, f"{self.kind.name} is no kind of graph nodes"
        leaving = self.kind.call(self.module, arriving, asked, batch)
        return {"it": leaving} if isinstance(leaving, Tokens | Features) else dict(leaving)

    def draw(self, seed: int = 0, batch: int = BATCH) -> Leaving:
        """Draw a random batch of the inputs."""
        generator = torch.Generator().manual_seed(seed)
        drawn: Leaving = {}
        for name, value in self.inputs.items():
            dtype = getattr(torch, value.dtype) if isinstance(value, Shape) else self.dtype
            size = (batch, *value.dims)
            if self.device == "meta":
                values = torch.empty(size, device="meta", dtype=self.dtype if dtype.is_floating_point else dtype)
            elif dtype.is_floating_point:
                values = torch.randn(size, generator=generator, dtype=torch.float64).to(self.dtype)
            else:
                bound = value.bound if isinstance(value, Shape) else 2
                values = torch.randint(0, bound, size, generator=generator).to(dtype)
            drawn[name] = Tokens(values, value.grid) if isinstance(value, Stream) else Features(values)
        return drawn


def with_values(value: Tokens | Features, values: Tensor) -> Tokens | Features:
    return value.with_values(values) if isinstance(value, Tokens) else Features(values, value.valid)


def partly_absent(batch: Leaving) -> Leaving:
    """The batch with each entry absent from one sample; of a single entry, samples remain that have it."""
    marked: Leaving = {}
    for i, (name, value) in enumerate(batch.items()):
        present = torch.arange(len(value.values)) != i % len(value.values)
        if isinstance(value, Tokens):
            marked[name] = Tokens(value.values, value.grid, None, present[:, None].expand(value.values.shape[:2]))
        else:
            marked[name] = Features(value.values, present)
    return marked


def part(value: Tokens | Features, rows: Tensor) -> Tokens | Features:
    """Some samples of a batch."""
    valid = None if value.valid is None else value.valid[rows]
    return Tokens(value.values[rows], value.grid, None, valid) if isinstance(value, Tokens) else Features(value.values[rows], valid)


def same(got: Tensor, expected: Tensor, what: str, remedy: str, tolerance: float = TIGHT) -> None:
    """Fail unless two results agree; with a tolerance of 0 bit for bit. what: the two. remedy: what an author may do about it."""
    got, expected = got.detach(), expected.detach()
    require(got.shape == expected.shape, f"{what}: their shapes are {list(got.shape)} and {list(expected.shape)}", remedy)
    if tolerance == 0:
        require(torch.equal(got, expected), f"{what}: {int((got != expected).sum())} of {got.numel()} numbers differ", remedy)
        return
    largest = float((got - expected).abs().max()) if got.numel() else 0.0
    size = max(1.0, float(expected.abs().max()) if expected.numel() else 0.0)
    require(largest <= tolerance * size, f"{what}: they differ by {largest:.3g}", remedy)


def projected(value: Tokens | Features, rows: Tensor | None = None) -> Tensor:
    """Return a random projection of an output, of its marked rows alone if marks are given."""
    weights = torch.randn(value.values.shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    product = value.values * weights.to(value.values.dtype)
    return product.sum() if rows is None else product[rows].sum()


def gradients(outcome: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    """Return the gradients of a scalar; zeros where it does not depend on a leaf."""
    if not outcome.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    values = torch.autograd.grad(outcome, leaves, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(leaf) if g is None else g for leaf, g in zip(leaves, values, strict=True)]


def shapes(case: Case) -> None:
    """Every declared output is returned in evaluation, under its name and in its shape, and no other; training may drop tokens."""
    node = Node(case)
    in_training = node(node.draw())
    node.module.eval()
    leaving = node(node.draw())
    require(
        set(in_training) == set(leaving),
        f"in training it returns {sorted(in_training)}, in evaluation {sorted(leaving)}",
        "return the same names in both; what only training needs belongs into an objective",
    )
    remedy = "let `outputs` of the spec declare what `forward` returns, by the same names and in the same shapes"
    require(
        set(leaving) == set(node.outputs), f"declared are the outputs {sorted(node.outputs)}, returned {sorted(leaving)}", remedy
    )
    for name, declared in node.outputs.items():
        tokens, wanted = leaving[name], [BATCH, *declared.dims]
        got = list(tokens.values.shape)
        require(got == wanted, f"{name} is declared as {wanted} and returned as {got}", remedy)
        if isinstance(declared, Stream):
            require(isinstance(tokens, Tokens), f"{name} is declared as tokens and returned as features", remedy)
            grid = getattr(tokens, "grid", None)
            require(grid == declared.grid, f"{name} is declared with the grid {declared.grid} and returned with {grid}", remedy)


def meta_device(case: Case) -> None:
    """It is built and run without memory, with the same shapes."""
    remedy = "make tensors on the device of what arrives (`x.new_zeros(...)`), or keep them as buffers; read no values of tensors"
    node = Node(case, dtype=torch.float32, device="meta")
    node(node.draw())
    node.module.eval()
    for name, value in node(node.draw()).items():
        require(value.values.is_meta, f"{name} is not on the meta device: the module makes tensors elsewhere", remedy)
        got, declared = tuple(value.values.shape[1:]), node.outputs[name].dims
        require(got == declared, f"on the meta device {name} is {list(got)}, declared is {list(declared)}", remedy)


def determinism(case: Case) -> None:
    """A seed gives the same weights; evaluation twice the same bits; training under one seed too."""
    first, second = Node(case, seed=3), Node(case, seed=3)
    for (name, a), (_, b) in zip(first.module.state_dict().items(), second.module.state_dict().items(), strict=True):
        same(b, a, f"{name}, built twice under one seed", "draw first weights from torch's global generator alone", 0)
    for training in (False, True):
        first.module.train(training)
        state = {name: value.clone() for name, value in first.module.state_dict().items()}
        runs = []
        for _ in range(2):
            first.module.load_state_dict(state)
            torch.manual_seed(5)
            runs.append(first(first.draw()))
        remedy = "keep nothing between calls but buffers, and draw from torch's global generator alone"
        for name, value in runs[0].items():
            what = f"{name}, run twice {'in training' if training else 'in evaluation'}"
            same(runs[1][name].values, value.values, what, remedy, 0)


def batch_independence(case: Case) -> None:
    """A sample's outputs in evaluation do not depend on what else is in the batch, nor on its place."""
    node = Node(case).redrawn()
    node.module.eval()
    batch = node.draw()
    whole = node(batch)
    remedy = "compute nothing over the batch axis in evaluation; a norm of batches uses its running statistics there"
    for rows in ([1], [2, 0, 1]):
        index = torch.tensor(rows)
        some = node({name: part(value, index) for name, value in batch.items()}, batch=len(rows))
        for name, value in whole.items():
            what = f"{name} of the samples {rows} of a batch, and of them alone"
            same(some[name].values, value.values[index], what, remedy)


def bfloat16(case: Case) -> None:
    """Under autocast the outputs are finite and near those of float32."""
    node = Node(case, dtype=torch.float32)
    node.module.eval()
    exact = node(node.draw())
    with torch.autocast("cpu", torch.bfloat16):
        rough = node(node.draw())
    remedy = "compute sums, norms and exponentials in float32 (`antifaz.core.objectives.no_autocast`, `at_least_float32`)"
    for name, value in exact.items():
        got = rough[name].values.float()
        require(got.isfinite().all(), f"{name} is not finite under bfloat16", remedy)
        error = ((got - value.values).norm() / value.values.norm().clamp(min=1e-6)).item()
        require(error < 0.1, f"{name} under bfloat16 is {100 * error:.0f} % away from float32", remedy)


def compilation(case: Case) -> None:
    """torch.compile traces it in one graph, without a break, and the result is the same."""
    node = Node(case, dtype=torch.float32)
    node.module.eval()
    batch = node.draw()
    expected = node(batch)
    torch._dynamo.reset()
    eager, node.module = node.module, torch.compile(node.module, backend="aot_eager", fullgraph=True)  # type: ignore[assignment]
    remedy = "let nothing in `forward` depend on Python state that changes between calls"
    for name, value in node(batch).items():
        same(value.values, expected[name].values, f"{name}, compiled and not", remedy, 1e-5)
    node.module = eager


def state_dict(case: Case) -> None:
    """A fresh module with this one's state gives the same bits."""
    node, other = Node(case, seed=0).redrawn(), Node(case, seed=1)
    other.module.load_state_dict(node.module.state_dict(), strict=True)
    node.module.eval(), other.module.eval()
    expected = node(node.draw())
    remedy = "keep what is drawn or learned as a parameter or a buffer: other attributes are lost with the process"
    for name, value in other(other.draw()).items():
        same(value.values, expected[name].values, f"{name} after a round trip of the state", remedy, 0)


def trained_parameters(case: Case) -> None:
    """Every parameter has a gradient that is not zero everywhere."""
    node = Node(case).redrawn()
    leaving = node(node.draw())
    named = dict(node.module.named_parameters())
    total = torch.stack([projected(value) for value in leaving.values()]).sum()
    dead = [name for name, g in zip(named, gradients(total, list(named.values())), strict=True) if not g.abs().max()]
    # The softmax does not see what is added to all scores of a row, so a key's bias is dead by nature.
    dead = [name for name in dead if not name.endswith("key.bias")]
    remedy = "use it in `forward`, or leave it out: a parameter without gradient stops training on several processes"
    require(not dead, f"no gradient reaches {', '.join(dead)}", remedy)
