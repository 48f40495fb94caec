"""The law of the house: who may import whom. No circle, no late import that hides one, torch only where it may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = ("registry", "core", "layers", "data", "engine", "analysis", "report", "testing", "cli")
"""A room may import itself and those before it."""
PLUGINS = ("registry", "core", "layers", "data")
"""What a plugin may import besides itself."""
ROOMS = (*ORDER, "plugins", "configs")
SOURCES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
TORCH_FREE = ("registry", "core/experiment", "core/interfaces", "core/kinds.py", "core/streams.py", "core/routing.py")
HEAVY = ("torch", "torchvision", "torchaudio", "numpy", "av")


def module_of(path: Path) -> str:
    """antifaz.core.graph.wiring; of a package's __init__ the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(["antifaz", *(parts[:-1] if parts[-1] == "__init__" else parts)])


def statements(tree: ast.AST, *, types: bool, late: bool) -> Iterator[ast.stmt]:
    """The import statements. types: those under `if TYPE_CHECKING` too. late: those of function bodies too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING" and not types:
            continue
        elif late or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from statements(node, types=types, late=late)


def imported(path: Path, *, types: bool = True, late: bool = True) -> set[str]:
    """Absolute names of what a file imports: modules, and names within them (`antifaz.core.tokens.Tokens`)."""
    package = ["antifaz", *path.relative_to(ROOT).parts[:-1]]
    names = set()
    for node in statements(ast.parse(path.read_text(encoding="utf-8")), types=types, late=late):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = [*base, *([node.module] if node.module else [])]
            names.update(".".join([*module, alias.name]) for alias in node.names)
    return names


def allowed(path: Path) -> tuple[str, ...]:
    room, *below = path.relative_to(ROOT).parts
    if room == "plugins":
        own = (f"plugins.{below[0]}",) if len(below) > 1 else ()
        return (*PLUGINS, *own)
    return (*ORDER[: ORDER.index(room) + 1], "configs") if room in ORDER else ()


MODULES = {module_of(path): path for path in SOURCES}


def dependencies(path: Path) -> set[str]:
    """The modules of ours that a file needs when all of its functions have run."""
    needed = set()
    for name in imported(path, types=False):
        module = name if name in MODULES else name.rpartition(".")[0]
        if module in MODULES:
            needed.add(module)
    return needed - {module_of(path)}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_respect_the_order_of_the_rooms(path: Path) -> None:
    ours = {name for name in imported(path) if name.split(".")[0] in ("antifaz", *ROOMS)}
    accepted = [f"antifaz.{room}" for room in allowed(path)]
    assert not {name for name in ours if not any(name == ok or name.startswith(f"{ok}.") for ok in accepted)}


def circles() -> list[list[str]]:
    """Strongly connected groups of modules, by Tarjan's algorithm."""
    graph = {module: sorted(dependencies(path)) for module, path in MODULES.items()}
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in graph[module]:
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            group = []
            while not group or group[-1] != module:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for module in graph:
        if module not in index:
            visit(module)
    return found


def test_no_module_needs_itself_by_a_detour() -> None:
    assert circles() == []


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if str(p.relative_to(ROOT)).startswith(TORCH_FREE)], ids=lambda p: str(p.relative_to(ROOT))
)
def test_torch_free_files_import_nothing_heavy(path: Path) -> None:
    assert not {name for name in imported(path, types=False, late=False) if name.split(".")[0] in HEAVY}


def test_torch_free_modules_are_torch_free_when_they_are_imported() -> None:
    """Nor through others: every torch-free module, and every plugin's registration and specs, in one fresh process."""
    light = [p for p in SOURCES if str(p.relative_to(ROOT)).startswith((*TORCH_FREE, "cli")) and p.stem != "__main__"]
    modules = [module_of(p) for p in light]
    modules += [module_of(p) for p in SOURCES if p.parts[-1] in ("__init__.py", "spec.py", "examples.py") and "plugins" in p.parts]
    code = (
        f"import importlib, sys\nfor m in {modules!r}: importlib.import_module(m)\nprint(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    assert done.stdout.strip() == "[]"


def test_listing_components_imports_no_torch() -> None:
    code = "import sys; from antifaz.core.discovery import discover; list(discover().catalogue); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    assert done.stdout.strip() == "False"
