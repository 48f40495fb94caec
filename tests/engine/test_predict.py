"""Predictions name classes by what objectives and metrics say of themselves, whoever wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch

from antifaz.core.discovery import discover
from antifaz.core.errors import ComponentError, DataError, RunError
from antifaz.core.experiment import Experiment, read
from antifaz.core.graph.module import build_graph
from antifaz.core.interfaces import SampleSet
from antifaz.core.tokens import Features
from antifaz.engine.predict import Answer, Predictor, load
from antifaz.registry import ConfigError, component

PLUGIN = '''
from typing import ClassVar
import attrs
from antifaz.registry import component, hookimpl

@component("objective", "margin", arguments=("truth", "marks"))
@attrs.frozen(kw_only=True)
class Margin:
    """Marks of classes against the truth."""
    {protocol}

    def validate(self, inputs):
        pass

    def build(self, inputs):
        raise NotImplementedError

@hookimpl
def antifaz_components():
    return [Margin]
'''


def answer(tiny_config: Path, folder: Path, protocol: str) -> Answer:
    """Answer for a clip of the embedded data set by an untrained graph whose labels are learned by the objective of a stranger."""
    (folder / "margin.py").write_text(PLUGIN.replace("{protocol}", protocol))
    objective = "stages.finetune.objectives.labels={use: margin, in: {truth: batch.label, marks: labels}}"
    experiment = read(tiny_config, discover([folder / "margin.py"]), [objective, "stages.evaluate=!delete"])
    samples = experiment.data["labelled"].dataset.build(training=False)
    predictor = Predictor(experiment, "finetune", build_graph(experiment.wirings["finetune"], seed=0).eval())
    (found,) = predictor.predict([samples.identity(0)], top=2)
    return found


@pytest.mark.parametrize("protocol", ['class_scores: ClassVar[tuple[str, str]] = ("marks", "truth")', ""], ids=["said", "not said"])
def test_classes_are_named_where_an_objective_says_what_scores_them(tiny_config: Path, tmp_path: Path, protocol: str) -> None:
    found = answer(tiny_config, tmp_path, protocol)
    outputs = {"labels.video", "labels.audio", "labels.fusion", "labels.global"}
    assert outputs <= set(found.outputs)
    assert set(found.labels) == (outputs if protocol else set())
    for best in found.labels.values():
        assert len(best) == 2
        assert best[0][1] >= best[1][1] > 0


def test_the_config_of_an_earlier_version_is_answered_with_the_way_to_migrate_it(tiny_config: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    text = tiny_config.read_text()
    config.write_text(text.replace("optimizer: {use: adamw, lr: 0.001}", "optimizer: {lr: 0.001, warmup: 2}", 1))
    assert config.read_text() != text
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(ConfigError, match="does not say which one it is") as caught:
        load(tmp_path)
    assert str(caught.value).endswith(f"python tools/migrate_run.py {tmp_path}")


def numbers(experiment: Experiment, **methods: object) -> Predictor:
    """A predictor of an untrained graph whose data set is a stranger's, with these methods."""
    name = experiment.stages["finetune"].data
    own = experiment.data[name].dataset
    kept = {"shapes": lambda self: own.shapes(), "build": lambda self, training: own.build(training)}
    dataset = component("dataset", "numbers")(attrs.make_class("Numbers", [], class_body={**kept, **methods}))()
    changed = attrs.evolve(experiment, data={**experiment.data, name: attrs.evolve(experiment.data[name], dataset=dataset)})
    return Predictor(changed, "finetune", build_graph(experiment.wirings["finetune"], seed=0).eval())


def test_data_that_make_no_sample_have_features_and_say_what_prediction_needs(tiny_config: Path) -> None:
    predictor = numbers(read(tiny_config, discover()))
    with pytest.raises(RunError, match=r"'numbers' of stage 'finetune' makes no sample of files or sentences\n.*implement `takes`"):
        predictor.predict(["a.mp4"])
    shapes = predictor.graph.wiring.inputs
    batch = {"audio": torch.zeros(2, *shapes["audio"].dims), "label": torch.zeros(2, dtype=torch.long)}
    found = predictor.features(batch, ["pooled", "labels.audio"])
    assert set(found) == {"pooled.audio", "pooled.fusion", "pooled.global", "labels.audio"}
    assert found["labels.audio"].values.shape == (2, 16)
    assert set(predictor.features(batch)) == {"audio_z", "labels.audio", "labels.fusion", "labels.global"}
    with pytest.raises(DataError, match=r"the graph knows no entry 'oudio'\n.*did you mean 'audio'"):
        predictor.features({"oudio": batch["audio"]})


def test_streams_of_tokens_are_features(tiny_config: Path) -> None:
    predictor = numbers(read(tiny_config, discover()))
    batch = {"audio": torch.zeros(2, *predictor.graph.wiring.inputs["audio"].dims)}
    tokens = predictor.graph.wiring.value("encoder", "audio").tokens
    (found,) = predictor.features(batch, ["encoder.audio"]).values()
    assert found.values.shape == (2, tokens, 16)
    partly = Features(batch["audio"], torch.tensor([True, False]))
    (found,) = predictor.features({"audio": partly}, ["encoder.audio"]).values()
    assert found.valid is not None
    assert found.valid.tolist() == [[True] * tokens, [False] * tokens]
    embedded = predictor.embed(["encoder.audio"])["encoder.audio"]
    assert embedded.values.shape == (32, tokens, 16)


