"""Data sets and their batches: ceilings by enumeration, presence, caching, order, and a user's folder with its faults."""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from antifaz.cli.app import app
from antifaz.core.discovery import discover
from antifaz.core.errors import DataError
from antifaz.core.examples import Example
from antifaz.core.experiment import DataEntry, read
from antifaz.core.interfaces import DatasetSpec
from antifaz.data.batches import Batch, evaluation_batches, training_batches
from antifaz.data.media.writing import write_clip
from antifaz.engine.run import run_experiment
from antifaz.plugins.shapes_and_sounds import rules
from antifaz.registry import ConfigError, Plugins, SpecError, Structurer, component_of, load_document
from antifaz.testing import conformance

MODALITIES = (
    "{video: {use: frames, fps: 4, size: 16, augment: [flip]}, audio: {use: log_mel, bins: 8, hop: 0.125, augment: spec_augment}}"
)


@pytest.fixture
def make(plugins, tmp_path: Path):
    """A data entry from YAML."""

    def made(text: str) -> DataEntry:
        path = tmp_path / "data.yaml"
        path.write_text(text)
        document = load_document(path)
        problems = list(document.problems)
        entry = Structurer(plugins.catalogue).structure(document.data, DataEntry, document, (), problems)
        if entry is None:
            raise ConfigError(problems)
        return entry

    return made


@pytest.fixture
def shapes(make, clips: Path):
    def made(split: str = "train", samples: int = 32, more: str = "") -> DataEntry:
        return make(
            f"use: shapes_and_sounds\nsplit: {split}\nsamples: {samples}\nroot: {clips / 'data'}\n{more}\n"
            f"clip: {{seconds: 2.0}}\nmodalities: {MODALITIES}\n"
        )

    return made


def accuracy_of_the_best_answer(seen_of) -> float:
    """What an answer can reach that knows only `seen_of(motion, object, timbre)`: Bayes by enumeration of the label rule."""
    counts: dict[object, Counter[int]] = defaultdict(Counter)
    for group, i, other, member in itertools.product(range(4), range(4), range(4), range(2)):
        shape, timbre = rules.labelled_pair(group, i, other, member)
        counts[seen_of(group, shape, timbre)][4 * group + i] += 1
    total = sum(sum(c.values()) for c in counts.values())
    return 100 * sum(max(c.values()) for c in counts.values()) / total


def test_ceilings_follow_from_the_rule() -> None:
    assert accuracy_of_the_best_answer(lambda group, shape, timbre: (group, shape)) == rules.CEILINGS["video"] == 68.75
    assert accuracy_of_the_best_answer(lambda group, shape, timbre: (group, timbre)) == rules.CEILINGS["audio"] == 68.75
    assert accuracy_of_the_best_answer(lambda group, shape, timbre: (group, shape, timbre)) == rules.CEILINGS["fusion"] == 100.0


def test_paired_clips_sound_as_they_look() -> None:
    made = [rules.content("paired", i, rules.generator(0, "paired", i)) for i in range(32)]
    assert all(c.shape == c.timbre and c.motion == c.contour and c.label is None for c in made)
    assert len({(c.shape, c.motion) for c in made}) == 16


def equal(a: Batch, b: Batch) -> bool:
    same = a.indices == b.indices and a.entries.keys() == b.entries.keys()
    return same and all(torch.equal(a.entries[n].values, b.entries[n].values) for n in a.entries)


def test_order_and_augmentation_do_not_depend_on_workers_or_resuming(shapes) -> None:
    samples = shapes().dataset.build(True)
    whole = list(training_batches(samples, batch_size=8, steps=10, seed=3))
    helped = list(training_batches(samples, batch_size=8, steps=10, seed=3, workers=2))
    resumed = list(training_batches(samples, batch_size=8, steps=10, start=6, seed=3))
    assert all(equal(a, b) for a, b in zip(whole, helped, strict=True))
    assert all(equal(a, b) for a, b in zip(whole[6:], resumed, strict=True))
    assert sorted(i for batch in whole[:4] for i in batch.indices) == list(range(32))
    assert not equal(whole[0], next(training_batches(samples, batch_size=8, steps=1, seed=4)))


