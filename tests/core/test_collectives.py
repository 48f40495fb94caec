"""Two gloo processes against one with the same global batch: values, gradients, statistics.

This file is also the program that each of the two processes runs.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from antifaz.core import collectives
from antifaz.core.objectives import Loss, reduce
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.plugins.classification.spec import CrossEntropy, LinearHeads
from antifaz.plugins.contrastive.spec import MILNCE, InfoNCE, Projection
from antifaz.plugins.reconstruction.masking.spec import MaskedError
from antifaz.plugins.reconstruction.spec import Reconstruction
from antifaz.plugins.vatt.spec import CommonSpace

WORLD, BATCH, WIDTH, CLASSES = 2, 8, 6, 3
TOLERANCE = 1e-12
"""Of each tensor's norm, in float64."""
WEIGHTS = {"contrast": 1.0, "labels": 0.5, "sound": 0.5, "sentences": 0.5, "heard": 0.5, "seen": 0.5}

ALL = [True] * BATCH
BOTH = [[True, True]] * BATCH
PRESENCE: Mapping[str, Mapping[str, list[Any]]] = {
    "everything is there": {"video": ALL, "audio": ALL, "label": ALL, "text": BOTH},
    "samples lack this and that": {
        "video": [True, False, True, True, True, True, False, True],
        "audio": [True, True, False, True, True, False, False, True],
        "label": [True, True, True, False, True, True, True, True],
        "text": [[True, False], [True, True], [False, False], [False, True], *BOTH[:3], [True, False]],
    },
    "the second process has no video": {"video": [True] * 4 + [False] * 4, "audio": ALL, "label": ALL, "text": BOTH},
    "the first process has no text": {"video": ALL, "audio": ALL, "label": ALL, "text": [[False, False]] * 4 + [[True, False]] * 4},
    "nobody has video": {"video": [False] * BATCH, "audio": ALL, "label": ALL, "text": BOTH},
}


class TwoTowers(nn.Module):
    """Batch-normalised projections with InfoNCE at a learned temperature, VATT's common space with NCE and MIL-NCE over several
    sentences, heads with cross-entropy, errors of arrays: all that counts globally."""

    def __init__(self) -> None:
        super().__init__()
        feature, vector = Shape((WIDTH,)), Shape((4,))
        self.video = Projection(width=4, hidden=5, norm="batch").build({"video": feature})
        self.audio = Projection(width=4, hidden=5, norm="batch").build({"audio": feature})
        self.heads = LinearHeads(classes=CLASSES).build({"video": feature, "audio": feature})
        given = {"video": feature, "audio": feature, "text": Shape((2, WIDTH))}
        space = CommonSpace(width=4, text_width=3)
        self.space, made = space.build(given), space.outputs(given)
        self.sound = MILNCE().build({"anchor": {"it": made["video"]}, "candidates": {"it": made["audio"]}})
        self.sentences = MILNCE().build({"anchor": {"it": made["video_text"]}, "candidates": {"it": made["text"]}})
        self.contrast = InfoNCE(learned=True).build({"left": {"video": vector}, "right": {"audio": vector}})
        logits = {"video": Shape((CLASSES,)), "audio": Shape((CLASSES,))}
        pair = {"prediction": {"it": feature}, "target": {"it": feature}}
        self.guess = nn.Linear(WIDTH, WIDTH)
        self.heard = Reconstruction(error="absolute").build(pair)
        self.seen = MaskedError().build(pair | {"mask": {"it": Shape((WIDTH,), "bool")}})
        self.labels = CrossEntropy(label_smoothing=0.1).build({"logits": logits, "target": {"label": Shape((), "int64")}})

    def forward(self, batch: Mapping[str, Features]) -> dict[str, Loss]:
        video, audio = {"video": batch["video"]}, {"audio": batch["audio"]}
        made = self.space({name: batch[name] for name in ("video", "audio", "text")})
        guess = {"it": Features(self.guess(batch["audio"].values), batch["audio"].valid)}
        masked = {"it": Features(batch["audio"].values > 0)}
        return {
            "heard": self.heard(prediction=guess, target={"it": batch["video"]}),
            "seen": self.seen(prediction=guess, target={"it": batch["video"]}, mask=masked),
            "sound": self.sound(anchor={"it": made["video"]}, candidates={"it": made["audio"]}),
            "sentences": self.sentences(anchor={"it": made["video_text"]}, candidates={"it": made["text"]}),
            "contrast": self.contrast(left={"video": self.video(video)}, right={"audio": self.audio(audio)}),
            "labels": self.labels(logits=self.heads({**video, **audio}), target={"label": batch["label"]}),
        }


def global_batch(presence: Mapping[str, list[Any]]) -> dict[str, Features]:
    generator = torch.Generator().manual_seed(7)
    values = {
        "video": torch.randn(BATCH, WIDTH, generator=generator, dtype=torch.float64),
        "audio": torch.randn(BATCH, WIDTH, generator=generator, dtype=torch.float64),
        "label": torch.randint(CLASSES, (BATCH,), generator=generator),
        "text": torch.randn(BATCH, 2, WIDTH, generator=generator, dtype=torch.float64),
    }
    return {name: Features(value, torch.tensor(presence[name])) for name, value in values.items()}


