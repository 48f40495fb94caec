"""Several views of a sample: which parts of a file they are, how their answers become one, and that a run evaluates so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from antifaz import load
from antifaz.core.errors import DataError
from antifaz.core.experiment import Experiment, read
from antifaz.core.interfaces import views_of
from antifaz.core.tokens import Features
from antifaz.data.batches import Batch, UnreadableLimit
from antifaz.data.clips import Clip
from antifaz.data.media.writing import write_clip
from antifaz.data.samples import MediaSamples, Row
from antifaz.data.views import averaged
from antifaz.engine.run import run_experiment
from antifaz.plugins.mixture.samples import MixedSamples
from antifaz.plugins.video.decoder import FrameDecoder
from antifaz.registry import Plugins


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """Four seconds of 8 pictures a second, 72 x 24: brighter each second, left, centre and right of one colour each."""
    path = tmp_path / "wide.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=8)
        stream.height, stream.width, stream.pix_fmt = 24, 72, "bgr0"
        for i in range(32):
            picture = np.zeros((24, 72, 3), np.uint8)
            for part in range(3):
                picture[:, 24 * part : 24 * part + 24, part] = 20 * (i // 8) + 20
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def samples_of(path: Path, *, training: bool = False) -> MediaSamples:
    decoder = FrameDecoder(fps=2, count=2, size=24, stored=24, crops=3)
    clip = Clip(seconds=1.0, views=4)
    return MediaSamples([Row({"video": path}), Row({"video": path})], {"video": decoder}, {}, clip, training=training)


def test_views_are_clips_over_the_file_times_squares_over_the_picture(wide: Path) -> None:
    samples = samples_of(wide)
    assert (len(samples), views_of(samples), samples.counts()["found"]) == (24, 12, 2)
    for view in range(12):
        video = samples.load(12 + view, 0).entries["video"]
        second, part = divmod(view, 3)
        assert isinstance(video, torch.Tensor)
        assert video.shape == (2, 3, 24, 24)
        colours = [20 * second + 20 if channel == part else 0 for channel in range(3)]
        assert video.float().mean(dim=(0, 2, 3)).tolist() == pytest.approx(colours, abs=2)


def test_training_has_one_view(wide: Path) -> None:
    samples = samples_of(wide, training=True)
    assert (len(samples), views_of(samples)) == (2, 1)
    video = samples.load(0, 0).entries["video"]
    assert isinstance(video, torch.Tensor)
    assert video[:, 1].float().mean() > 10  # the centre


def test_answers_are_averaged_over_the_views_that_are_there() -> None:
    logits = torch.tensor([[1.0, 3.0], [5.0, 1.0], [9.0, 9.0], [7.0, 7.0]], dtype=torch.float64)
    value = Features(logits, torch.tensor([True, True, False, False]))
    mean = averaged(value, 2)
    assert mean.values.tolist() == [[3.0, 2.0], [0.0, 0.0]]
    assert mean.presence().tolist() == [True, False]
    chances = np.exp(logits[:2].numpy()) / np.exp(logits[:2].numpy()).sum(axis=1, keepdims=True)
    assert averaged(value, 2, "softmax").values[0].softmax(0).numpy() == pytest.approx(chances.mean(axis=0), abs=1e-12)
    single = 1 / (1 + np.exp(-logits[:2].numpy()))
    assert averaged(value, 2, "sigmoid").values[0].sigmoid().numpy() == pytest.approx(single.mean(axis=0), abs=1e-12)
    assert averaged(value, 2, "sigmoid").values[1].tolist() == [0.0, 0.0]


def test_one_of_two_views_counts_alone() -> None:
    value = Features(torch.tensor([[1.0, 3.0], [5.0, 1.0]]), torch.tensor([False, True]))
    for averaging in ("mean", "softmax", "sigmoid"):
        chances = averaged(value, 2, averaging).values[0]
        assert (chances.sigmoid() if averaging == "sigmoid" else chances.softmax(0)).tolist() == pytest.approx(
            (value.values[1].sigmoid() if averaging == "sigmoid" else value.values[1].softmax(0)).tolist(), abs=1e-6
        )


def test_labels_are_not_averaged_and_several_of_a_kind_are_each_their_own() -> None:
    labels = averaged(Features(torch.tensor([3, 3, 5, 7]), torch.tensor([True, True, False, True])), 2)
    assert labels.values.tolist() == [3, 7]
    several = Features(torch.tensor([[[2.0], [4.0]], [[6.0], [8.0]]]), torch.tensor([[True, False], [True, True]]))
    merged = averaged(several, 2)
    assert merged.values.tolist() == [[[4.0], [8.0]]]
    assert merged.presence().tolist() == [[True, True]]


def test_a_broken_file_is_one_broken_file(wide: Path) -> None:
    limit = UnreadableLimit(samples_of(wide), 1, "test")
    problems = dict.fromkeys(range(12), "broken")
    assert list(limit.take(Batch({}, list(range(12)), problems)).values()) == ["broken"]
    assert limit.take(Batch({}, [3], {3: "broken"})) == {}


def test_a_mixture_has_the_views_of_its_parts(wide: Path) -> None:
    mixed = MixedSamples({"a": samples_of(wide), "b": samples_of(wide)}, {"a": 1, "b": 1}, {})
    assert (len(mixed), views_of(mixed)) == (48, 12)
    with pytest.raises(DataError, match="different numbers of views of a sample: a 12, b 1"):
        MixedSamples({"a": samples_of(wide), "b": samples_of(wide, training=True)}, {"a": 1, "b": 1}, {})


def folder_of(root: Path) -> list[Path]:
    """Six files of three seconds, whose picture and tone change from second to second."""
    root.mkdir()
    rng = np.random.default_rng(0)
    for i in range(6):
        pictures = np.repeat(rng.integers(0, 255, (3, 4, 6, 3), np.uint8), 8, axis=0).repeat(8, axis=1).repeat(8, axis=2)
        tones = np.repeat(rng.uniform(200, 2000, 3), 16000)
        sound = 0.5 * np.sin(np.cumsum(tones) * 2 * np.pi / 16000).astype(np.float32)
        write_clip(root / f"{i}.mp4", pictures, sound, fps=8, sample_rate=16000)
    (root / "index.csv").write_text("path,label\n" + "".join(f"{i}.mp4,{'ab'[i % 2]}\n" for i in range(6)))
    return [root / f"{i}.mp4" for i in range(6)]


@pytest.fixture
def viewed(tiny: Callable[..., Experiment], tiny_config: Path, plugins: Plugins, tmp_path: Path) -> Callable[..., Experiment]:
    """The tiny experiment, fine-tuned and evaluated on a folder of files."""
    folder_of(tmp_path / "media")

    def make(*overrides: str) -> Experiment:
        folder = f"{{use: folder, root: {tmp_path / 'media'}, index: index.csv, label: label, classes: [a, b], " + (
            "batch_size: 6, clip: {seconds: 2.0}, modalities: {video: {use: frames, fps: 4, size: 32}, "
            "audio: {use: log_mel, bins: 16, hop: 0.0625}}}"
        )
        own = ["stages.pretrain=!delete", "stages.finetune.init=!delete", "stages.finetune.steps=2", "graph.labels.classes=2"]
        return read(
            tiny_config, plugins, [f"data.labelled={folder}", f"data.test={folder}", "stages.evaluate.data=test", *own, *overrides]
        )

    return make


def test_an_evaluation_and_a_prediction_average_over_views(viewed: Callable[..., Experiment], tmp_path: Path) -> None:
    views = ["data.test.clip.views=3", "data.test.modalities.video.crops=2"]
    run_experiment(
        viewed(*views, "stages.evaluate.metrics.accuracy.average_views=softmax"), tmp_path / "r", device="cpu", quiet=True
    )
    results = json.loads((tmp_path / "r" / "results.json").read_text())["evaluate"]["audio+video"]
    assert results["accuracy"]["fusion_samples"] == 6
    details = json.loads((tmp_path / "r" / "stages" / "evaluate" / "details.json").read_text())
    assert [Path(name).name for name in details["samples"]] == [f"{i}.mp4" for i in range(6)]
    predictor = load(str(tmp_path / "r"))
    batch = predictor.batch(tmp_path / "media" / "0.mp4")
    assert len(batch["video"].values) == 6
    (answer,) = predictor.predict([tmp_path / "media" / "0.mp4"])
    with torch.no_grad():
        each = [predictor.graph({k: Features(v.values[i : i + 1]) for k, v in batch.items()}, ["labels.fusion"]) for i in range(6)]
    logits = torch.cat([one["labels.fusion"].values for one in each])
    assert answer.outputs["labels.fusion"] == pytest.approx(logits.mean(dim=0).tolist(), abs=1e-5)
    assert logits.std(dim=0).max() > 1e-4  # the views differ
    chance = details["given"]["audio+video"]["accuracy"]["outputs"]["fusion"]["scores"][0]
    assert chance == pytest.approx(float(logits.softmax(dim=1).mean(dim=0)[0]), abs=1e-5)


def test_a_cache_keeps_every_view(viewed: Callable[..., Experiment], tmp_path: Path) -> None:
    views = ["data.test.clip.views=2"]
    run_experiment(viewed(*views), tmp_path / "plain", device="cpu", quiet=True)
    run_experiment(viewed(*views, "data.test.cache=true"), tmp_path / "cached", device="cpu", quiet=True)
    plain, cached = (json.loads((tmp_path / name / "results.json").read_text()) for name in ("plain", "cached"))
    assert plain["evaluate"] == cached["evaluate"]


def test_files_shorter_than_a_clip_are_told_once(viewed: Callable[..., Experiment], tmp_path: Path) -> None:
    for cache in ("false", "true"):
        root = tmp_path / cache
        run_experiment(
            viewed("data.labelled.clip.seconds=4.0", f"data.labelled.cache={cache}", "data.test.clip.seconds=4.0"),
            root,
            device="cpu",
            quiet=True,
        )
        told = [json.loads(line)["text"] for line in (root / "warnings.jsonl").read_text().splitlines()]
        assert len(told) == 2
        assert "mp4 has 3 of a clip's 4 seconds; its last picture and silence stand for the rest" in told[0]
        assert [text.partition(":")[0] for text in told] == ["data labelled", "data test"]
