"""Text in whole experiments: presence of samples and of candidates up to features, caches, folders, training, answers, reports."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
import torch
import yaml
from rich.console import Console

from antifaz.analysis.check.report import check
from antifaz.analysis.influence import verify
from antifaz.cli.commands.check import show
from antifaz.core.errors import DataError
from antifaz.core.experiment import DataEntry, Experiment, read
from antifaz.core.graph.module import build_graph
from antifaz.core.objectives import reduce
from antifaz.core.tokens import Features
from antifaz.data.batches import evaluation_batches, training_batches
from antifaz.data.media.writing import write_clip
from antifaz.data.sources import Text
from antifaz.engine.needed_files import missing_files
from antifaz.engine.predict import load
from antifaz.engine.run import run_experiment
from antifaz.engine.training.model import TrainingModel
from antifaz.plugins.shapes_and_sounds import captions, rules
from antifaz.plugins.text.spec import SPECIALS
from antifaz.plugins.text.vocabulary import train_vocabulary
from antifaz.plugins.text.words import words_of
from antifaz.registry import ConfigError, Plugins, Structurer, load_document

ROOT = Path(__file__).parents[3]
TEXT = "{{use: words, length: 8, draw_from: 3, vocabulary: [{}]}}".format(", ".join(captions.vocabulary()))
TINY_WITH_TEXT = f"""
name: tiny-text
extends: tiny.yaml
data:
  paired: {{samples: 16, modalities: {{text: {TEXT}}}}}
  labelled: {{samples: 16, modalities: {{text: {TEXT}}}}}
graph:
  text: {{use: token_embedding, in: batch.text, width: 16}}
  encoder: {{in: [video, audio, text, fusion], relative_positions: [text]}}
  text_z: {{use: projection, in: pooled.text, width: 8}}
pure: {{labels.text: [text], text_z: [text]}}
stages:
  pretrain: {{steps: 2, objectives: {{vt: {{use: info_nce, in: [video_z, text_z]}}}}}}
  finetune: {{steps: 2}}
  evaluate:
    present: [[text], [audio, video, text]]
    metrics:
      said: {{use: retrieval, in: [text_z, video_z], present: {{query: [text], gallery: [video]}}}}
