"""Commands that only list or explain stay quick: they import nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "torchvision", "torchaudio", "av", "matplotlib", "safetensors", "tensorboard")
CODE = """
import sys
from antifaz.cli import main
sys.argv = ["antifaz", *sys.argv[1:]]
try:
    main()
finally:
    print("loaded:", *sorted(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["plugins"],
        ["plugins", "--json"],
        ["components"],
        ["components", "--json"],
        ["components", "folder"],
        ["components", "vit", "--json"],
        ["schema"],
        ["explain", "quickstart"],
        ["explain", "models/perceiver-flow"],
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_imported(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", CODE, *command], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout
    (listing,) = [line for line in done.stderr.splitlines() if line.startswith("loaded:")]
    loaded = set(listing.split()[1:])
    assert "antifaz.cli.app" in loaded
    assert loaded.isdisjoint(HEAVY)


EXPLAIN = """
import sys
from antifaz.cli import main
from antifaz.configs import shipped_names
for name in shipped_names():
    sys.argv = ["antifaz", "explain", name]
    try:
        main()
    except SystemExit as stop:
        assert not stop.code, name
print("loaded:", *sorted(sys.modules), file=sys.stderr)
"""


def test_explaining_any_shipped_config_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", EXPLAIN], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stderr.splitlines()[-1].split()[1:])
    assert "antifaz.core.experiment.reader" in loaded
    assert loaded.isdisjoint(HEAVY)