def test_processes_and_micro_batches_share_a_batch(shapes) -> None:
    samples = shapes().dataset.build(True)
    (whole,) = training_batches(samples, batch_size=8, steps=1)
    parts = [b for rank in (0, 1) for b in training_batches(samples, batch_size=8, steps=1, rank=rank, world=2, micro=2)]
    assert [i for part in parts for i in part.indices] == whole.indices
    assert [len(part.indices) for part in parts] == [2, 2, 2, 2]
    with pytest.raises(DataError, match="does not divide"):
        training_batches(samples, batch_size=8, steps=1, world=3)
    with pytest.raises(DataError, match="lower batch_size"):
        training_batches(samples, batch_size=64, steps=1)


def test_evaluation_sees_every_sample_once_in_order(shapes) -> None:
    samples = shapes(samples=30).dataset.build(False)
    assert [i for b in evaluation_batches(samples, batch_size=8) for i in b.indices] == list(range(30))
    two = [i for rank in (0, 1) for b in evaluation_batches(samples, batch_size=8, rank=rank, world=2) for i in b.indices]
    assert sorted(two) == list(range(30))


def test_a_cache_gives_what_decoding_gives_and_is_remade_when_damaged(shapes, clips: Path) -> None:
    direct, cached = (shapes(more=f"cache: {flag}").dataset.build(True) for flag in ("false", "true"))
    for index in (0, 5, 31):
        a, b = direct.load(index, 9), cached.load(index, 9)
        assert all(torch.equal(a.entries[n], b.entries[n]) for n in a.entries)
    file = cached.folder / "video.npy"
    file.write_bytes(file.read_bytes()[:-5])
    again = shapes(more="cache: true").dataset.build(True)
    assert torch.equal(again.load(31, 9).entries["video"], direct.load(31, 9).entries["video"])


@pytest.fixture
def media(tmp_path: Path, clips: Path, shapes) -> Path:
    """A folder with a whole clip, one without sound, one without pictures, and a broken one."""
    shapes().dataset.build(False)
    root = tmp_path / "media"
    root.mkdir()
    whole = (clips / "data/normal-0-v1/train/00000.mp4").read_bytes()
    (root / "whole.mp4").write_bytes(whole)
    (root / "broken.mp4").write_bytes(whole[:300])
    import numpy as np

    write_clip(root / "silent.mp4", np.full((16, 32, 32, 3), 99, np.uint8), None, fps=8, sample_rate=16000)
    write_clip(root / "dark.mp4", None, np.full(32000, 0.1, np.float32), fps=8, sample_rate=16000)
    return root


@pytest.fixture
def folder(make, media: Path):
    def made(rows: str, more: str = "") -> DataEntry:
        (media / "index.csv").write_text("path,label\n" + rows)
        return make(
            f"use: folder\nroot: {media}\nindex: index.csv\nlabel: label\nclasses: [cat, dog]\n{more}\n"
            f"clip: {{seconds: 2.0}}\nmodalities: {MODALITIES}\n"
        )

    return made


def test_what_a_file_lacks_is_marked_absent(folder) -> None:
    samples = folder("whole.mp4,cat\nsilent.mp4,dog\ndark.mp4,\nbroken.mp4,cat\n").dataset.build(False)
    (batch,) = evaluation_batches(samples, batch_size=4)
    assert batch.entries["video"].valid.tolist() == [True, True, False, False]
    assert batch.entries["audio"].valid.tolist() == [True, False, True, False]
    assert batch.entries["label"].valid.tolist() == [True, True, False, False]
    assert (batch.entries["audio"].values[1] == 0).all()
    assert (batch.entries["video"].values[2] == 0).all()
    assert list(batch.problems) == [3]
    assert "broken.mp4" in batch.problems[3]