"""


@pytest.fixture
def tiny_text(tiny_config: Path, plugins: Plugins) -> Experiment:
    path = tiny_config.with_name("tiny-text.yaml")
    path.write_text(TINY_WITH_TEXT)
    return read(path, plugins)


def entry(plugins: Plugins, folder: Path, text: str) -> DataEntry:
    path = folder / "entry.yaml"
    path.write_text(text)
    document = load_document(path)
    problems = list(document.problems)
    made = Structurer(plugins.catalogue).structure(document.data, DataEntry, document, (), problems)
    if made is None:
        raise ConfigError(problems)
    return made


def test_captions_are_the_same_for_a_seed_and_leave_the_clips_as_they_were() -> None:
    known = set(captions.vocabulary())
    some = 0
    for index in range(200):
        rng = rules.generator(3, "test", index)
        made = rules.content("test", index, rng)
        said = captions.sentences(3, "test", index, made)
        assert said == captions.sentences(3, "test", index, made)
        assert len(set(said)) == len(said) <= captions.MOST
        assert all(set(words_of(sentence)) <= known and len(words_of(sentence)) <= 16 for sentence in said)
        untouched = rules.generator(3, "test", index)
        assert rules.content("test", index, untouched) == made
        assert untouched.random() == rng.random()
        some += bool(said)
    assert 165 <= some <= 195
    assert captions.sentences(4, "test", 1, made) != captions.sentences(3, "test", 1, made)


def test_captions_tell_what_is_seen_and_heard() -> None:
    made = rules.Content(shape=2, motion=3, timbre=1, contour=0, label=None)
    said = " ".join(" ".join(captions.sentences(0, "train", index, made)) for index in range(60))
    words = set(words_of(said))
    assert {"triangle", "wedge", "pulsates", "grows", "hollow", "steady"} <= words
    assert not {"disc", "square", "cross", "bounces", "pure", "bright", "rough", "vibrato"} & words


def test_the_shipped_vocabulary_is_that_of_the_captions(plugins: Plugins) -> None:
    data = read("zorro-text", plugins).data
    assert all(set(data[name].dataset.modalities["text"].vocabulary) == set(captions.vocabulary()) for name in data)


def test_zorro_with_text_is_a_yaml_file_and_verifies_clean(plugins: Plugins) -> None:
    experiment = read("zorro-text", plugins, ["graph.encoder.depth=1"])
    report = verify(experiment)
    assert report.ok
    found = {(f.output, f.modality): f.influences for f in report.findings if f.mode == "training"}
    assert found["labels.text", "text"]
    assert not found["labels.text", "video"]
    assert not found["labels.video", "text"]
    assert found["labels.fusion", "text"]
    assert found["labels.fusion", "audio"]


def test_a_model_with_text_trains_answers_and_reports(tiny_text: Experiment, tmp_path: Path) -> None:
    run = tmp_path / "r"
    run_experiment(tiny_text, run, device="cpu", quiet=True)
    assert check(tiny_text).data["labelled"].counts["samples"] == 16  # where the clips are made, one was looked at
    results = json.loads((run / "results.json").read_text())["evaluate"]
    samples = tiny_text.data["labelled"].dataset.build(False)
    with_text = sum(bool(samples.sentences(i)) for i in range(len(samples)))
    assert 0 < with_text < 16
    assert results["text"]["accuracy"]["text_samples"] == with_text
    assert results["audio+video+text"]["accuracy"]["fusion_samples"] == 16
    assert results["query: text | gallery: video"]["said"]["gallery"] == with_text
    first = next(i for i in range(16) if samples.sentences(i))
    details = json.loads((run / "stages/evaluate/details.json").read_text())
    assert details["sentences"][first] == list(samples.sentences(first))
    assert "“" in (run / "report.html").read_text(encoding="utf-8")

    predictor = load(str(run))
    clip = samples.identity(0)
    (seen,) = predictor.predict([clip])
    (both,) = predictor.predict([clip], text=["a disc moves left and right"])
    (said,) = predictor.predict([], text=["a disc moves left and right"])
    assert set(said.outputs) == {"text_z", "labels.text", "labels.fusion", "labels.global"}
    assert said.outputs["text_z"] == both.outputs["text_z"]
    assert seen.outputs["video_z"] == both.outputs["video_z"]
    assert "text_z" not in seen.outputs
    assert seen.outputs["labels.fusion"] != both.outputs["labels.fusion"]
    each = predictor.predict([], text=["a disc moves left and right", "a pure tone"])
    assert [answer.text for answer in each] == [("a disc moves left and right",), ("a pure tone",)]
    assert each[0] == said
    assert each[1] == predictor.predict([], text=["a pure tone"])[0]
    assert each[1].outputs["text_z"] != said.outputs["text_z"]
    for files in ([], [clip]):
        for nothing in ("", "  ", "?!"):
            with pytest.raises(DataError, match=f"the text {re.escape(repr(nothing))} is empty: it has no word"):
                predictor.predict(files, text=[nothing])
    with pytest.raises(DataError, match="2 sentences are too many for one sample: 'text' takes 1\n"):
        predictor.predict([clip], text=["a disc", "a tone"])


SEVERAL = """
name: several
data:
  train:
    use: shapes_and_sounds
    split: paired
    samples: 8
    root: {root}
    batch_size: 8
    clip: {{seconds: 2.0}}
    modalities:
      audio: {{use: log_mel, bins: 8, hop: 0.125}}
      title: {{use: words, length: 4, vocabulary: [a, disc, tone]}}
      speech: {{use: bytes, length: 8, candidates: 3}}
graph:
  title: {{use: token_embedding, in: batch.title, width: 8}}
  pooled_title: {{use: mean_readout, in: [title]}}
  speech: {{use: token_embedding, in: batch.speech, width: 8, batch_axes: 2}}
  pooled_speech: {{use: mean_readout, in: [speech], batch_axes: 2}}
  audio: {{use: spectrogram_patches, in: batch.audio, patch: [8, 8], width: 8}}
  pooled: {{use: mean_readout, in: [audio]}}
