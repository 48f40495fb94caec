"""Checks of what streams and samples a node may see: routing, streams that are left out, samples and tokens that are absent.

What may depend on what is the composition of the routings that the spec declares. A stream that a sample lacks and a stream that
is not in the call are the same thing, said in two ways.
"""

from __future__ import annotations

import torch

from antifaz.core.tokens import Features, Tokens

from .case import Case, require
from .nodes import Leaving, Node, gradients, partly_absent, projected, same

ADDS_NOTHING = (
    "a stream that a sample lacks must add exactly nothing, no bias and no part of a mean: let valid tokens alone count "
    "(`antifaz.layers.attention.attend` gives zeros to a row without valid keys; add no bias to it afterwards)"
)
MARKS = (
    "mark what a sample has by the streams that are valid in it: `valid` of what is returned (`antifaz.layers.attention.readable`)"
)


def routing(case: Case) -> None:
    """Gradients are exactly zero where the declared routing forbids an influence, and not where it allows one."""
    for training, marked in ((False, False), (True, False), (False, True)):
        node = Node(case).redrawn()
        node.module.train(training)
        batch = partly_absent(node.draw()) if marked else node.draw()
        leaves = {n: v.values.requires_grad_() for n, v in batch.items() if v.values.is_floating_point()}
        torch.manual_seed(0)
        leaving = node(batch)
        for output, value in leaving.items():
            sizes = gradients(projected(value), list(leaves.values()))
            for name, gradient in zip(leaves, sizes, strict=True):
                largest = float(gradient.abs().max())
                allowed = name in node.may_read(output)
                mode = ("training" if training else "evaluation") + (" with absent samples" if marked else "")
                if allowed:
                    remedy = f"read {name}, or declare in `routings` that it is not read"
                    require(largest > 0, f"{output} may depend on {name} and does not ({mode})", remedy)
                else:
                    wrong = f"{output} depends on {name} (gradient {largest:.3g} in {mode}), which the routing forbids"
                    require(
                        largest == 0, wrong, "let each reader see the streams of its row of the routing alone, or declare the row"
                    )


def absent_streams(case: Case) -> None:
    """A stream that is left out changes no output that it may not influence; outputs without any input are left out."""
    node = Node(case).redrawn()
    node.module.eval()
    for batch in (node.draw(), partly_absent(node.draw())):
        _without_each(node, batch)


def _without_each(node: Node, batch: Leaving) -> None:
    whole = node(batch)
    for absent in batch:
        rest = {name: value for name, value in batch.items() if name != absent}
        if not rest:
            continue
        answerable = [output for output in node.outputs if node.may_read(output) & set(rest)]
        leaving = node(rest, outputs=answerable)
        missing = [output for output in answerable if output not in leaving and output != absent]
        wrong = f"without {absent}, {', '.join(missing)} can be answered and is left out"
        require(not missing, wrong, "return every asked output that has anything left to read")
        for output in leaving:
            reads = node.may_read(output)
            wrong = f"without {absent}, {output} has nothing to read and is answered all the same"
            require(reads & set(rest), wrong, "leave outputs out whose streams are all absent")
            if absent not in reads:
                what = f"{output} with and without {absent}, which it may not read"
                same(leaving[output].values, whole[output].values, what, "compute each output of what its row of the routing names")


