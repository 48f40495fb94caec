"""`antifaz new`: for each kind, and for all of them together, tests that pass at once, in code that is clean."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from antifaz.cli.new.skeleton import SkeletonError, write_skeleton
from antifaz.core.kinds import KINDS

RULES = ["--select", "E,F,I,B,UP,SIM,RUF,PT,C4,PIE,RET", "--ignore", "RUF003,RUF009,RUF012,RET504"]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A distribution of each kind, and one of all kinds."""
    folder = tmp_path_factory.mktemp("distributions")
    for kind in KINDS:
        write_skeleton(f"my-{kind.replace('_', '-')}", [kind], folder)
    write_skeleton("every-kind", list(KINDS), folder)
    return {path.name: path for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def site(written: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which they are installed as pip would: their sources on the path, and their entry points beside them."""
    site = tmp_path_factory.mktemp("site")
    for name in written:
        package = name.replace("-", "_")
        metadata = site / f"{package}-0.1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
        (metadata / "entry_points.txt").write_text(f"[antifaz]\n{package} = {package}\n")
    sources = [str(path / "src") for path in written.values()]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *sources]), "OMP_NUM_THREADS": "1"}


def test_their_tests_pass_at_once(written: dict[str, Path], site: dict[str, str], tmp_path: Path) -> None:
    options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", os.devnull, "--rootdir", str(tmp_path)]
    tests = [str(path / "tests") for path in written.values()]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    done = subprocess.run(command, env=site, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:]
    checks = sum(len(kind.checks) for kind in KINDS.values())
    assert f"{2 * checks} passed" in done.stdout


def test_the_logger_keeps_its_lines_when_it_is_killed(written: dict[str, Path], tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec((written["my-logger"] / "src" / "my_logger" / "logger_module.py").read_text(), names)
    file = tmp_path / "events" / "figures.csv"
    logger = names["MyLoggerLogger"](file)
    logger.log("train", 1, {"loss": 0.5})
    assert file.read_text() == "train,1,loss,0.5\n"  # before `close`
    logger.close()


def test_the_code_is_clean_and_formatted(written: dict[str, Path]) -> None:
    for path in written.values():
        for command in (["check", "--no-cache", *RULES], ["format", "--check", "--no-cache"]):
            done = subprocess.run([sys.executable, "-m", "ruff", *command, "."], cwd=path, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr


def test_the_yaml_of_the_readmes_is_accepted(written: dict[str, Path], site: dict[str, str]) -> None:
    command = [sys.executable, "-m", "antifaz.cli", "schema"]
    printed = json.loads(subprocess.run(command, env=site, capture_output=True, text=True, check=True).stdout)
    schema = jsonschema.Draft202012Validator(printed)
    blocks = re.findall(r"```yaml\n(.*?)```", (written["every-kind"] / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == len(KINDS)
    for kind, block in zip(KINDS, blocks, strict=True):
        assert f"every_kind_{kind}" in block
        assert [error.message for error in schema.iter_errors(yaml.safe_load(block))] == []


def test_the_folder_of_a_plugin_is_not_its_package(written: dict[str, Path], tmp_path: Path) -> None:
    """Python that runs from the folder above sees the installed package."""
    (root, *_) = [path.parent for path in write_skeleton("inertial", ["mask"], tmp_path) if path.name == "pyproject.toml"]
    code = "import inertial; print(inertial.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == str(root / "src" / "inertial" / "__init__.py")


def test_a_skeleton_has_few_files(written: dict[str, Path]) -> None:
    files = {name: [each for each in path.rglob("*.*") if each.is_file()] for name, path in written.items()}
    assert all(len(listed) <= 7 for name, listed in files.items() if name != "every-kind")


def test_a_backbone_is_at_most_60_lines(written: dict[str, Path]) -> None:
    code = [path for path in (written["my-backbone"] / "src").rglob("*.py") if path.name != "examples.py"]
    assert sum(1 for path in code for line in path.read_text().splitlines() if line.strip()) <= 60


@pytest.mark.parametrize(
    ("name", "kinds", "message"),
    [
        ("My Plugin", ["mask"], "cannot name a plugin"),
        ("torch", ["mask"], "a package that is installed"),
        ("mine", ["reedout"], "unknown kind 'reedout'\n    did you mean 'readout'"),
        ("mine", [], "a component of one kind or more"),
        ("there", ["mask"], "already exists"),
    ],
)
def test_what_cannot_be_written_is_told(tmp_path: Path, name: str, kinds: list[str], message: str) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(SkeletonError) as refused:
        write_skeleton(name, kinds, tmp_path)
    assert message in str(refused.value)
