"""Runs: from files to results, stopped and resumed, killed, on two processes, and what they refuse."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from antifaz import load
from antifaz.core.errors import DataError, FolderError, RunError
from antifaz.core.experiment import Experiment
from antifaz.data.media.writing import write_clip
from antifaz.data.weight_files import read_weights
from antifaz.engine import checkpoints
from antifaz.engine.context import Context, StoppedError
from antifaz.engine.run import run_experiment
from antifaz.registry import WriteError

ANTIFAZ = str(Path(sys.executable).with_name("antifaz"))
WEIGHTS = "stages/{}/weights.safetensors"


def weights(root: Path, stage: str = "finetune") -> dict[str, torch.Tensor]:
    return load_file(root / WEIGHTS.format(stage))


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_run_leaves_results_logs_and_weights(finished: Path) -> None:
    results = json.loads((finished / "results.json").read_text())
    assert set(results["evaluate"]) == {"audio", "video", "audio+video", "query: audio | gallery: video"}
    assert set(results["evaluate"]["audio"]["accuracy"]) >= {"audio", "fusion", "global", "mean"}
    assert "video" not in results["evaluate"]["audio"]["accuracy"]
    records = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert [r["step"] for r in records if r["stage"] == "pretrain"] == [2, 4, 6]
    assert any((finished / "events").iterdir())
    assert json.loads((finished / "data.json").read_text())["paired"]["found"] == 32


def test_a_seed_gives_the_same_run(tiny, finished: Path, tmp_path: Path) -> None:
    run_experiment(tiny(), tmp_path / "again", device="cpu", quiet=True)
    assert same(weights(finished), weights(tmp_path / "again"))


def run_in_parts(experiment: Experiment, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run, stopped after every second step."""
    asked = Context.should_stop
    for _ in range(20):
        with monkeypatch.context() as patch:
            steps = iter([False, False, False, True])  # once when the data are open, then after each step
            patch.setattr(Context, "should_stop", lambda run, step=0, steps=steps: asked(run, step) or next(steps))
            try:
                run_experiment(experiment, root, device="cpu", quiet=True)
            except StoppedError:
                continue
            except StopIteration:
                break
        break
    run_experiment(experiment, root, device="cpu", quiet=True)


def test_sgd_goes_on_as_if_never_stopped(tiny, finished: Path, tmp_path: Path, monkeypatch) -> None:
    sgd = [
        f"stages.{name}.{option}"
        for name in ("pretrain", "finetune")
        for option in ("optimizer={use: sgd, lr: 0.05}", "schedule={use: quarter_cosine, warmup: 2}")
    ]
    run_experiment(tiny(*sgd), tmp_path / "whole", device="cpu", quiet=True)
    run_in_parts(tiny(*sgd), tmp_path / "parts", monkeypatch)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    assert not same(weights(tmp_path / "whole"), weights(finished))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stopped_run_ends_with_the_same_weights(tiny, finished: Path, tmp_path: Path, monkeypatch, workers: int) -> None:
    overrides = [f"data.{name}.workers={workers}" for name in ("paired", "labelled")]
    run_in_parts(tiny(*overrides), tmp_path / "r", monkeypatch)
    assert same(weights(finished), weights(tmp_path / "r"))
    records = [json.loads(line) for line in (tmp_path / "r" / "metrics.jsonl").read_text().splitlines()]
    assert [r["step"] for r in records if r["stage"] == "pretrain"] == sorted(
        {r["step"] for r in records if r["stage"] == "pretrain"}
    )


def start(tiny_config: Path, root: Path, *overrides: str) -> subprocess.Popen[bytes]:
    command = [ANTIFAZ, "run", str(tiny_config), *overrides, "--run", str(root), "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)


def kill_and_resume(tiny_config: Path, root: Path, kills: int, rng: random.Random, *overrides: str) -> None:
    """Kill the whole process group at random moments; then let it end."""
    for _ in range(kills):
        process = start(tiny_config, root, *overrides)
        deadline = time.monotonic() + 60
        if rng.random() < 0.8:  # most kills fall into the training, some before it
            while not list(root.glob("stages/*/checkpoints")) and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(rng.uniform(0, 1.0))
        else:
            time.sleep(rng.uniform(0, 4.0))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    process = start(tiny_config, root, *overrides)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err.decode()


LONG = ("stages.pretrain.steps=40", "stages.finetune.steps=30", "stages.pretrain.checkpoint_every=3")


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_kill_9_at_random_points(tiny_config: Path, tmp_path: Path, workers: int) -> None:
    overrides = [*LONG, f"data.paired.workers={workers}", f"data.labelled.workers={workers}"]
    process = start(tiny_config, tmp_path / "whole", *overrides)
    assert process.wait(timeout=200) == 0
    rng = random.Random(workers)
    kill_and_resume(tiny_config, tmp_path / "killed", 10, rng, *overrides)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "killed"))