def invalid_tokens(case: Case) -> None:
    """Tokens marked invalid influence nothing: gradients are exactly zero, and other values in their place change no bit."""
    node = Node(case).redrawn()
    node.module.eval()
    for name, value in node.draw().items():
        marks = torch.ones(value.values.shape[:2], dtype=torch.bool)
        marks[0, 0] = marks[1, marks.shape[1] // 2 :] = marks[2] = False
        leaf = value.values.clone().requires_grad_()
        batch = node.draw() | {name: Tokens(leaf, value.grid, None, marks)}  # type: ignore[union-attr]
        leaving = node(batch)
        changed = torch.where(marks[..., None], leaf.detach(), 1e3 * torch.randn_like(leaf))
        other = node(batch | {name: Tokens(changed, value.grid, None, marks)})  # type: ignore[union-attr]
        for output, result in leaving.items():
            rows = result.valid if result.valid is not None else torch.ones(result.values.shape[:1], dtype=torch.bool)
            if isinstance(result, Tokens):
                rows = torch.ones(result.values.shape[:2], dtype=torch.bool) if result.valid is None else result.valid
                # An invalid token may keep what it was; where tokens were merged, the result says which are valid.
                rows = rows & marks if output == name and rows.shape == marks.shape else rows
            remedy = f"give `valid` of {name} to whatever reads it: attention (`attend(valid=...)`), means, norms"
            require(result.values.isfinite().all(), f"{output} is not finite where tokens of {name} are invalid", remedy)
            (gradient,) = gradients(projected(result, rows), [leaf])
            largest = float(gradient[~marks].abs().max())
            require(largest == 0, f"{output} depends on invalid tokens of {name} (gradient {largest:.3g})", remedy)
            same(other[output].values[rows], result.values[rows], f"{output} when invalid tokens of {name} are re-drawn", remedy, 0)


def absent_samples(case: Case) -> None:
    """An absent sample comes out marked as absent, and the others as if it were not there."""
    node = Node(case).redrawn()
    node.module.eval()
    present = torch.tensor([True, False, True])
    batch = node.draw()
    marked = {name: Features(value.values, present) for name, value in batch.items()}
    leaving, whole = node(marked), node(batch)
    for output, value in leaving.items():
        require(value.valid is not None, f"{output} does not say which samples are absent", MARKS)
        valid, expected = value.valid if value.valid is not None else present, present
        if isinstance(value, Tokens):
            shape, wanted = list(valid.shape), list(value.values.shape[:2])
            require(
                shape == wanted, f"{output} has marks of the shape {shape}, its tokens {wanted}", "return (batch, tokens) marks"
            )
            own = whole[output].valid  # of single tokens, which may be padding
            expected = present[:, None].expand_as(valid) if own is None else present[:, None] & own
        require(torch.equal(valid, expected), f"{output} marks {valid.tolist()} as there; {expected.tolist()} were", MARKS)
        same(value.values[present], whole[output].values[present], f"{output} beside an absent sample", ADDS_NOTHING)


def absent_or_missing(case: Case) -> None:
    """A sample that lacks streams gets the answers that it gets in a call without them; one that lacks all is marked as absent."""
    node = Node(case).redrawn()
    node.module.eval()
    batch = node.draw()
    for kept in _subsets(list(batch)):
        missing = [name for name in batch if name not in kept]
        marked = node({name: value if name in kept else _absent_from(value, 1) for name, value in batch.items()})
        expected = node({name: batch[name] for name in kept}) if kept else {}
        for output, value in marked.items():
            _same_in_sample(output, value, expected.get(output), 1, missing)


def _subsets(names: list[str]) -> list[list[str]]:
    """All but one of the names, each of them alone, and none; every list once."""
    subsets = [[name for name in names if name != left_out] for left_out in names] + [[name] for name in names] + [[]]
    return [list(each) for each in dict.fromkeys(tuple(subset) for subset in subsets)]


def _absent_from(value: Tokens | Features, sample: int) -> Tokens | Features:
    """Mark one sample of a value as absent."""
    present = torch.arange(len(value.values)) != sample
    if isinstance(value, Features):
        return Features(value.values, present)
    return Tokens(value.values, value.grid, value.index, present[:, None].expand(value.values.shape[:2]))


def _same_in_sample(
    output: str, value: Tokens | Features, expected: Tokens | Features | None, sample: int, missing: list[str]
) -> None:
    """Fail unless a sample that lacks streams has the values that a call without them gives, and the same marks."""
    streams = " and ".join(missing)
    lacking = f"{output} in a sample where {streams} is absent"
    size = value.values.shape[1:2] if isinstance(value, Tokens) else ()
    everything = torch.ones(size, dtype=torch.bool)
    valid = everything if value.valid is None else value.valid[sample]
    if expected is None:
        require(not valid.any(), f"{lacking} is marked as there; a call without {streams} leaves it out", MARKS)
        return
    marks = everything if expected.valid is None else expected.valid[sample]
    wrong = f"{lacking} is marked {valid.tolist()}, in a call without {streams} {marks.tolist()}"
    require(torch.equal(valid, marks), wrong, MARKS)
    what = f"{lacking}, and in a call without {streams}"
    same(value.values[sample][valid], expected.values[sample][marks], what, ADDS_NOTHING)


def order_of_streams(case: Case) -> None:
    """The order in which streams arrive does not matter."""
    node = Node(case).redrawn()
    node.module.eval()
    batch = node.draw()
    expected = node(batch)
    for name, value in node(dict(reversed(batch.items()))).items():
        what, remedy = f"{name}, when the streams arrive in another order", "find streams by their names, not by their places"
        same(value.values, expected[name].values, what, remedy)