@pytest.mark.parametrize(
    ("rows", "more", "words"),
    [
        ("whole.mp4,cat\nnothing.mp4,cat\n", "", ["1 files", "line 3: nothing.mp4", "max_missing"]),
        ("whole.mp4,dgo\n", "", ["line 2: 'dgo'", "'dog'"]),
        ("../outside.mp4,cat\n", "", ["outside", "line 2"]),
        ("/etc/hostname,cat\n", "", ["outside"]),
        ("whole.mp4,cat\n", "path: file", ["no column 'file'"]),
        ("", "", ["lists no file"]),
    ],
)
def test_faults_of_an_index_are_told(folder, rows: str, more: str, words: list[str]) -> None:
    with pytest.raises(DataError) as refused:
        folder(rows, more).dataset.build(False)
    assert all(word in str(refused.value) for word in words), refused.value


def test_missing_files_within_the_limit_are_counted(folder) -> None:
    samples = folder("whole.mp4,cat\nnothing.mp4,cat\n", "max_missing: 1").dataset.build(False)
    assert samples.counts() == {"found": 1, "missing": 1, "unreadable": 0}


def test_a_mixture_lacks_what_its_parts_lack(make, clips: Path) -> None:
    part = f"use: shapes_and_sounds, samples: 16, root: {clips / 'data'}, clip: {{seconds: 2.0}}, modalities: {MODALITIES}"
    data = make(f"use: mixture\nparts: {{a: {{{part}, split: paired}}, b: {{{part}, split: train}}}}\nrepeat: {{b: 2}}\n")
    assert len(data.dataset.build(False)) == 32
    samples = data.dataset.build(True)
    (batch,) = evaluation_batches(samples, batch_size=64)
    assert len(samples) == 48
    assert batch.entries["label"].valid.tolist() == [False] * 16 + [True] * 32
    assert batch.entries["video"].valid is None


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("{use: bytes, length: 16}", "{use: bytes, length: 8}", "'text' is of shape [8] in 'b' and of shape [16] in 'a'"),
        (
            "{use: words, length: 8, vocabulary: [a, b]}",
            "{use: words, length: 8, vocabulary: [a, b, c]}",
            "'text' is of 7 ids in 'b' and of 6 ids in 'a'",
        ),
        (
            "{use: bytes, length: 16}",
            "{use: log_mel, bins: 8, hop: 0.125}",
            "'text' is of shape [8, 16], of float32, of any number of ids in 'b' and of shape [16], of int64, of 260 ids in 'a'",
        ),
    ],
)
def test_parts_of_a_mixture_say_how_their_entries_differ(make, one: str, other: str, words: str) -> None:
    part = "use: shapes_and_sounds, samples: 16, clip: {seconds: 2.0}, split: paired"
    parts = ", ".join(f"{name}: {{{part}, modalities: {{text: {text}}}}}" for name, text in (("a", one), ("b", other)))
    with pytest.raises(SpecError) as refused:
        make(f"use: mixture\nparts: {{{parts}}}\n").dataset.shapes()
    assert refused.value.message == words
    assert refused.value.field == "parts.b"


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ("[cat, dog, cow]", "'label' is of 3 classes in 'b' and of 2 classes in 'a'"),
        ("[cat, cow]", "'label' is with 'cow' as class 1 in 'b' and with 'dog' as class 1 in 'a'"),
    ],
)
def test_parts_of_a_mixture_say_which_classes_differ(make, classes: str, words: str) -> None:
    part = "use: folder, root: r, index: i.csv, label: label, clip: {seconds: 2.0}, modalities: {text: {use: bytes, length: 4}}"
    parts = f"{{a: {{{part}, classes: [cat, dog]}}, b: {{{part}, classes: {classes}}}}}"
    with pytest.raises(SpecError) as refused:
        make(f"use: mixture\nparts: {parts}\n").dataset.shapes()
    assert refused.value.message == words


def test_modality_dropout_never_takes_the_last(shapes) -> None:
    data = shapes(more="transforms: [{use: modality_dropout, probability: {video: 0.9, audio: 0.9}}]")
    samples = data.dataset.build(True)
    transforms = [t.build(samples.shapes) for t in data.transforms]
    lost = 0
    for batch in training_batches(samples, batch_size=16, steps=4, transforms=transforms):
        seen, heard = batch.entries["video"].presence(), batch.entries["audio"].presence()
        assert (seen | heard).all()
        assert (batch.entries["video"].values[~seen] == 0).all()
        lost += int((~seen).sum() + (~heard).sum())
    assert lost >= 40


