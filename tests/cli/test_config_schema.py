"""The schema of configs: what is shipped passes, mistakes are found at their place, and whatever the loader reads is accepted."""

from __future__ import annotations

import copy
import os
import random
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from antifaz.cli.app import main
from antifaz.cli.config_schema import config_schema
from antifaz.configs import shipped, shipped_names
from antifaz.core.discovery import discover
from antifaz.core.experiment import read
from antifaz.core.kinds import KINDS
from antifaz.registry import Catalogue, ConfigError, Plugins, load_document, write_yaml
from antifaz.registry.specs.schema_forms import json_text
from tests.support.editor_view import editor_view
from tests.support.mutations import mutant, parent, places

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"

Validator = jsonschema.Draft202012Validator


@pytest.fixture(scope="module")
def built_in(plugins: Plugins) -> Catalogue:
    """The components of our own distribution alone."""
    ours = {row.name for row in plugins.rows if row.distribution == "antifaz"}
    catalogue = Catalogue(KINDS)
    catalogue.add([each.spec for each in plugins.catalogue if each.owner in ours], "antifaz")
    return catalogue


@pytest.fixture(scope="module")
def validator(built_in: Catalogue) -> Any:
    return Validator(config_schema(built_in))


def mistakes(validator: Any, data: Any) -> dict[str, str]:
    """Where each mistake is, dotted, and what is said of it."""
    return {".".join(map(str, error.absolute_path)): error.message for error in validator.iter_errors(data)}


def config(text: str, change: str, to: str) -> Any:
    assert text.count(change) == 1
    return editor_view(text.replace(change, to))


def test_it_is_a_schema_of_its_dialect(built_in: Catalogue) -> None:
    made = config_schema(built_in)
    Validator.check_schema(made)
    assert set(re.findall(r'"#/\$defs/([^"/]+)', json_text(made))) <= set(made["$defs"])


