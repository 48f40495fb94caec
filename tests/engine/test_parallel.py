"""Two processes on one machine: what they ask each other, what each of them reads, and what they say."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antifaz.cli import app
from antifaz.data.media.writing import write_clip
from antifaz.engine.run import LostProcessError

COUNTING = """
import atexit, hashlib, json, os
from pathlib import Path
import torch
import torch.distributed as dist
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel
from antifaz.registry import hookimpl

counts = {"asked": 0, "gradients": 0, "hashed": 0}
all_reduce, file_digest, init = dist.all_reduce, hashlib.file_digest, DistributedDataParallel.__init__

def counting_all_reduce(tensor, *args, **kwargs):
    counts["asked"] += tensor.dtype == torch.int64 and tensor.dim() == 0
    return all_reduce(tensor, *args, **kwargs)

def counting_digest(*args, **kwargs):
    counts["hashed"] += 1
    return file_digest(*args, **kwargs)

def exchange(group, bucket):
    counts["gradients"] += bucket.is_last()
    return allreduce_hook(group, bucket)

def counting_init(self, *args, **kwargs):
    init(self, *args, **kwargs)
    self.register_comm_hook(None, exchange)

dist.all_reduce, hashlib.file_digest, DistributedDataParallel.__init__ = counting_all_reduce, counting_digest, counting_init
rank = os.environ.get("RANK", "0")
owner = os.getpid()

@atexit.register
def leave():
    if os.getpid() == owner:
        (Path(__file__).parent / f"counts-{rank}.json").write_text(json.dumps(counts))

@hookimpl
def antifaz_components():
    return []
"""

CONFIG = """
name: two
data:
  plain: {{{media}}}
  kept: {{{media}, cache: true}}
graph:
  audio: {{use: spectrogram_patches, in: batch.audio, patch: [16, 8], width: 16}}
  pooled: {{use: query_readout, in: audio, mask: zorro}}
  labels: {{use: linear_heads, in: pooled.audio, classes: 2}}
stages:
  train:
    task: train
    data: plain
    steps: 16
    accumulate: 2
    log_every: 16
    checkpoint_every: 16
    optimizer: {{{optimizer}lr: 0.001}}
    objectives: {{labels: {{use: cross_entropy, in: [labels, batch.label]}}}}
  again:
    task: train
    data: kept
    init: train
    steps: 2
    optimizer: {{{optimizer}lr: 0.001}}
    objectives: {{labels: {{use: cross_entropy, in: [labels, batch.label]}}}}
"""
MEDIA = (
    "use: folder, root: {root}, index: list.csv, label: label, classes: [low, high], batch_size: 8, max_unreadable: 8, "
    "clip: {{seconds: 1.0}}, modalities: {{audio: {{use: log_mel, bins: 16, hop: 0.0625}}}}"
)
STEPS, BROKEN = 16 + 2, 4


def write_config(folder: Path, optimizer: str = "use: adamw, ") -> Path:
    """A data set of sixteen files, of which four cannot be read, and an experiment on it."""
    root = folder / "media"
    root.mkdir()
    for i in range(16):
        write_clip(root / f"{i}.mp4", None, np.full(16000, 0.05 * (i % 3), np.float32), fps=8, sample_rate=16000)
    for i in range(BROKEN):
        (root / f"{4 * i}.mp4").write_bytes(b"no clip")
    rows = "".join(f"{i}.mp4,{'low' if i % 2 else 'high'}\n" for i in range(16))
    (root / "list.csv").write_text("path,label\n" + rows)
    (folder / "counting.py").write_text(COUNTING)
    path = folder / "two.yaml"
    path.write_text(CONFIG.format(media=MEDIA.format(root=root), optimizer=optimizer))
    return path


def run_two(config: Path, *options: str) -> subprocess.CompletedProcess[str]:
    torchrun, antifaz = [sys.executable, "-m", "torch.distributed.run"], str(Path(sys.executable).with_name("antifaz"))
    command = [*torchrun, "--standalone", "--nproc-per-node=2", "--no-python", "--", antifaz, "run", str(config), "--device", "cpu"]
    command += ["--run", str(config.parent / "run"), "-p", str(config.parent / "counting.py"), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, cwd=config.parent)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A run of two processes, and what each of them counted."""
    folder = tmp_path_factory.mktemp("two")
    done = run_two(write_config(folder))
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "run", [json.loads((folder / f"counts-{rank}.json").read_text()) for rank in range(2)]


def test_steps_rarely_wait_for_the_other_process(two: tuple[Path, list[dict[str, Any]]]) -> None:
    """Opening the run, the data, and a few steps ask a question whose answer the host reads; not each of eighteen steps."""
    for counts in two[1]:
        assert counts["asked"] < STEPS / 2


def test_gradients_are_exchanged_once_in_a_step(two: tuple[Path, list[dict[str, Any]]]) -> None:
    """The first stage accumulates over two micro-batches."""
    assert [counts["gradients"] for counts in two[1]] == [STEPS, STEPS]