stages:
  train:
    task: train
    data: train
    steps: 1
    optimizer: {{use: adamw, lr: 0.001}}
    objectives: {{at: {{use: info_nce, in: [pooled.audio, pooled_title.title]}}}}
"""


def test_several_sentences_are_answered_for_together_where_the_model_takes_several(
    clips: Path, plugins: Plugins, tmp_path: Path
) -> None:
    (tmp_path / "several.yaml").write_text(SEVERAL.format(root=clips / "data"))
    run_experiment(read(tmp_path / "several.yaml", plugins), tmp_path / "r", device="cpu", quiet=True)
    predictor = load(tmp_path / "r")
    (answer,) = predictor.predict([], text=["a disc", "a tone", "?!"])
    assert answer.text == ("a disc", "a tone", "?!")  # the last is a sentence of bytes, though it has no word
    alone = [predictor.predict([], text=[each])[0] for each in answer.text]
    assert answer.outputs["pooled_speech.speech"] == [vectors for each in alone for vectors in each.outputs["pooled_speech.speech"]]
    assert answer.outputs["pooled_title.title"] == alone[0].outputs["pooled_title.title"]
    with pytest.raises(DataError, match="4 sentences are too many for one sample: 'title' takes 1, 'speech' takes 3\n"):
        predictor.predict([], text=["a", "b", "c", "d"])
    with pytest.raises(DataError, match="the text ' ' is empty"):
        predictor.predict([], text=["a disc", " "])


def test_a_batch_without_text_counts_in_no_term_on_text(tiny_text: Experiment) -> None:
    model = TrainingModel(build_graph(tiny_text.wirings["pretrain"]), tiny_text.sinks["pretrain"])
    samples = tiny_text.data["paired"].dataset.build(True)
    batch = next(training_batches(samples, batch_size=8, steps=1)).entries
    batch["text"] = Features(torch.zeros(8, 8, dtype=torch.int64), torch.zeros(8, dtype=torch.bool))
    losses = model(batch)
    assert float(losses["vt"].terms["pairs"].count) == 0
    assert float(losses["av"].terms["pairs"].count) == 8
    total, logs = reduce(losses, {"av": 1.0, "vt": 1.0})
    assert float(logs["vt"]) == 0
    total.backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert all(bool(g.isfinite().all()) for g in gradients.values())
    assert float(gradients["graph.text.table"].abs().max()) == 0
    assert float(gradients["graph.video.project.weight"].abs().max()) > 0


CANDIDATES = """
name: candidates
inputs: {text: {shape: [3, 4], vocab_size: 9}, video: [8, 8]}
graph:
  video: {use: spectrogram_patches, in: batch.video, patch: [4, 4], width: 8}
  text: {use: token_embedding, in: batch.text, width: 8, batch_axes: 2}
  tower: {use: vit, in: [text], mask: isolated, depth: 1, heads: 2, relative_positions: [text], batch_axes: 2}
  pooled_text: {use: query_readout, in: tower, mask: zorro, global_query: false, batch_axes: 2}
  text_z: {use: projection, in: pooled_text.text, width: 4, batch_axes: 2}
  agg: {use: latents, tokens: 1, width: 8}
  tower_agg: {use: vit, in: [text, agg], mask: joint, depth: 1, heads: 2, batch_axes: 2}
  pooled_agg: {use: query_readout, in: tower_agg.agg, mask: zorro, global_query: false, batch_axes: 2}
  agg_z: {use: projection, in: pooled_agg, width: 4, batch_axes: 2}
  pooled_video: {use: query_readout, in: video, mask: zorro, global_query: false}
  video_z: {use: projection, in: pooled_video.video, width: 4}