def test_sigterm_stops_with_a_checkpoint_and_resumes(tiny_config: Path, tmp_path: Path) -> None:
    process = start(tiny_config, tmp_path / "r", "stages.pretrain.steps=2000", "stages.pretrain.checkpoint_every=1000")
    deadline = time.monotonic() + 90
    while not (tmp_path / "r" / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"the same command goes on from there" in err
    assert b"Traceback" not in err
    (step,) = checkpoints.steps(tmp_path / "r" / "stages" / "pretrain" / "checkpoints")
    assert 0 < step < 1000


@pytest.mark.slow
def test_two_processes_train_the_same_model(tiny, finished: Path, tiny_config: Path, tmp_path: Path) -> None:
    """Dropout and augmentation differ by process, so both are off; float32 sums differ in their order.

    The gradient of a key bias is zero but for rounding, of which AdamW would make whole steps: hence the large eps.
    33 samples give the processes different numbers of batches in the evaluation.
    """
    off = [
        "graph.encoder.dropout=0.0",
        *(f"stages.{s}.optimizer.eps=1.0e-4" for s in ("pretrain", "finetune")),
        "data.labelled.samples=33",
        *(f"data.{d}.modalities.video.augment=[]" for d in ("paired", "labelled")),
    ]
    run_experiment(tiny(*off), tmp_path / "one", device="cpu", quiet=True)
    torchrun = [str(Path(sys.executable).with_name("torchrun")), "--standalone", "--nproc-per-node=2", "--no-python", "--", ANTIFAZ]
    command = [*torchrun, "run", str(tiny_config), *off, "--run", str(tmp_path / "two"), "--device", "cpu"]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=0, atol=1e-6)
    ours, theirs = (json.loads((tmp_path / r / "results.json").read_text()) for r in ("one", "two"))
    assert ours["evaluate"].keys() == theirs["evaluate"].keys()


def test_another_config_in_the_folder_is_refused(tiny, finished: Path) -> None:
    with pytest.raises(RunError, match="another config"):
        run_experiment(tiny("seed=7"), finished, device="cpu", quiet=True)


def test_an_unwritable_folder_is_refused(tiny, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="--run DIR"):
        run_experiment(tiny(), tmp_path / "file" / "run", device="cpu", quiet=True)


def test_a_full_disk_is_told(tiny, tmp_path: Path, monkeypatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints.dcp, "save", full)
    with pytest.raises(WriteError, match="the disk is full"):
        run_experiment(tiny(), tmp_path / "r", device="cpu", quiet=True)


def test_numbers_that_are_not_finite_stop_the_run(tiny, tmp_path: Path) -> None:
    overrides = ["stages.pretrain.optimizer.lr=1.0e+30", "stages.pretrain.schedule.warmup=0", "stages.pretrain.grad_clip=null"]
    with pytest.raises(RunError, match="no longer finite at step"):
        run_experiment(tiny(*overrides), tmp_path / "r", device="cpu", quiet=True)


