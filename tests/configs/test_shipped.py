"""Every shipped YAML, and every example of a plugin's README, is read, checked, and the quick start keeps its promises."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
import yaml

from antifaz.analysis.check.report import check
from antifaz.analysis.influence import verify
from antifaz.configs import shipped, shipped_names
from antifaz.core.experiment import read
from antifaz.core.interfaces import DecoderSpec
from antifaz.registry import Structurer, View, load_document, option

ROOT = Path(__file__).parents[2]
EXPERIMENTS = [name for name in shipped_names() if not name.startswith("models/")]
"""What has stages; models without any are held against docs/models.md by tests/tools/test_models_page.py."""
CEILING = 68.75


@attrs.frozen(kw_only=True)
class _Holder:
    x: DecoderSpec = option(doc="a decoder")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_shipped_configs_have_no_mistake(plugins, name: str) -> None:
    report = check(read(name, plugins))
    assert report.parameters > 0


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_head_says_what_it_is(name: str) -> None:
    text = shipped(name).read_text(encoding="utf-8")
    assert all(f"#   {word} " in text for word in ("command", "cost", "expected"))


@pytest.mark.parametrize("path", sorted(ROOT.glob("plugins/*/README.md")), ids=lambda p: p.parent.name)
def test_readme_examples_are_yaml_of_known_components(plugins, path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", path.read_text(encoding="utf-8"), re.S)
    assert blocks
    names = {c.name for c in plugins.catalogue}
    for block in blocks:
        # Two lines of one name are alternatives, so only the syntax and the names are held against the catalogue.
        used = set(re.findall(r"use: ([a-z_]+)", block))
        assert used
        assert used <= names
        assert isinstance(yaml.safe_load(block), dict)


def test_every_component_says_what_it_is(plugins) -> None:
    for component in plugins.catalogue:
        assert component.summary.endswith((".", ":"))


def test_decoders_declare_shapes_without_files(plugins, tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    path.write_text("d: {use: frames, fps: 8, size: 64}\n")
    document, problems = load_document(path), []
    decoder = Structurer(plugins.catalogue)
    made = decoder.structure({"x": document.data["d"]}, _Holder, View(document.node), (), problems)
    assert not problems
    assert made.x.shape(2.0).dims == (3, 16, 64, 64)


@pytest.mark.slow
def test_base_size_verifies_clean(plugins) -> None:
    assert verify(read("zorro-vit-base", plugins, ["graph.encoder.depth=2"])).ok


@pytest.mark.slow
def test_quickstart_keeps_its_promises(tmp_path: Path) -> None:
    antifaz = Path(sys.executable).with_name("antifaz")
    subprocess.run([antifaz, "run", "quickstart"], cwd=tmp_path, check=True, timeout=900)
    results = json.loads((tmp_path / "runs/quickstart/results.json").read_text())
    figures = results["evaluate"]["audio+video"]["accuracy"]
    samples = figures["fusion_samples"]
    single = max(figures["audio"], figures["video"])
    error = 100 * (CEILING / 100 * (1 - CEILING / 100) / samples) ** 0.5
    assert figures["fusion"] >= single + 10
    for given in results["evaluate"].values():
        for head in ("audio", "video"):
            assert given["accuracy"].get(head, 0.0) <= CEILING + 3 * error
    for given in ("audio", "video"):
        assert (
            max(v for k, v in results["evaluate"][given]["accuracy"].items() if not k.endswith("_samples")) <= CEILING + 3 * error
        )
    pairs = next(iter(results["retrieval"].values()))["audio_to_video"]
    assert pairs["gallery"] >= 256
    assert pairs["forward_R@1"] >= 5 * pairs["chance@1"]
    assert pairs["forward_R@10"] >= 5 * pairs["chance@10"]