"""


def test_presence_of_candidates_reaches_the_features(tmp_path: Path, plugins: Plugins) -> None:
    (tmp_path / "c.yaml").write_text(CANDIDATES)
    graph = build_graph(read(tmp_path / "c.yaml", plugins).wiring).double().eval()
    ids = torch.tensor([[[5, 6, 0, 0], [7, 0, 0, 0], [0] * 4], [[0] * 4] * 3, [[4, 5, 6, 7], [0] * 4, [0] * 4]])
    valid = (ids != 0).any(dim=-1)
    video = Features(torch.randn(3, 8, 8, dtype=torch.float64), torch.tensor([True, True, False]))
    found = graph({"text": Features(ids, valid), "video": video}, ["text_z", "video_z"])
    assert found["text_z"].values.shape == (3, 3, 4)
    assert found["text_z"].valid.tolist() == valid.tolist()
    assert found["video_z"].valid.tolist() == [True, True, False]
    made_up = graph({"text": Features(ids, valid), "video": video}, ["agg_z"])["agg_z"]
    assert made_up.valid.tolist() == valid.tolist()  # a latent answers without text too, and that is no answer
    other = torch.cat([ids[2:, :1], ids[:1, :2]], dim=1)  # beside other candidates
    alone = graph({"text": Features(other)}, ["text_z"])["text_z"].values
    torch.testing.assert_close(found["text_z"].values[2, :1], alone[0, :1], rtol=1e-12, atol=1e-12)
    none = graph({"text": Features(torch.zeros_like(ids), torch.zeros(3, dtype=torch.bool))}, ["text_z"])["text_z"]
    assert none.valid.tolist() == [[False] * 3] * 3


FOLDER = """
use: folder
root: {root}
index: index.csv
clip: {{seconds: 1.0}}
modalities:
  video: {{use: frames, fps: 4, size: 8}}
  text: {{use: words, length: 3, vocabulary: {root}/words.txt, size: 7{more}}}
{texts}
"""


@pytest.fixture
def folder(tmp_path: Path, plugins: Plugins):
    import numpy as np

    write_clip(tmp_path / "a.mp4", np.zeros((16, 16, 16, 3), np.uint8), None, fps=4, sample_rate=16000)
    (tmp_path / "words.txt").write_text("cat\ndog\nbird\n")

    def made(rows: bytes, *, more: str = "", texts: str = "") -> DataEntry:
        (tmp_path / "index.csv").write_bytes(rows)
        return entry(plugins, tmp_path, FOLDER.format(root=tmp_path, more=more, texts=texts))

    return made


def test_a_folder_reads_a_column_of_sentences(folder) -> None:
    samples = folder(b"path,text\na.mp4,the Cat\na.mp4,\n,a dog alone\n").dataset.build(False)
    (batch,) = evaluation_batches(samples, batch_size=3)
    assert batch.entries["text"].values.tolist() == [[1, 4, 0], [0, 0, 0], [1, 5, 1]]
    assert batch.entries["text"].valid.tolist() == [True, False, True]
    assert batch.entries["video"].valid.tolist() == [True, True, False]
    assert samples.identity(2) == "a dog alone"
    assert samples.sentences(0) == ("the Cat",)


def test_a_folder_reads_candidates_of_several_columns_and_of_one(folder) -> None:
    both = "texts: {text: {columns: [caption, title], separator: '|'}}"
    samples = folder(b"path,caption,title\na.mp4,cat|dog|,bird\na.mp4,,dog\n", more=", candidates: 4", texts=both).dataset.build(
        False
    )
    (batch,) = evaluation_batches(samples, batch_size=2)
    assert batch.entries["text"].values[:, :, 0].tolist() == [[4, 5, 6, 0], [5, 0, 0, 0]]
    assert batch.entries["text"].valid.tolist() == [[True, True, True, False], [True, False, False, False]]


def test_a_clip_takes_the_sentences_said_nearest_to_it(folder) -> None:
    timed = "texts: {text: {separator: '|', times: seconds}}"
    data = folder(b"path,text,seconds\na.mp4,cat||dog|bird,0|1|2.2|9\n", texts=timed)
    sample = data.dataset.build(False).load(0, 0)  # the middle of 4 s
    assert sample.entries["text"][0, 0] == 5


@pytest.mark.parametrize(
    ("sentences", "times", "message"),
    [
        ("cat||dog", "0|1", "2 times for 3 sentences"),
        ("cat|dog", "", "no time for 2 sentences"),
        ("cat", "0|1", "2 times for 1 sentence\n"),
        ("", "1", "1 time for no sentence\n"),
        ("cat||dog", "0|1|late", "a time is a number of seconds, not 'late'"),
        ("cat||dog", "0|soon|2", "a time is a number of seconds, not 'soon'"),
        ("cat|dog", "0|nan", "a time is a number of seconds, not 'nan'"),
        ("cat||dog", "0|1|", "the sentence 'dog' has no time"),
    ],
)
def test_times_that_do_not_fit_are_named(folder, sentences: str, times: str, message: str) -> None:
    data = folder(
        f"path,text,seconds\na.mp4,{sentences},{times}\n".encode(), texts="texts: {text: {separator: '|', times: seconds}}"
    )
    with pytest.raises(DataError) as refused:
        data.dataset.build(False)
    assert f"line 2: {message}" in str(refused.value)


def test_a_blank_sentence_may_have_a_blank_time(folder) -> None:
    timed = "texts: {text: {separator: '|', times: seconds}}"
    for times in ("0||3.5", "0|9|3.5"):
        data = folder(f"path,text,seconds\na.mp4,cat||dog,{times}\n".encode(), texts=timed)
        assert data.dataset.build(False).row(0).texts["text"] == Text(("cat", "dog"), (0.0, 3.5))


def test_a_sentence_that_is_no_utf8_makes_its_sample_unreadable(folder) -> None:
    samples = folder(b"path,text\na.mp4,caf\xe9\na.mp4,cat\n").dataset.build(False)
    (batch,) = evaluation_batches(samples, batch_size=2)
    assert list(batch.problems) == [0]
    assert "not UTF-8" in batch.problems[0]
    assert batch.entries["video"].valid.tolist() == [False, True]
    with pytest.raises(DataError, match="line 2: the cell of 'path' is not UTF-8"):
        folder(b"path,text\ncaf\xe9.mp4,cat\n").dataset.build(False)
    with pytest.raises(DataError, match="it is not UTF-8"):
        folder("path,text\na.mp4,cat\n".encode("utf-16")).dataset.build(False)


def test_faults_of_columns_and_vocabularies_are_told(folder, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column 'text'"):
        folder(b"path,caption\na.mp4,cat\n").dataset.build(False)
    with pytest.raises(ConfigError, match="no decoder of text reads 'video'"):
        folder(b"path,text\n", texts="texts: {video: {columns: [path]}}")
    (tmp_path / "words.txt").write_text("cat\n")
    with pytest.raises(DataError, match=r"has 5 ids, `size` says 7"):
        folder(b"path,text\na.mp4,cat\n").dataset.peek()


def test_a_cache_keeps_text_and_is_remade_with_its_vocabulary(folder, tmp_path: Path) -> None:
    rows = b"path,text\na.mp4,the cat\na.mp4,\n"
    first, again = (folder(rows, texts="cache: true").dataset.build(False) for _ in range(2))
    assert first.folder == again.folder
    (batch,) = evaluation_batches(again, batch_size=2)
    assert batch.entries["text"].values.tolist() == [[1, 4, 0], [0, 0, 0]]
    assert batch.entries["text"].valid.tolist() == [True, False]
    (tmp_path / "words.txt").write_text("the\nfat\ncat\n")
    other = folder(rows, texts="cache: true").dataset.build(False)
    assert other.folder != first.folder
    assert other.load(0, 0).entries["text"].flatten().tolist() == [4, 6, 0]
    assert folder(rows.replace(b"the", b"fat"), texts="cache: true").dataset.build(False).folder != other.folder


@pytest.fixture
def without_its_vocabulary(tiny_config: Path, plugins: Plugins, tmp_path: Path) -> Experiment:
    """A mixture whose second part has words of a file, and clips that are not made yet."""
    part = f"use: shapes_and_sounds, split: paired, samples: 16, root: {tmp_path / 'made'}, clip: {{seconds: 2.0}}"
    seen = "video: {use: frames, fps: 4, size: 32}, audio: {use: log_mel, bins: 16, hop: 0.0625}"
    (tmp_path / "mixed.yaml").write_text(f"""