def test_a_damaged_checkpoint_is_named(tiny, tmp_path: Path, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        steps = iter([False, False, False, True])  # once when the data are open, then after each step
        patch.setattr(Context, "should_stop", lambda run, step=0: next(steps))
        with pytest.raises(StoppedError):
            run_experiment(tiny(), tmp_path / "r", device="cpu", quiet=True)
    (folder,) = (tmp_path / "r/stages/pretrain/checkpoints").iterdir()
    for file in folder.glob("*.distcp"):
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(RunError, match="damaged or belongs to another graph"):
        run_experiment(tiny(), tmp_path / "r", device="cpu", quiet=True)


def test_a_pickle_in_place_of_weights_is_not_executed(tmp_path: Path) -> None:
    import pickle

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (exec, (f"open({str(tmp_path / 'trapped')!r}, 'w')",))

    path = tmp_path / "weights.pt"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(RunError, match="convert it to safetensors"):
        read_weights(path)
    assert not (tmp_path / "trapped").exists()


def test_unreadable_files_stop_the_run_beyond_the_limit(plugins, tiny_config: Path, clips: Path, tmp_path: Path) -> None:
    from antifaz.core.experiment import read

    source = clips / "data" / "normal-0-v1" / "train"
    for i in range(8):
        (tmp_path / f"{i}.mp4").write_bytes((source / f"{i:05d}.mp4").read_bytes()[: None if i else 500])
    (tmp_path / "index.csv").write_text("path,label\n" + "".join(f"{i}.mp4,{'ab'[i % 2]}\n" for i in range(8)))
    folder = f"{{use: folder, root: {tmp_path}, index: index.csv, label: label, classes: [a, b], batch_size: 4, " + (
        "clip: {seconds: 2.0}, modalities: {video: {use: frames, fps: 4, size: 32}, audio: {use: log_mel, bins: 16, hop: 0.0625}}}"
    )
    overrides = [f"data.labelled={folder}", "graph.labels.classes=2", "stages.pretrain.steps=1"]
    with pytest.raises(DataError, match=r"0\.mp4"):
        run_experiment(read(tiny_config, plugins, overrides), tmp_path / "strict", device="cpu", quiet=True)
    overrides.append("data.labelled.max_unreadable=1")
    run_experiment(read(tiny_config, plugins, overrides), tmp_path / "lenient", device="cpu", quiet=True)
    results = json.loads((tmp_path / "lenient" / "results.json").read_text())
    assert results["evaluate"]["audio+video"]["accuracy"]["fusion_samples"] == 7
    counts = {"samples": 8, "found": 8, "missing": 0, "unreadable": 1}
    assert json.loads((tmp_path / "lenient" / "data.json").read_text())["labelled"] == counts


def test_predict_answers_with_what_a_file_has(finished: Path, clips: Path, tmp_path: Path) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    sound = rng.uniform(-0.5, 0.5, 40000).astype(np.float32)
    pictures = rng.integers(0, 255, (20, 48, 64, 3), dtype=np.uint8)
    write_clip(tmp_path / "both.mp4", pictures, sound, fps=8, sample_rate=16000)
    write_clip(tmp_path / "sound.mp4", None, sound, fps=8, sample_rate=16000)
    write_clip(tmp_path / "pictures.mp4", pictures, None, fps=8, sample_rate=16000)
    predictor = load(str(finished))
    both, heard, seen = predictor.predict([tmp_path / name for name in ("both.mp4", "sound.mp4", "pictures.mp4")])
    assert {"labels.audio", "labels.video", "labels.fusion", "labels.global"} <= set(both.outputs)
    assert "labels.video" not in heard.outputs
    assert "labels.audio" not in seen.outputs
    assert heard.outputs["labels.audio"] == both.outputs["labels.audio"]
    assert seen.outputs["labels.video"] == both.outputs["labels.video"]
    assert sum(p for _, p in both.labels["labels.fusion"]) <= 1.0
    (tmp_path / "text.mp4").write_text("no media")
    with pytest.raises(DataError, match="cannot be read as media"):
        predictor.predict([tmp_path / "text.mp4"])


def test_memory_does_not_grow(tiny, tmp_path: Path) -> None:
    """Live Python-visible tensors after 100 and after 200 steps."""
    import gc

    counts: dict[int, int] = {}
    steps = iter(range(1, 1000))
    original = Context.should_stop

    def count(run: Context, step: int = 0) -> bool:
        done = next(steps)
        if done in (50, 100, 150, 199):
            gc.collect()
            counts[done] = sum(1 for o in gc.get_objects() if type(o) in (torch.Tensor, torch.nn.Parameter))
        return original(run, step)

    patch = pytest.MonkeyPatch()
    patch.setattr(Context, "should_stop", count)
    try:
        overrides = ["stages.pretrain.steps=200", "stages.pretrain.checkpoint_every=1000", "stages.pretrain.log_every=1000"]
        experiment = tiny(*overrides)
        run_experiment(experiment, tmp_path / "r", device="cpu", quiet=True)
    finally:
        patch.undo()
    assert counts[199] <= counts[50]


def test_fresh_deletes_a_run_and_nothing_else(tiny, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "config.yaml").write_text("name: mine\n")
    with pytest.raises(RunError, match="holds no run"):
        run_experiment(tiny(), mine, device="cpu", fresh=True, quiet=True)
    assert (mine / "config.yaml").read_text() == "name: mine\n"
    root = tmp_path / "r"
    short = ("stages.pretrain.steps=1", "stages.finetune.steps=1")
    run_experiment(tiny(*short), root, device="cpu", quiet=True)
    (root / "notes.txt").write_text("keep")
    run_experiment(tiny(*short, "seed=1"), root, device="cpu", fresh=True, quiet=True)
    assert (root / "notes.txt").read_text() == "keep"
    assert "seed: 1" in (root / "config.yaml").read_text()


@pytest.mark.parametrize("content", [b"", b"some text", b"\x80\x04.", b"PK\x03\x04"])
def test_files_that_are_no_weights_are_told(tmp_path: Path, content: bytes) -> None:
    for name in ("weights.pt", "weights.safetensors"):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(RunError, match=name):
            read_weights(path)


def test_weights_with_other_keys_than_names_are_told(tmp_path: Path) -> None:
    torch.save({1: torch.zeros(2)}, tmp_path / "weights.pt")
    with pytest.raises(RunError, match="does not hold a state dict"):
        read_weights(tmp_path / "weights.pt")


def test_predict_takes_classes_that_exclude_each_other_or_not(plugins, tiny_config: Path, tmp_path: Path) -> None:
    import numpy as np

    from antifaz.core.experiment import read

    (tmp_path / "media").mkdir()
    source = [tmp_path / "media" / f"{i}.mp4" for i in range(8)]
    for i, path in enumerate(source):
        frames = np.full((16, 32, 32, 3), 30 * i, np.uint8)
        write_clip(path, frames, np.full(32000, 0.1, np.float32), fps=8, sample_rate=16000)
    (tmp_path / "media" / "index.csv").write_text("path,label\n" + "".join(f"{path.name},a;b\n" for path in source))
    folder = f"{{use: folder, root: {tmp_path / 'media'}, index: index.csv, label: label, separator: ;, classes: [a, b], " + (
        "batch_size: 8, clip: {seconds: 2.0}, modalities: {video: {use: frames, fps: 4, size: 32}, "
        "audio: {use: log_mel, bins: 16, hop: 0.0625}}}"
    )
    overrides = [f"data.labelled={folder}", "graph.labels.classes=2", "stages.pretrain=!delete", "stages.evaluate=!delete"]
    overrides += [
        "stages.finetune.init=!delete",
        "stages.finetune.objectives.labels={use: binary_cross_entropy, in: [labels, batch.label]}",
    ]
    overrides += ["stages.finetune.steps=2"]
    run_experiment(read(tiny_config, plugins, overrides), tmp_path / "r", device="cpu", quiet=True)
    (answer,) = load(str(tmp_path / "r")).predict([source[0]])
    expected = torch.tensor(answer.outputs["labels.fusion"]).sigmoid()
    assert [p for _, p in answer.labels["labels.fusion"]] == pytest.approx(sorted(expected.tolist(), reverse=True))


def test_two_processes_in_one_folder_are_refused(tiny, tmp_path: Path) -> None:
    root = tmp_path / "r"
    run_experiment(tiny("stages.finetune=!delete", "stages.evaluate=!delete"), root, device="cpu", quiet=True)
    hold = "import fcntl, sys; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", hold, str(root / ".antifaz-run")]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    other.stdout.readline()
    try:
        for fresh in (False, True):
            with pytest.raises(FolderError, match="another process is at work"):
                run_experiment(
                    tiny("stages.finetune=!delete", "stages.evaluate=!delete"), root, device="cpu", quiet=True, fresh=fresh
                )
        assert (root / WEIGHTS.format("pretrain")).is_file()
    finally:
        other.communicate()
    run_experiment(tiny("stages.finetune=!delete", "stages.evaluate=!delete"), root, device="cpu", quiet=True, fresh=True)


@pytest.mark.parametrize(("device", "message"), [("gpu", "unknown device 'gpu'"), ("mps", "auto, cpu, cuda")])
def test_unknown_devices_are_refused(tiny, tmp_path: Path, device: str, message: str) -> None:
    with pytest.raises(RunError, match=message):
        run_experiment(tiny(), tmp_path / "r", device=device, quiet=True)


def test_an_objective_that_counts_nothing_is_told(tiny, tmp_path: Path) -> None:
    absent = "data.paired.transforms=[{use: modality_dropout, probability: {audio: 1.0, video: 0.0}}]"
    run_experiment(tiny(absent, "stages.finetune=!delete", "stages.evaluate=!delete"), tmp_path / "r", device="cpu", quiet=True)
    told = [json.loads(line)["text"] for line in (tmp_path / "r" / "warnings.jsonl").read_text().splitlines()]
    assert told == ["objective 'av' had nothing to learn from in steps 1 to 2: no sample has all it takes"]