def test_a_batch_that_is_not_as_declared_is_refused(tiny_config: Path) -> None:
    predictor = numbers(read(tiny_config, discover()))
    dims = predictor.graph.wiring.inputs["audio"].dims
    audio, listed = torch.zeros(2, *dims), ", ".join(map(str, dims))
    for given, form in ((torch.zeros(2, 5), r"\[2, 5\] float32"), (audio.double(), rf"\[2, {listed}\] float64")):
        with pytest.raises(
            DataError, match=rf"the entry 'audio' of the batch is {form}, declared is \[batch, {listed}\] float32\n"
        ):
            predictor.features({"audio": given})
    with pytest.raises(DataError, match="different numbers of samples: audio 2, video 3"):
        predictor.features({"audio": audio, "video": torch.zeros(3, *predictor.graph.wiring.inputs["video"].dims)})
    with pytest.raises(DataError, match="'audio' of the batch is a list that makes no tensor"):
        predictor.features({"audio": [[1.0], [1.0, 2.0]]})  # type: ignore[dict-item]
    assert predictor.features({"audio": audio, "label": torch.zeros(2, 16)}, ["labels"])  # nothing there reads the label


def test_what_is_given_reaches_the_data_set_by_its_kind(tiny_config: Path) -> None:
    experiment = read(tiny_config, discover())
    own = experiment.data["labelled"].dataset
    clip = own.build(training=False).identity(0)
    seen = []

    def sample_of(self: object, given: Mapping[str, object]) -> SampleSet:
        seen.append(dict(given))
        return own.sample_of({"path": Path(clip)})

    kinds = {"sound": "file", "look": "file", "title": "sentence", "said": "sentences"}
    predictor = numbers(experiment, takes=lambda self: kinds, sample_of=sample_of)
    array = np.zeros(3)
    (answer,) = predictor.predict([{"sound": "a.wav", "look": array, "title": ["a cat"], "said": "it purrs"}])
    assert seen == [{"sound": Path("a.wav"), "look": array, "title": "a cat", "said": ("it purrs",)}]
    assert (answer.file, answer.text, answer.modalities) == ("a.wav", ("a cat", "it purrs"), ("video", "audio"))
    with pytest.raises(DataError, match=r"take nothing called 'sond'\n.*did you mean 'sound'"):
        predictor.predict([{"sond": "a.wav"}])
    with pytest.raises(DataError, match=r"do not say which of sound, look this file is\n.*sound=FILE"):
        predictor.predict(["a.wav"])
    with pytest.raises(DataError, match=r"do not say which of title, said this text is\n.*title=TEXT"):
        predictor.predict([], text=["a cat"])
    with pytest.raises(DataError, match="2 sentences are too many for one sample: 'title' takes 1"):
        predictor.predict([{"title": ["a cat", "a dog"]}])


def test_something_without_a_name_goes_under_the_general_one_or_the_only_one(tiny_config: Path) -> None:
    experiment = read(tiny_config, discover())
    own = experiment.data["labelled"].dataset
    clip = Path(own.build(training=False).identity(0))
    seen = []

    def sample_of(self: object, given: Mapping[str, object]) -> SampleSet:
        seen.append(dict(given))
        return own.sample_of({"path": clip})

    for takes, file, sentences in (
        ({"path": "file", "sound": "file", "text": "sentences", "title": "sentence"}, "path", {"text": ("a", "b")}),
        ({"sound": "file", "title": "sentences"}, "sound", {"title": ("a", "b")}),
    ):
        predictor = numbers(experiment, takes=lambda self, takes=takes: takes, sample_of=sample_of)
        predictor.predict(["x"], text=["a", "b"])
        assert seen.pop() == {file: Path("x"), **sentences}
        predictor.predict([], text=["a", "b"])
        assert seen.pop() == sentences
    alone = numbers(experiment, takes=lambda self: {"title": "sentence"}, sample_of=sample_of)
    alone.predict([], text=["a", "b"])
    assert seen == [{"title": "a"}, {"title": "b"}]
    with pytest.raises(DataError, match="this model reads no file"):
        alone.predict(["a.wav"])


def test_a_data_set_that_breaks_the_protocol_is_named(tiny_config: Path) -> None:
    experiment = read(tiny_config, discover())
    wrong = numbers(experiment, takes=lambda self: {"imu": "array"}, sample_of=lambda self, given: [])
    with pytest.raises(RunError, match=r"'numbers' says that it takes a 'array' as 'imu'\n.*kinds: file, sentence, sentences"):
        wrong.predict([{"imu": np.zeros(3)}])
    empty = numbers(experiment, takes=lambda self: {"imu": "file"}, sample_of=lambda self, given: [])
    with pytest.raises(RunError, match=r"'numbers' makes no samples of imu, not one\n.*one sample, or of as many views"):
        empty.predict(["a.npy"])
    with pytest.raises(DataError, match=r"nothing is given for a sample\n.*names: imu"):
        empty.predict([{}])

    def broken(self: object, given: Mapping[str, object]) -> SampleSet:
        raise KeyError("imu")

    failing = numbers(experiment, takes=lambda self: {"imu": "file"}, sample_of=broken)
    with pytest.raises(ComponentError, match="the dataset 'numbers' failed making a sample of imu: KeyError"):
        failing.predict(["a.npy"])