name: mixed
extends: {tiny_config}
data:
  paired:
    use: mixture
    batch_size: 8
    parts:
      a: {{{part}, modalities: {{{seen}}}}}
      b:
        {{{part}, modalities: {{{seen},
          text: {{use: words, length: 4, vocabulary: {tmp_path / "words.txt"}, size: 6}}}}}}
stages: {{pretrain: {{steps: 2}}, finetune: !delete , evaluate: !delete }}
""")
    return read(tmp_path / "mixed.yaml", plugins)


def test_a_missing_vocabulary_is_named_by_check_and_refused_before_anything_is_made(
    without_its_vocabulary: Experiment, tmp_path: Path
) -> None:
    words = tmp_path / "words.txt"
    show(check(without_its_vocabulary), Console(file=(out := io.StringIO()), width=400))
    assert f"data paired: {words} is not on this machine\n" in out.getvalue()
    with pytest.raises(ConfigError) as refused:
        run_experiment(without_its_vocabulary, tmp_path / "run", device="cpu", quiet=True)
    (problem,) = refused.value.problems
    assert problem.message == f"the file {words} does not exist"
    assert (problem.location.line, "`vocabulary`: " in problem.hint) == (12, True)
    assert not (tmp_path / "made").exists()
    assert not (tmp_path / "run").exists()


def test_a_stage_that_is_over_needs_no_vocabulary(without_its_vocabulary: Experiment, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("a\ndisc\n")
    assert missing_files(without_its_vocabulary) == []
    run_experiment(without_its_vocabulary, tmp_path / "run", device="cpu", quiet=True)
    words.unlink()
    run_experiment(without_its_vocabulary, tmp_path / "run", device="cpu", quiet=True)
    with pytest.raises(ConfigError, match="does not exist"):
        run_experiment(without_its_vocabulary, tmp_path / "run", device="cpu", quiet=True, fresh=True)
    assert (tmp_path / "run/stages/pretrain/weights.safetensors").exists()  # refused before the folder was emptied


def test_a_vocabulary_that_does_not_fit_is_refused_before_clips_are_made(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("a\ndisc\n")
    data = entry(
        plugins,
        tmp_path,
        f"use: shapes_and_sounds\nsplit: paired\nsamples: 4\nroot: {tmp_path / 'made'}\nclip: {{seconds: 2.0}}\n"
        f"modalities: {{text: {{use: words, length: 4, vocabulary: {tmp_path / 'words.txt'}, size: 9}}}}\n",
    )
    with pytest.raises(DataError, match="has 6 ids, `size` says 9"):
        data.dataset.build(False)
    assert not (tmp_path / "made").exists()


def test_mixtures_and_dropped_modalities_keep_the_presence_of_candidates(plugins: Plugins, clips: Path, tmp_path: Path) -> None:
    words = ", ".join(captions.vocabulary())
    part = (
        f"{{use: shapes_and_sounds, split: %s, samples: 8, root: {clips / 'data'}, clip: {{seconds: 2.0}}, modalities: "
        f"{{audio: {{use: log_mel, bins: 8, hop: 0.125}}, text: {{use: words, length: 4, candidates: 5, vocabulary: [{words}]}}}}}}"
    )
    data = entry(
        plugins,
        tmp_path,
        f"use: mixture\nparts: {{a: {part % 'paired'}, b: {part % 'train'}}}\n"
        "transforms: [{use: modality_dropout, probability: {audio: 0.0, text: 0.5}}]\n",
    )
    samples = data.dataset.build(False)
    (batch,) = evaluation_batches(samples, batch_size=16)
    text = batch.entries["text"]
    assert text.valid.sum(dim=1).tolist() == [min(5, len(samples.sentences(i))) for i in range(16)]
    assert torch.equal(text.valid, (text.values != 0).any(dim=-1))
    (transform,) = (t.build(samples.shapes) for t in data.transforms)
    torch.manual_seed(0)
    dropped = transform(batch.entries)["text"]
    assert torch.equal(dropped.valid, (dropped.values != 0).any(dim=-1))
    assert 0 < int(dropped.valid.sum()) < int(text.valid.sum())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("relative_positions: [text, video]", "'video' has 2 axes"),
        ("relative_positions: [txt]", "there is no stream 'txt'"),
        ("relative_positions: [text], attention: flex", "flex attention takes no bias"),
        ("relative_positions: [text], mask: {use: routes, text: [video], video: [video]}", "does not let 'text' read itself"),
    ],
)
def test_relative_positions_that_do_not_fit(tmp_path: Path, plugins: Plugins, options: str, words: str) -> None:
    mask = "" if "mask" in options else "mask: joint, "
    (tmp_path / "r.yaml").write_text(
        "name: r\ninputs: {text: {shape: [4], vocab_size: 9}, video: [8, 8]}\ngraph:\n"
        "  text: {use: token_embedding, in: batch.text, width: 8, positions: none}\n"
        "  video: {use: spectrogram_patches, in: batch.video, patch: [4, 4], width: 8}\n"
        f"  e: {{use: vit, in: [text, video], depth: 1, heads: 2, {mask}{options}}}\n"
    )
    with pytest.raises(ConfigError, match=words):
        read(tmp_path / "r.yaml", plugins)


def test_relative_positions_tell_the_order_of_words(tmp_path: Path, plugins: Plugins) -> None:
    """Without any position a sentence is a bag of words."""
    text = (
        "name: r\ninputs: {text: {shape: [4], vocab_size: 9}}\ngraph:\n"
        "  text: {use: token_embedding, in: batch.text, width: 8, positions: none}\n"
        "  e: {use: vit, in: [text], mask: joint, depth: 2, heads: 2%s}\n"
        "  p: {use: query_readout, in: e, mask: joint, global_query: false}\n"
    )
    same = {}
    for relative in ("", ", relative_positions: [text]"):
        (tmp_path / "r.yaml").write_text(text % relative)
        graph = build_graph(read(tmp_path / "r.yaml", plugins).wiring).double()
        forth, back = (
            graph({"text": Features(torch.tensor([ids]))}, ["p"])["p.text"].values for ids in ([5, 6, 7, 0], [7, 6, 5, 0])
        )
        same[relative] = torch.allclose(forth, back, atol=1e-12)
    assert list(same.values()) == [True, False]


def test_the_examples_of_the_page_are_configs(plugins: Plugins, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "text.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block.partition("```")[0]) for block in page.split("```yaml\n")[1:]]
    shipped = yaml.safe_load((ROOT / "configs/quickstart/zorro-text.yaml").read_text(encoding="utf-8"))
    assert blocks[0]["graph"] == shipped["graph"]
    assert blocks[0]["stages"]["pretrain"]["objectives"]["vt"] == shipped["stages"]["pretrain"]["objectives"]["vt"]
    config = {"name": "page", "data": blocks[1]["data"], "graph": blocks[2]["graph"]}
    (tmp_path / "page.yaml").write_text(yaml.safe_dump(config))
    wiring = read(tmp_path / "page.yaml", plugins).wiring
    assert wiring.value("text_z", "text_z").dims == (3, 128)
    assert wiring.inputs["text"].dims == (3, 32)


def test_a_vocabulary_of_captions_can_be_trained(tmp_path: Path) -> None:
    made = [rules.content("paired", i, rules.generator(0, "paired", i)) for i in range(64)]
    said = [sentence for i, content in enumerate(made) for sentence in captions.sentences(0, "paired", i, content)]
    size = train_vocabulary(said, tmp_path / "w.txt", size=1000, kind="words")
    assert size <= len(captions.vocabulary()) + len(SPECIALS)