def training_step(presence: Mapping[str, list[Any]]) -> dict[str, dict[str, Tensor]]:
    """What this process's share of the batch gives: logged figures, gradients, running averages."""
    torch.manual_seed(0)
    model = TwoTowers().double().train()
    local = BATCH // collectives.world_size()
    mine = slice(collectives.rank() * local, (collectives.rank() + 1) * local)
    batch = {name: Features(f.values[mine], f.presence()[mine]) for name, f in global_batch(presence).items()}
    wrapped = DistributedDataParallel(model) if dist.is_initialized() else model
    loss, figures = reduce(wrapped(batch), WEIGHTS)
    (loss * collectives.world_size()).backward()
    gradients = {name: p.grad for name, p in model.named_parameters()}
    return {"figures": figures, "gradients": gradients, "buffers": dict(model.named_buffers())}


def primitives() -> dict[str, Tensor]:
    """The primitives, on values that tell the processes apart."""
    rank = collectives.rank()
    rows = torch.arange(4.0, dtype=torch.float64).view(2, 2).T + 10 * rank
    rows.requires_grad_()
    gathered = collectives.gather(rows)
    factors = torch.arange(1.0, 1.0 + gathered.numel(), dtype=torch.float64).view_as(gathered)
    (gathered * factors * (rank + 1)).sum().backward()
    single = torch.tensor([1.0 + rank], requires_grad=True)
    total = collectives.sum_with_gradients(single)
    (total.square() * (rank + 1)).sum().backward()
    return {
        "gathered": gathered.detach(),
        "gathered_gradient": rows.grad,
        "gathered_bool": collectives.gather(torch.tensor([rank == 0, True])),
        "gathered_int": collectives.gather(torch.tensor([rank, 5])),
        "total": total.detach(),
        "total_gradient": single.grad,
        "sum": collectives.sum_over_ranks(torch.tensor([[1.0, 2.0], [3.0, 4.0]]).T * (rank + 1)),
    }


def work(rank: int, folder: Path) -> None:
    """The life of one process."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'rendezvous'}", rank=rank, world_size=WORLD)
    found = {"steps": {name: training_step(presence) for name, presence in PRESENCE.items()}, "collectives": primitives()}
    torch.save(found, folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of two processes found."""
    folder = tmp_path_factory.mktemp("two_processes")
    processes = [subprocess.Popen([sys.executable, __file__, str(rank), str(folder)]) for rank in range(WORLD)]
    assert [process.wait(timeout=120) for process in processes] == [0] * WORLD
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(WORLD)]


@pytest.mark.parametrize("case", PRESENCE)
def test_two_processes_do_what_one_does(found: list[dict[str, Any]], case: str) -> None:
    alone = training_step(PRESENCE[case])
    for result in found:
        together = result["steps"][case]
        for part in ("figures", "gradients", "buffers"):
            assert together[part].keys() == alone[part].keys()
            for name, expected in alone[part].items():
                error = torch.linalg.vector_norm(together[part][name] - expected)
                # What is zero but for rounding, such as the mean of what is normalised already, has no size to compare with.
                assert error <= TOLERANCE * torch.linalg.vector_norm(expected).clamp(min=1e-3), f"{part} {name}"


def test_what_nobody_has_gets_no_gradient() -> None:
    gradients = training_step(PRESENCE["nobody has video"])["gradients"]
    untouched = [name for name, gradient in gradients.items() if not gradient.any()]
    paired = [name for name in gradients if name.startswith(("video.", "audio.", "contrast.", "space.", "guess."))]
    assert sorted(untouched) == sorted([*paired, "heads.maps.video.weight", "heads.maps.video.bias"])


def test_gather_keeps_the_order_of_ranks_and_sends_every_gradient_home(found: list[dict[str, Any]]) -> None:
    rows = torch.tensor([[0.0, 2.0], [1.0, 3.0]], dtype=torch.float64)
    factors = torch.arange(1.0, 9.0, dtype=torch.float64).view(4, 2)
    for rank, result in enumerate(found):
        made = result["collectives"]
        assert torch.equal(made["gathered"], torch.cat([rows, rows + 10]))
        assert torch.equal(made["gathered_gradient"], 3 * factors[2 * rank : 2 * rank + 2])
        assert made["gathered_bool"].tolist() == [True, True, False, True]
        assert made["gathered_int"].tolist() == [0, 5, 1, 5]


def test_sums_over_ranks(found: list[dict[str, Any]]) -> None:
    for result in found:
        made = result["collectives"]
        assert made["total"].item() == 3
        assert made["total_gradient"].item() == 2 * 3 * (1 + 2)
        assert torch.equal(made["sum"], 3 * torch.tensor([[1.0, 3.0], [2.0, 4.0]]))


def test_collectives_of_a_single_process_change_nothing() -> None:
    made = primitives()
    assert torch.equal(made["gathered"], torch.tensor([[0.0, 2.0], [1.0, 3.0]], dtype=torch.float64))
    assert made["total"].item() == 1
    assert (collectives.world_size(), collectives.rank(), collectives.is_main()) == (1, 0, True)


if __name__ == "__main__":
    work(int(sys.argv[1]), Path(sys.argv[2]))
