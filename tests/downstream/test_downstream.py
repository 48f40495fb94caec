"""A stranger's distribution, as `antifaz new` writes it: installed by pip, held against the kit, trained from YAML."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from antifaz.cli.new.skeleton import write_skeleton

HERE = Path(__file__).parent
DISTRIBUTION = HERE / "inertial"


def run(site: Path, *command: str, **more: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1", **more}
    done = subprocess.run([sys.executable, "-m", *command], env=environment, capture_output=True, text=True, cwd=site, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def install(distribution: Path, site: Path) -> None:
    run(site, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(site), str(distribution))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("site")
    shutil.copytree(DISTRIBUTION, root / "source")  # pip builds beside the sources
    install(root / "source", root)
    return root


def write_signals(folder: Path, count: int, seed: int) -> None:
    """Three gaits: other frequencies, under noise."""
    rng = np.random.default_rng(seed)
    for name, frequency in (("walk", 1.0), ("run", 2.5), ("climb", 0.5)):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            time = np.arange(150) / 50 + rng.uniform(0, 10)
            signal = np.stack([np.sin(2 * np.pi * frequency * time + k) for k in range(3)], axis=1)
            np.save(folder / name / f"{i}.npy", (signal + rng.normal(0, 0.3, signal.shape)).astype(np.float32))


def test_the_distribution_is_what_new_writes(tmp_path: Path) -> None:
    written = write_skeleton("inertial", ["dataset", "tokenizer"], tmp_path)
    kept = {path.relative_to(DISTRIBUTION) for path in DISTRIBUTION.rglob("*") if path.suffix in (".py", ".toml", ".md")}
    assert {path.relative_to(tmp_path / "inertial") for path in written} == kept
    for path in written:
        assert path.read_text() == (DISTRIBUTION / path.relative_to(tmp_path / "inertial")).read_text()


def test_it_is_trained_from_yaml(site: Path, tmp_path: Path) -> None:
    write_signals(tmp_path / "train", 16, 0)
    write_signals(tmp_path / "test", 8, 1)
    config = str(HERE / "experiment.yaml")
    assert "pure" in run(site, "antifaz.cli", "verify", config, SIGNALS=str(tmp_path))
    run(site, "antifaz.cli", "run", config, "--run", str(tmp_path / "run"), "--device", "cpu", SIGNALS=str(tmp_path))
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["evaluate"]["all"]["accuracy"]["labels"] > 80


def test_an_optimizer_a_logger_and_a_callback_of_a_stranger_are_used_by_yaml(site: Path, tmp_path: Path) -> None:
    shutil.copytree(HERE / "lion", tmp_path / "source")
    install(tmp_path / "source", tmp_path)
    path = os.pathsep.join((str(site), str(tmp_path)))
    write_signals(tmp_path / "train", 16, 0)
    write_signals(tmp_path / "test", 8, 1)
    changes = ["loggers=[csv_log]", "stages.train.callbacks=[{use: weight_norms, every: 20}]"]
    changes += ["stages.train.optimizer={use: lion, lr: 1.0e-3}", "stages.train.schedule=constant"]
    command = ["antifaz.cli", "run", str(HERE / "experiment.yaml"), *changes, "--run", str(tmp_path / "run"), "--device", "cpu"]
    printed = run(site, *command, SIGNALS=str(tmp_path), PYTHONPATH=path)
    assert "tensorboard" not in printed
    events = tmp_path / "run" / "events"
    assert {file.name for file in events.iterdir()} == {"figures.csv", "weight_norms.txt"}
    assert "train,60,learning_rate,0.001" in (events / "figures.csv").read_text().splitlines()
    assert [line.split()[:2] for line in (events / "weight_norms.txt").read_text().splitlines()] == [
        ["train", "20"], ["train", "40"], ["train", "60"], ["train", "60"]
    ]  # fmt: skip
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["evaluate"]["all"]["accuracy"]["labels"] > 80
    tests = tmp_path / "source" / "tests"
    assert " passed" in run(site, "pytest", "-q", "-p", "no:cacheprovider", str(tests), PYTHONPATH=path)
