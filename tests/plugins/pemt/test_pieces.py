"""Cutting, hiding, tokens, readouts of sequences, and pairs that do not match."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from antifaz.core.graph.module import Graph
from antifaz.core.graph.wiring import NodePlan, wire
from antifaz.core.streams import Shape, Stream
from antifaz.core.tokens import Features, Tokens
from antifaz.plugins.classification.loss import CrossEntropyLoss
from antifaz.plugins.pemt.pieces.spec import Cut, MaskPieces, PieceTokens
from antifaz.plugins.pemt.pretraining.spec import Mismatch
from antifaz.plugins.pemt.readouts.spec import PairReadout, PieceReadout, SummaryReadout
from antifaz.registry import SpecError

SEQUENCE = {"video": Shape((6, 3))}


def test_pieces_are_cut_along_time() -> None:
    sound = torch.arange(24.0).view(1, 2, 12)
    spec = Cut(pieces=4, axis=1)
    assert spec.outputs({"audio": Shape((2, 12))}).dims == (4, 2, 3)
    pieces = spec.build({"audio": Shape((2, 12))})({"audio": Features(sound)}).values
    assert [torch.equal(pieces[:, i], sound[:, :, 3 * i : 3 * i + 3]) for i in range(4)] == [True] * 4


def test_nodes_over_pieces_fold_them_into_the_batch() -> None:
    plans = {
        "pieces": NodePlan(Cut(pieces=2, axis=1), "batch.audio"),
        "inner": NodePlan(MaskPieces(rate=0.5), "pieces", batch_axes=2),
    }
    wiring = wire(plans, {"audio": Shape((6, 8))}, lambda path, message, hint=None: pytest.fail(message))
    assert wiring.nodes["inner"].outputs["values"].dims == (2, 6, 4)
    valid = torch.tensor([True, False, True])
    found = Graph(wiring)({"audio": Features(torch.randn(3, 6, 8), valid)}, ["inner"])
    assert found["inner.values"].values.shape == (3, 2, 6, 4)
    assert found["inner.hidden"].values.sum(dim=2).tolist() == [[3.0, 3.0]] * 3  # each piece is a sample of its own
    assert torch.equal(found["inner.values"].valid, valid[:, None].expand(3, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize(("rate", "count"), [(0.0, 0), (0.01, 1), (0.15, 1), (0.5, 3), (0.8, 5)])
def test_so_many_pieces_are_hidden_in_training(rate: float, count: int) -> None:
    spec = MaskPieces(rate=rate)
    spec.outputs(SEQUENCE)
    mask = spec.build(SEQUENCE)
    x = torch.randn(50, 6, 3)
    torch.manual_seed(1)
    found = mask({"video": Features(x)})
    hidden = found["hidden"].values.bool()
    assert (hidden.sum(dim=1) == count).all()
    assert torch.equal(found["values"].values[~hidden], x[~hidden])
    assert (found["values"].values[hidden] == mask.instead).all()
    assert len({tuple(row.tolist()) for row in hidden}) > 3 or count == 0
    torch.manual_seed(1)
    assert torch.equal(mask({"video": Features(x)})["hidden"].values.bool(), hidden)
    mask.eval()
    assert torch.equal(mask({"video": Features(x)})["values"].values, x)
    assert not mask({"video": Features(x)})["hidden"].values.any()


def test_hiding_everything_is_refused() -> None:
    with pytest.raises(SpecError, match="hiding 1 of 1 pieces leaves none to see"):
        MaskPieces().outputs({"video": Shape((1, 3))})


def test_a_summary_token_stands_before_the_pieces() -> None:
    spec = PieceTokens(width=4)
    assert spec.outputs(SEQUENCE).grid == (7,)
    module = spec.build(SEQUENCE)
    valid = torch.tensor([[True, False, True, True, True, True], [False] * 6])
    tokens = module(torch.randn(2, 6, 3), valid)
    assert torch.equal(tokens.values[:, 0], module.summary.expand(2, -1))
    assert tokens.valid[:, 0].tolist() == [True, False]
    assert torch.equal(tokens.valid[:, 1:], valid)


def test_vectors_may_stay_as_they_are() -> None:
    spec = PieceTokens(summary=False, positions=False)
    x = torch.randn(2, 6, 3)
    module = spec.build(SEQUENCE)
    assert not list(module.parameters())
    assert torch.equal(module(x).values, x)


def test_positions_of_another_length_are_resampled() -> None:
    module = PieceTokens(width=4).build(SEQUENCE)
    other = PieceTokens(width=4).build({"video": Shape((3, 3))}).state_dict()
    adapted = module.adapt(dict(other))
    assert adapted["positions"].shape == (6, 4)
    module.load_state_dict(adapted)


STREAMS = {"video": Stream("video", 2, (4,)), "audio": Stream("audio", 2, (3,))}


def tokens(count: int, valid: torch.Tensor | None = None, seed: int = 0) -> Tokens:
    generator = torch.Generator().manual_seed(seed)
    return Tokens(torch.randn(64, count, 2, generator=generator, dtype=torch.float64), (count,), valid=valid)


def test_summaries_and_pieces_are_told_apart() -> None:
    video = tokens(4)
    assert torch.equal(SummaryReadout().build(STREAMS)({"video": video})["video"].values, video.values[:, 0])
    assert torch.equal(PieceReadout().build(STREAMS)({"video": video})["video"].values, video.values[:, 1:])


def test_a_pair_is_the_mean_of_summaries_and_one_time_or_all() -> None:
    given = {"video": tokens(4), "audio": tokens(3, seed=1)}
    summary = (given["video"].values[:, 0] + given["audio"].values[:, 0]) / 2
    pieces = torch.cat([given["audio"].values[:, 1:], given["video"].values[:, 1:]], dim=1)
    module = PairReadout().build(STREAMS)
    torch.manual_seed(0)
    found = module(given).values
    assert torch.allclose(found[:, :2], summary, atol=1e-15)
    places = (found[:, None, 2:] - pieces).abs().sum(dim=2).argmin(dim=1)
    assert torch.allclose(found[:, 2:], pieces[torch.arange(64), places], atol=1e-15)
    assert set(places.tolist()) == set(range(5))
    module.eval()
    assert torch.allclose(module(given).values[:, 2:], pieces.mean(dim=1), atol=1e-15)
    assert torch.equal(PairReadout(time="mean").build(STREAMS)(given).values, module(given).values)


def test_a_pair_counts_what_is_there() -> None:
    there = torch.arange(64) % 2 == 0
    video = tokens(4, there[:, None].expand(64, 4))
    audio = tokens(3, seed=1)
    module = PairReadout().build(STREAMS)
    both, alone = module({"video": video, "audio": audio}).values, audio.values
    assert torch.allclose(both[1, :2], alone[1, 0], atol=1e-15)
    assert both[1, 2:].tolist() in alone[1, 1:].tolist()
    nobody = module({"video": tokens(4, torch.zeros(64, 4, dtype=torch.bool))})
    assert not nobody.values.any()
    assert not nobody.valid.any()


def test_correct_pair_prediction_is_the_logistic_loss_of_the_difference() -> None:
    """Two classes under cross-entropy against a transcription of -log sigmoid(+-z), z the difference of the logits."""
    given = {"video": tokens(4), "audio": tokens(3, seed=1)}
    pair = PairReadout(time="mean").build(STREAMS)(given).values
    weight = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    matched = torch.arange(64) % 3 > 0
    loss = CrossEntropyLoss(None, 0.0)(logits={"pair": Features(pair @ weight.T)}, target={"matched": Features(matched.long())})
    (loss.terms["pair"].total / 64).backward()
    z = pair.numpy() @ (weight[1] - weight[0]).detach().numpy()
    sign = np.where(matched.numpy(), 1, -1)
    assert loss.terms["pair"].total.item() / 64 == pytest.approx(np.log1p(np.exp(-sign * z)).mean(), rel=1e-12)
    slope = (-sign / (1 + np.exp(sign * z)))[:, None] * pair.numpy()
    assert np.abs(weight.grad[1].numpy() - slope.mean(axis=0)).max() < 1e-12  # type: ignore[index]


SHAPES = {"video": Shape((2,)), "audio": Shape((1,))}


def batch(video: torch.Tensor | None = None, audio: torch.Tensor | None = None, size: int = 9) -> dict[str, Features]:
    numbers = torch.arange(float(size))[:, None]
    return {"video": Features(numbers.expand(size, 2), video), "audio": Features(numbers, audio)}


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_exchanged_samples_have_the_sound_of_another_and_say_so(share: float) -> None:
    exchange = Mismatch(exchange="audio", against="video", share=share).build(SHAPES)
    torch.manual_seed(0)
    found = exchange(batch())
    own = found["audio"].values[:, 0] == torch.arange(9)
    assert torch.equal(found["matched"].values.bool(), own)
    assert (~own).sum() == round(share * 9)
    assert sorted(found["audio"].values[:, 0].tolist()) == list(range(9))
    assert torch.equal(found["video"].values, batch()["video"].values)
    assert found["matched"].valid is None


def test_only_samples_with_both_take_part() -> None:
    video, audio = torch.arange(9) % 3 != 0, torch.arange(9) % 4 != 0
    found = Mismatch(exchange="audio", against="video", share=1.0).build(SHAPES)(batch(video, audio))
    both = video & audio
    assert torch.equal(found["matched"].valid, both)
    own = found["audio"].values[:, 0] == torch.arange(9)
    assert torch.equal(own, ~both)
    assert torch.equal(found["audio"].valid, audio)


@pytest.mark.parametrize(("share", "there"), [(0.01, 9), (0.5, 2), (0.4, 3), (1.0, 2)])
def test_at_least_two_samples_are_exchanged(share: float, there: int) -> None:
    found = Mismatch(exchange="audio", against="video", share=share).build(SHAPES)(batch(torch.arange(9) < there))
    own = found["audio"].values[:, 0] == torch.arange(9)
    assert (~own).sum() == 2
    assert own[there:].all()
    assert torch.equal(found["matched"].values.bool(), own)
    assert torch.equal(found["matched"].valid, torch.arange(9) < there)


@pytest.mark.parametrize("there", [0, 1])
def test_one_sample_has_nobody_to_exchange_with_and_teaches_nothing(there: int) -> None:
    found = Mismatch(exchange="audio", against="video").build(SHAPES)(batch(torch.arange(9) < there))
    assert not found["matched"].in_samples().any()
    assert torch.equal(found["audio"].values, batch()["audio"].values)


def test_a_batch_of_one_teaches_nothing_unless_nothing_is_to_be_exchanged() -> None:
    for share, told in ((0.5, False), (0.0, True)):
        found = Mismatch(exchange="audio", against="video", share=share).build(SHAPES)(batch(size=1))
        assert found["matched"].in_samples().tolist() == [told]
        assert found["matched"].values.tolist() == [1]


@pytest.mark.parametrize("candidates", [3, 5])
@pytest.mark.parametrize("exchange", ["text", "video"])
def test_the_presence_of_candidates_goes_with_them(exchange: str, candidates: int) -> None:
    numbers = torch.arange(5.0)
    there = torch.arange(candidates) <= torch.tensor([1, 0, 2, 1, -1])[:, None]  # the last sample has no sentence at all
    text = Features(numbers[:, None, None].expand(5, candidates, 2), there)
    video = Features(numbers[:, None], torch.tensor([True, True, True, False, True]))
    shapes = {"text": Shape((candidates, 2)), "video": Shape((1,))}
    against = "video" if exchange == "text" else "text"
    found = Mismatch(exchange=exchange, against=against, share=1.0).build(shapes)({"text": text, "video": video})
    source = found[exchange].values.flatten(1)[:, 0].long()
    assert found["matched"].valid.tolist() == [True, True, True, False, False]  # type: ignore[union-attr]
    assert found["matched"].values.tolist() == [0, 0, 0, 1, 1]
    assert sorted(source[:3].tolist()) == [0, 1, 2]
    given = {"text": text, "video": video}[exchange]
    assert torch.equal(found[exchange].valid, given.valid[source])  # type: ignore[arg-type,index]
    assert found[against] is {"text": text, "video": video}[against]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"exchange": "sound", "against": "video"}, "there is no entry 'sound'"),
        ({"exchange": "audio", "against": "audio"}, "cannot be held against itself"),
        ({"exchange": "audio", "against": "video", "name": "video"}, "have an entry 'video' already"),
    ],
)
def test_pairs_that_make_no_sense_are_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Mismatch(**options).shapes(SHAPES)
