"""Who may import whom: registry nothing of ours, core the registry, a plugin both and no other plugin."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = [path for part in ("registry", "core", "plugins", "configs") for path in sorted((ROOT / part).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """Absolute names of the modules that a file imports, function bodies included."""
    package = ["antifaz", *path.relative_to(ROOT).parts[:-1]]
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            names.add(".".join([*base, *(node.module or "").split(".")]).strip("."))
    return names


def allowed(path: Path) -> tuple[str, ...]:
    part, *rest = path.relative_to(ROOT).parts
    if part == "registry":
        return ("antifaz.registry",)
    if part == "core":
        return ("antifaz.registry", "antifaz.core")
    own = f"antifaz.plugins.{rest[0]}" if len(rest) > 1 else "antifaz.plugins"
    return ("antifaz.registry", "antifaz.core", own)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_respect_the_layers(path: Path) -> None:
    ours = {name for name in imported(path) if name.split(".")[0] in ("antifaz", "core", "registry", "plugins", "configs")}
    wrong = {name for name in ours if not any(name == ok or name.startswith(f"{ok}.") for ok in allowed(path))}
    assert not wrong


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parts[-2] == "registry"], ids=lambda p: p.name)
def test_the_registry_names_no_torch_outside_functions(path: Path) -> None:
    assert not {name for name in imported(path) if name.split(".")[0].startswith("torch")}


def test_listing_components_imports_no_torch() -> None:
    code = (
        "import sys; from antifaz.registry import discover; import antifaz.core; "
        "list(discover().catalogue); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    assert done.stdout.strip() == "False"
