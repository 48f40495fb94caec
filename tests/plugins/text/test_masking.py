"""Masked language modelling: what is hidden, what is learned from it."""

from __future__ import annotations

import math

import pytest
import torch

from antifaz.core.objectives import reduce
from antifaz.core.seeds import seeded
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.plugins.classification.spec import CrossEntropy
from antifaz.plugins.text.masking.spec import MaskTokens
from antifaz.registry import SpecError

IDS = {"text": Shape((40,), "int64", vocab_size=260)}
BLANK = 36


def sentences() -> Features:
    """200 sentences of 8 words of 4 bytes; every fourth sample has none."""
    ids = torch.randint(70, 100, (200, 40))
    ids[:, 4::5] = BLANK
    ids[:, 38:] = 0
    valid = torch.arange(200) % 4 != 3
    return Features(torch.where(valid[:, None], ids, 0), valid)


def hidden(spec: MaskTokens) -> tuple[Features, Features, Features]:
    """What came in, what is seen, and what stood there."""
    with seeded(0):
        text = sentences()
        batch = spec.build(IDS)({"text": text})
    return text, batch["text"], batch["text_target"]


def test_hidden_ids_are_replaced_and_known_to_the_target() -> None:
    text, seen, target = hidden(MaskTokens(rate=0.3))
    there = text.values >= 4
    assert not bool((target.presence() & ~there).any())
    assert torch.equal(target.values[target.presence()], text.values[target.presence()])
    assert not bool(target.values[~target.presence()].any())
    assert torch.equal(seen.values[~target.presence()], text.values[~target.presence()])
    count = int(target.presence().sum())
    assert count / int(there.sum()) == pytest.approx(0.3, abs=0.03)
    now, before = seen.values[target.presence()], text.values[target.presence()]
    assert float((now == 1).float().mean()) == pytest.approx(0.8, abs=0.04)
    assert float((now == before).float().mean()) == pytest.approx(0.1, abs=0.03)
    assert int(now.min()) == 1
    assert int(now.max()) > 200  # random ids are any of the vocabulary


def test_whole_words_are_hidden_and_never_what_parts_them() -> None:
    _, seen, target = hidden(MaskTokens(rate=0.25, word_break=BLANK, random=0.0, keep=0.0))
    words = target.presence()[:, :35].view(200, 7, 5)
    assert bool((words[..., :4].all(dim=2) == words[..., :4].any(dim=2)).all())
    assert not bool(words[..., 4].any())
    share = words[..., 0][torch.arange(200) % 4 != 3].float().mean()
    assert float(share) == pytest.approx(0.25, abs=0.04)
    assert bool((seen.values[target.presence()] == 1).all())


def test_the_loss_is_the_mean_over_hidden_places() -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 5, 7, dtype=torch.float64, requires_grad=True)
    target = torch.randint(7, (3, 5))
    known = torch.tensor([[True, False, False, True, False], [False] * 5, [True, True, True, False, False]])
    present = torch.tensor([True, True, False])
    inputs = {"logits": {"text": Shape((5, 7))}, "target": {"hidden": Shape((5,), "int64", vocab_size=7)}}
    loss = CrossEntropy().build(inputs)(logits={"text": Features(logits, present)}, target={"hidden": Features(target, known)})
    value, figures = reduce({"mlm": loss}, {"mlm": 1.0})
    by_hand = [
        math.log(sum(math.exp(v) for v in logits[b, place].tolist())) - logits[b, place, target[b, place]].item()
        for b, place in ((0, 0), (0, 3))
    ]
    assert value.item() == pytest.approx(sum(by_hand) / 2, abs=1e-12)
    assert set(figures) == {"loss", "mlm", "mlm.text.accuracy"}
    (gradient,) = torch.autograd.grad(value, logits)
    assert bool(gradient[0, 0].any())
    assert not bool(gradient[0, 1].any())
    assert not bool(gradient[1:].any())


@pytest.mark.parametrize(
    ("options", "shapes", "message"),
    [
        ({"entry": "txt"}, IDS, "no entry 'txt'"),
        ({}, {"text": Shape((40,))}, ", not text"),
        ({"mask": 260}, IDS, "no id 260"),
        ({}, {**IDS, "text_target": Shape(())}, "an entry 'text_target' already"),
        ({"random": 0.6, "keep": 0.5}, IDS, "shares of one whole"),
    ],
)
def test_what_cannot_be_hidden_is_refused(options: dict, shapes: dict[str, Shape], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        MaskTokens(**options).shapes(shapes)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (Shape((), "int64"), r"class numbers are int64 \[5\]"),
        (Shape((5, 7)), r"class numbers are int64 \[5\]"),
        (Shape((5,), "int64", vocab_size=9), "of 7 classes, the target has numbers up to 8"),
    ],
)
def test_targets_that_do_not_fit_places_are_refused(target: Shape, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        CrossEntropy().build({"logits": {"text": Shape((5, 7))}, "target": {"it": target}})