def test_an_open_quote_in_an_index_is_told(folder) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        folder('whole.mp4,cat\n"whole.mp4,cat\nwhole.mp4,cat\n').dataset.build(False)


IMU = '''
from pathlib import Path
from typing import ClassVar, Literal
import attrs
from antifaz.core.streams import Shape
from antifaz.registry import component, hookimpl

@component("decoder", "imu")
@attrs.frozen(kw_only=True)
class Imu:
    """Four values of three axes in a .npy file."""
    reads: ClassVar[Literal["file"]] = "file"

    def shape(self, seconds):
        return Shape((3, 4))

    def build(self, seconds):
        import numpy, torch

        class Decoder:
            def decode(self, source, start):
                return torch.from_numpy(numpy.load(source)[:4].T.astype("float32").copy())

            def augment(self, stored):
                return stored

            def finish(self, stored, training):
                return stored / 2

        return Decoder()

@hookimpl
def antifaz_components():
    return [Imu]
'''


@pytest.fixture
def pairs(tmp_path: Path) -> tuple[Path, Plugins]:
    """A folder of sounds and signals, and the plugins with a decoder of signals."""
    (tmp_path / "imu.py").write_text(IMU)
    root = tmp_path / "pairs"
    root.mkdir()
    write_clip(root / "a.mp4", None, np.full(32000, 0.3, np.float32), fps=8, sample_rate=16000)
    np.save(root / "a.npy", np.arange(15).reshape(5, 3))
    np.save(root / "short.npy", np.arange(3))
    (root / "broken.npy").write_text("no array")
    (root / "index.csv").write_text("audio,imu\na.mp4,a.npy\n,a.npy\na.mp4,\n,broken.npy\n")
    return root, discover([tmp_path / "imu.py"])


def pairs_of(root: Path, plugins: Plugins, more: str = "") -> DatasetSpec:
    modalities = "{audio: {use: log_mel, bins: 8, hop: 0.125}, imu: imu}"
    text = f"{{use: folder, root: {root}, index: index.csv, clip: {{seconds: 1.0}}, modalities: {modalities}{more}}}"
    spec: DatasetSpec = component_of(text, "dataset", plugins.catalogue)
    return spec


@pytest.mark.parametrize("cache", ["false", "true"])
def test_a_folder_holds_files_that_are_no_media(pairs: tuple[Path, Plugins], cache: str) -> None:
    samples = pairs_of(*pairs, f", cache: {cache}").build(training=False)
    found = [samples.load(i, 0) for i in range(len(samples))]
    assert [[name for name, value in sample.entries.items() if value is not None] for sample in found] == [
        ["audio", "imu"], ["imu"], ["audio"], []
    ]  # fmt: skip
    assert found[0].entries["imu"].tolist() == np.arange(12).reshape(4, 3).T.tolist()
    assert "broken.npy cannot be read as 'imu': " in found[3].problem
    (batch,) = evaluation_batches(samples, batch_size=4)
    assert batch.entries["imu"].values[:, 1, 3].tolist() == [5.0, 5.0, 0.0, 0.0]
    assert batch.problems.keys() == {3}


def test_the_kit_holds_a_decoder_of_files_against_the_files_of_its_example(pairs: tuple[Path, Plugins]) -> None:
    _, plugins = pairs

    def write(folder: Path) -> None:
        np.save(folder / "a.npy", np.ones((6, 3)))

    (check,) = conformance([Example("decoder", "imu", prepare=write)], plugins=plugins)
    check()
    (check,) = conformance([Example("decoder", "imu")], plugins=plugins)
    with pytest.raises(AssertionError, match="give the example a `prepare`"):
        check()


def test_a_sample_of_a_folder_is_made_of_a_pair_of_files(pairs: tuple[Path, Plugins]) -> None:
    root, plugins = pairs
    spec = pairs_of(root, plugins)
    assert spec.takes() == {"audio": "file", "imu": "file"}
    listed = spec.build(training=False)
    made = spec.sample_of({"audio": root / "a.mp4", "imu": root / "a.npy"})
    for name in ("audio", "imu"):
        assert torch.equal(made.load(0, 0).entries[name], listed.load(0, 0).entries[name])
    assert spec.sample_of({"imu": root / "a.npy"}).load(0, 0).entries["audio"] is None