def test_the_command_writes_it(plugins: Plugins, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["antifaz", "schema"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    assert capsys.readouterr().out == json_text(config_schema(plugins.catalogue)) + "\n"


def test_install_writes_it_where_the_shipped_configs_look() -> None:
    done = subprocess.run(["make", "--dry-run", "install"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ".venv/bin/antifaz schema > configs/schema.json" in done.stdout.splitlines()


@pytest.mark.parametrize("name", shipped_names())
@pytest.mark.parametrize("deleted", ["", None], ids=["text", "null"])
def test_shipped_configs_are_accepted(validator: Any, name: str, deleted: Any) -> None:
    text = shipped(name).read_text(encoding="utf-8")
    assert mistakes(validator, editor_view(text, deleted)) == {}


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_configs_name_their_schema(name: str) -> None:
    path = shipped(name)
    line, *_ = path.read_text(encoding="utf-8").splitlines()
    assert line == f"# yaml-language-server: $schema={os.path.relpath(CONFIGS / 'schema.json', path.parent)}"


def placed(key: str, value: Any) -> dict[str, Any]:
    """An entry of a README's example, where it would stand in a config."""
    if key in ("data", "graph", "stages"):
        return {key: value}
    if key in ("optimizer", "schedule"):
        return {"stages": {"any": {"task": "train", key: value}}}
    if key == "loggers":
        return {key: value}
    return {"data": {"any": {"modalities": value}}} if key == "modalities" else {"graph": {key: value}}


@pytest.mark.parametrize("path", sorted(ROOT.glob("plugins/*/README.md")), ids=lambda p: p.parent.name)
def test_readme_examples_are_accepted(validator: Any, path: Path) -> None:
    for block in re.findall(r"```yaml\n(.*?)```", path.read_text(encoding="utf-8"), re.S):
        for key, value in yaml.compose(block, Loader=yaml.SafeLoader).value:  # two lines of one name are alternatives
            example = placed(key.value, editor_view(yaml.serialize(value)))
            assert mistakes(validator, example) == {}
            assert mistakes(validator, spoilt(example)), "a key that no component has must be found in it"


def spoilt(tree: Any) -> Any:
    """The same with a misspelt option in its first component."""
    tree = copy.deepcopy(tree)
    at = next(path for path in places(tree) if path[-1] == "use" and len(parent(tree, path)) > 1)
    parent(tree, at)["missspelt"] = {}
    return tree


@pytest.mark.parametrize(
    ("change", "to", "place", "told"),
    [
        ("tokens: 4,", "tokns: 4,", "graph.fusion", "'tokns' was unexpected"),
        ("tokens: 4,", "", "graph.fusion", "'tokens' is a required property"),
        ("patch: [8, 16, 16]", "patch: [8, 16]", "graph.video.patch", "too short"),
        ("patch: [8, 16, 16]", "patch: [8, 16, x]", "graph.video.patch.2", "does not match"),
        ("patch: [8, 16, 16]", "patch: [8, 16, 0]", "graph.video.patch.2", "minimum of 0"),
        ("depth: 4", "depth: 4.5", "graph.encoder.depth", "is not of type 'integer'"),
        ("depth: 4", 'depth: "4"', "graph.encoder.depth", "does not match"),
        ("depth: 4", "depth:", None, ""),
        ("depth: 4", "depth: '${env:DEPTH:-4}'", None, ""),
        ("tokens: 4", "tokens:", "graph.fusion.tokens", "None is not of type"),
        ("use: tubelets", "use: tublets", "graph.video.use", "'tublets' is not valid"),
        ("use: tubelets, ", "", "graph.video", "is not valid under any"),
        ("in: [video, audio, fusion]", "in: [video, 3]", "graph.encoder.in.1", "3 is not of type 'string'"),
        ("in: [video, audio, fusion]", "in: {a: 3}", "graph.encoder.in.a", "3 is not of type 'string'"),
        ("mask: zorro, depth", "mask: zoro, depth", "graph.encoder.mask", "'zoro' is not valid"),
        ("mask: zorro, depth", "mask: {use: zorro, x: 1}, depth", "graph.encoder.mask", "'x' was unexpected"),
        ("mask: zorro, depth", "mask: {use: zoro}, depth", "graph.encoder.mask.use", "'zoro' is not valid"),
        ("mask: zorro, depth", "mask: {}, depth", "graph.encoder.mask", "'use' is a required property"),
        ("mask: zorro, depth", "mask: {use: routes, audio: [1]}, depth", "graph.encoder.mask.audio.0", "1 is not of type 'string'"),
        ("mask: zorro, depth", "mask: {use: '${env:MASK:-zorro}'}, depth", None, ""),
        ("samples: 2048", "smaples: 2048", "data.paired", "'smaples' was unexpected"),
        ("cache: true", "cahce: true", "data_defaults", "'cahce' was unexpected"),
        ("data_defaults:", "defaults:", "", "'defaults' was unexpected"),
        ("  pretrain:\n    task: train", "  pretrain:\n    task: trian", "stages.pretrain.task", "'trian' is not valid"),
        ("    steps: 400\n", "    stpes: 400\n", "stages.pretrain", "'stpes' was unexpected"),
        ("    steps: 400\n", "    steps: fast\n", "stages.pretrain.steps", "does not match"),
        ("warmup: 40}", "warmup: -1}", "stages.pretrain.schedule.warmup", "less than the minimum of 0"),
        ("{use: cosine, warmup: 40}", "{warmup: 40}", "stages.pretrain.schedule", "'use' is a required property"),
        ("{use: cosine, warmup: 40}", "cosine", None, ""),
        ("    schedule: {use: cosine, warmup: 40}", "    betas: 1", "stages.pretrain", "'betas' was unexpected"),
        ("name: quickstart\n", "name: quickstart\nloggers: []\n", None, ""),
        ("    steps: 400\n", "    steps: 400\n    lr_scale: {encoder: -1}\n", "stages.pretrain.lr_scale.encoder", "minimum of 0"),
        ("    steps: 400\n", "    steps: 400\n    before: finetune\n", None, ""),
        ("    steps: 400\n", "    steps: 400\n    callbacks: [nothing]\n", "stages.pretrain.callbacks.0", "'nothing' is not"),
        ("    steps: 400\n", "    steps: 400\n    after: 3\n", "stages.pretrain.after", "is not of type 'string'"),
        ("in: [labels, batch.label]}", "in: [[labels.audio, labels.video], batch.label]}", None, ""),
        ("in: [labels, batch.label]}", "in: [labels, [[3]]]}", "stages.finetune.objectives.labels.in.1.0", ""),
        ("temperature: 0.1", "temprature: 0.1", "stages.pretrain.objectives.av", "'temprature' was unexpected"),
        ("use: info_nce, ", "use: accuracy, ", "stages.pretrain.objectives.av.use", "'accuracy' is not valid"),
        ("present: {query: [audio]", "present: {query: audio", "stages.retrieval.metrics.audio_to_video.present.query", "'array'"),
        ("name: quickstart\n", "name: quickstart\nsead: 1\n", "", "'sead' was unexpected"),
        ("name: quickstart\n", "name: quickstart\nseed: -1\n", "seed", "less than the minimum"),
        ("name: quickstart\n", "name: [quickstart]\n", "name", "is not of type 'string'"),
    ],
)  # fmt: skip
def test_mistakes_are_found_at_their_place(validator: Any, change: str, to: str, place: str | None, told: str) -> None:
    path = shipped("quickstart")
    assert path is not None
    found = mistakes(validator, config(path.read_text(encoding="utf-8"), change, to))
    if place is None:
        assert found == {}
    else:
        assert place in found
        assert told in found[place]


def test_data_sets_are_whole_where_there_are_no_defaults(validator: Any) -> None:
    entry = {"split": "paired", "batch_size": 8}
    assert mistakes(validator, {"name": "x", "data_defaults": {"use": "shapes_and_sounds"}, "data": {"a": entry}}) == {}
    assert "data.a" in mistakes(validator, {"name": "x", "data": {"a": entry}})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("extends: quickstart\ngraph: {encoder: {mask: joint}}\n", None),
        ("extends: [a, b]\ngraph: {encoder: !delete , fusion: {tokens: !delete }}\ndata: !delete\n", None),
        ("graph: {fusion: {use: latents}}\n", None),
        ("extends: a\ngraph: {encoder: {mask: {video: [video]}}}\n", None),
        ("extends: a\nstages: {pretrain: {optimizer: {lr: 0.1}, graph: {fusion: {tokens: 2}}}}\n", None),
        ("extends: a\ngraph: {encoder: {msak: joint}}\n", "graph.encoder"),
        ("extends: a\ngraph: {fusion: {use: latents, depth: 4}}\n", "graph.fusion"),
        ("extends: a\nstages: {pretrain: {optimizer: {rl: 0.1}}}\n", "stages.pretrain.optimizer"),
        ("extends: a\nstages: {pretrain: {graph: {fusion: {tokens: two}}}}\n", "stages.pretrain.graph.fusion.tokens"),
        ("extends: a\nstages: {pretrain: {graph: {fusion: {use: latent}}}}\n", "stages.pretrain.graph.fusion.use"),
        ("extends: a\ndata: {x: {transforms: [{probability: {a: 0.5}}]}}\n", "data.x.transforms.0"),
        ("extends: 3\n", "extends"),
    ],
)  # fmt: skip
def test_parts_lack_what_other_files_bring(validator: Any, text: str, place: str | None) -> None:
    for deleted in ("", None):
        assert list(mistakes(validator, editor_view(text, deleted))) == ([] if place is None else [place])


def test_a_plugin_file_joins(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "import attrs\n"
        "from antifaz.registry import component, hookimpl, option\n"
        "@component('mask', 'ring/~ä')\n"
        "@attrs.frozen(kw_only=True)\n"
        "class Ring:\n"
        "    '''Each stream reads the next.'''\n"
        "    steps: int = option(default=1, doc='how far')\n"
        "@hookimpl\n"
        "def antifaz_components():\n"
        "    return [Ring]\n"
    )
    joined = Validator(config_schema(discover([path]).catalogue))
    node = {"use": "vit", "in": "a", "depth": 1, "heads": 1}
    assert mistakes(joined, {"name": "x", "graph": {"e": {**node, "mask": "ring/~ä"}}}) == {}
    found = mistakes(joined, {"name": "x", "graph": {"e": {**node, "mask": {"use": "ring/~ä", "stps": 2}}}})
    assert "'stps' was unexpected" in found["graph.e.mask"]


def refused_though_read(plugins: Plugins, validator: Any, path: Path, text: str) -> dict[str, str] | None:
    """What the schema says of a text that the loader reads; None where the loader refuses it."""
    path.write_text(text, encoding="utf-8")
    try:
        read(path, plugins)
    except ConfigError:
        return None
    return {**mistakes(validator, editor_view(text, "")), **mistakes(validator, editor_view(text, None))}


@pytest.fixture(scope="module")
def everything(plugins: Plugins) -> Any:
    """With all that is installed, as the loader has it."""
    return Validator(config_schema(plugins.catalogue))


def test_what_is_read_is_accepted(plugins: Plugins, everything: Any, tmp_path: Path) -> None:
    texts = {name: path.read_text(encoding="utf-8") for name in shipped_names() if (path := shipped(name)) is not None}
    trees = {name: load_document(name, find=shipped).data for name in texts}
    names, answers = sorted(texts), []
    for seed in range(20_000, 20_400):
        name = names[seed % len(names)]
        text = mutant(texts[name], trees[name], seed)
        answer = refused_though_read(plugins, everything, tmp_path / "mutant.yaml", text)
        assert not answer, f"seed {seed}:\n{text}"
        answers.append(answer)
    assert min(answers.count(None), answers.count({})) > 40


def halved(tree: dict[str, Any], draw: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two mappings that merge into this one; which of them has what is drawn, key by key."""
    halves: tuple[dict[str, Any], dict[str, Any]] = {}, {}
    for key, value in tree.items():
        if isinstance(value, dict) and value and draw.random() < 0.7:
            for half, piece in zip(halves, halved(value, draw), strict=True):
                half[key] = piece
        else:
            draw.choice(halves)[key] = value
    return halves


def test_halves_of_a_config_are_accepted(plugins: Plugins, everything: Any, tmp_path: Path) -> None:
    """Any part of a right config is right in a file that extends the rest, and so is the rest while it has no name."""
    trees = [load_document(name, find=shipped).data for name in shipped_names()]
    read_at_all = 0
    for seed in range(200):
        draw = random.Random(seed)
        below, above = halved(trees[seed % len(trees)], draw)
        above["name"] = below.pop("name", "x")
        (tmp_path / "below.yaml").write_text(write_yaml(below))
        text = write_yaml({"extends": "below.yaml", **above})
        answer = refused_though_read(plugins, everything, tmp_path / "above.yaml", text)
        assert not answer, f"seed {seed}:\n{text}"
        read_at_all += answer is not None
        assert mistakes(everything, below) == {}, f"seed {seed}"
    assert read_at_all > 150