def test_files_that_any_process_skips_are_told_once(two: tuple[Path, list[dict[str, Any]]]) -> None:
    """The second stage goes through its data once: each process meets its own share of the broken files."""
    lines = [json.loads(line) for line in (two[0] / "warnings.jsonl").read_text().splitlines()]
    skipped = [line["text"] for line in lines if line["stage"] == "again" and line["text"].startswith("skipped")]
    assert len(skipped) == len(set(skipped)) == BROKEN


def test_the_files_that_any_process_skips_are_in_the_counts_of_the_data(two: tuple[Path, list[dict[str, Any]]]) -> None:
    """Of the first stage over several epochs, in which either process meets the same files."""
    counts = json.loads((two[0] / "data.json").read_text())
    assert [counts[data]["unreadable"] for data in ("plain", "kept")] == [BROKEN, BROKEN]


def test_one_process_hashes_the_files_of_a_cache(two: tuple[Path, list[dict[str, Any]]]) -> None:
    main, other = (counts["hashed"] for counts in two[1])
    assert main >= 16
    assert other == 0


@pytest.mark.slow
def test_a_mistake_of_the_config_is_told_once(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    for change, message in (
        ("graph.pooled.mask=zoro", "unknown mask policy 'zoro'"),
        ("stages.train.init=no.pt", "the file no.pt does not exist"),
    ):
        done = run_two(config, change)
        assert done.returncode != 0
        assert done.stderr.count(message) == 1
        assert "could not open the run" not in done.stderr


@pytest.mark.parametrize(
    ("environment", "waits"),
    [
        ({"RANK": "0", "TORCHELASTIC_RUN_ID": "none"}, []),
        ({"RANK": "1", "TORCHELASTIC_RUN_ID": "none"}, [app.SPEAKING]),
        ({"RANK": "1"}, []),  # as clusters set it, for processes that torchrun did not start
    ],
)
def test_other_processes_leave_the_word_to_the_first(
    tiny_config: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    waits: list[float],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    waited: list[float] = []
    monkeypatch.setattr(app.time, "sleep", waited.append)
    monkeypatch.setattr("sys.argv", ["antifaz", "run", str(tiny_config), "graph.encoder.mask=zoro"])
    with pytest.raises(SystemExit) as stop:
        app.main()
    assert stop.value.code == 2
    assert waited == waits
    assert capsys.readouterr().err.count("unknown mask policy 'zoro'") == 1


BREAKING = """
import attrs, os
from antifaz.core.interfaces import Callback
from antifaz.registry import component, hookimpl, option

@component("callback", "breaking")
@attrs.frozen(kw_only=True)
class Breaking:
    \"\"\"Raises in one process, while it trains or at a step.\"\"\"
    place: str = option(doc="step or sample")

    def build(self):
        return Breaks(self.place)

class Breaks(Callback):
    def __init__(self, place):
        self.place = place if os.environ["RANK"] == "1" else ""

    def before_stage(self, run, state):
        if self.place == "sample":
            samples = run.samples("paired", training=True)
            samples.load = lambda index, seed: {}["odd"]

    def after_step(self, run, state):
        if self.place == "step" and state.step == 2:
            raise KeyError("odd")

@hookimpl
def antifaz_components():
    return [Breaking]
"""


@pytest.mark.slow
@pytest.mark.parametrize("place", ["step", "sample"])
def test_a_process_that_fails_alone_is_not_blamed_on_a_component_of_another(tiny_config: Path, tmp_path: Path, place: str) -> None:
    """Started without torchrun, which would end the other one: each says its words and has its exit code."""
    (tmp_path / "breaking.py").write_text(BREAKING)
    command = [str(Path(sys.executable).with_name("antifaz")), "run", str(tiny_config), "--run", str(tmp_path / "r")]
    command += [
        "--device",
        "cpu",
        "-p",
        str(tmp_path / "breaking.py"),
        f"stages.pretrain.callbacks=[{{use: breaking, place: {place}}}]",
    ]
    together = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
    }
    started = [
        subprocess.Popen(command, env={**together, "RANK": rank}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for rank in "01"
    ]
    first, second = [process.communicate(timeout=200)[1] for process in started]
    assert [process.returncode for process in started] == [2, 2]
    assert first.strip().splitlines()[-1] == "stopped, because another process has failed; its own words say why"
    assert "Traceback" not in first
    assert "failed at" not in first
    assert "failed in stage" not in first
    assert "KeyError: 'odd'" in second
    assert "Traceback" not in second


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_a_process_that_has_lost_another_lets_it_speak_first(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(app.time, "sleep", waited.append)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("RANK", "0")
    lost = LostProcessError("stopped")
    lost.__cause__ = RuntimeError(
        "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1"
    )
    app.let_others_speak(lost)
    app.let_others_speak(LostProcessError("stopped"))
    assert waited == [2 * app.SPEAKING]