def test_a_mixture_makes_a_sample_of_what_its_parts_make(pairs: tuple[Path, Plugins]) -> None:
    root, plugins = pairs
    part = f"{{use: folder, root: {root}, index: index.csv, path: audio, clip: {{seconds: 1.0}}, modalities: "
    sounds = f"{part}{{audio: {{use: log_mel, bins: 8, hop: 0.125}}}}}}"
    spec = component_of(
        f"{{use: mixture, parts: {{sounds: {sounds}, signals: {part}{{imu: imu}}}}}}}}", "dataset", plugins.catalogue
    )
    assert spec.takes() == {"audio": "file", "imu": "file"}
    made = spec.sample_of({"audio": root / "a.mp4", "imu": root / "a.npy"})
    assert len(made) == 1
    sample, listed = made.load(0, 0), pairs_of(root, plugins).build(training=False)
    (batch,) = evaluation_batches(listed, batch_size=4)
    for name in ("audio", "imu"):
        assert torch.equal(made.finish(name, sample.entries[name]), batch.entries[name].values[0])
    assert made.identity(0) == f"{root / 'a.mp4'}, {root / 'a.npy'}"
    assert spec.sample_of({"imu": root / "a.npy"}).load(0, 0).entries["audio"] is None
    assert "broken.npy" in spec.sample_of({"audio": root / "a.mp4", "imu": root / "broken.npy"}).load(0, 0).problem


PAIRS = """
name: pairs
data:
  train: {{use: folder, root: {root}, index: index.csv, batch_size: 2, max_unreadable: 1, clip: {{seconds: 1.0}},
          modalities: {{audio: {{use: log_mel, bins: 8, hop: 0.125}}, imu: imu}}}}
graph:
  audio: {{use: spectrogram_patches, in: batch.audio, patch: [8, 8], width: 8}}
  imu: {{use: spectrogram_patches, in: batch.imu, patch: [3, 4], width: 8}}
  encoder: {{use: vit, in: [audio, imu], mask: isolated, depth: 1, heads: 2}}
  pooled: {{use: query_readout, in: encoder, mask: zorro, global_query: false}}
  sound: {{use: projection, in: pooled.audio, width: 12}}
  signal: {{use: projection, in: pooled.imu, width: 12}}
stages:
  train:
    task: train
    data: train
    steps: 1
    optimizer: {{use: adamw, lr: 0.001}}
    objectives: {{at: {{use: info_nce, in: [sound, signal]}}}}
"""


def test_a_pair_of_files_is_answered_on_the_command_line(pairs: tuple[Path, Plugins], tmp_path: Path) -> None:
    root, plugins = pairs
    (tmp_path / "pairs.yaml").write_text(PAIRS.format(root=root))
    run_experiment(read(tmp_path / "pairs.yaml", plugins), tmp_path / "run", device="cpu", quiet=True)
    asked = ["--run", str(tmp_path / "run"), "-p", str(tmp_path / "imu.py"), "--json"]
    both = CliRunner().invoke(app, ["predict", f"audio={root / 'a.mp4'}", f"imu={root / 'a.npy'}", *asked])
    (answer,) = json.loads(both.stdout)
    assert answer["file"] == f"{root / 'a.mp4'}, {root / 'a.npy'}"
    assert answer["modalities"] == ["audio", "imu"]
    assert {name: len(vector) for name, vector in answer["outputs"].items()} == {"sound": 12, "signal": 12}
    alone = CliRunner().invoke(app, ["predict", f"imu={root / 'a.npy'}", *asked])
    assert json.loads(alone.stdout)[0]["outputs"] == {"signal": answer["outputs"]["signal"]}
    broken = CliRunner().invoke(app, ["predict", f"imu={root / 'broken.npy'}", *asked])
    assert isinstance(broken.exception, DataError)
    assert "broken.npy cannot be read as 'imu'" in str(broken.exception)
