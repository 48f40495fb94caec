"""What an exception in a plugin's code says to a person: in one line, and by the plugin's own last lines. No error types here."""

from __future__ import annotations

import re
import sys
import sysconfig
import textwrap
import traceback
from collections.abc import Collection
from pathlib import Path
from types import ModuleType

PLUGIN_FAULT_HINT = "an option may be out of all bounds; if not, this is a mistake of its plugin"
"""The hint for a component that fails with an error that is not written for people."""

MEND = "leave it out of the config, or mend its plugin; the same command goes on, and with --traceback shows all of Python's words"
"""The hint for a component whose code raises in a run."""

FILE_MODULE = "antifaz_file_"
"""The modules of plugin files (`-p FILE`) begin with this."""

SHOWN = 3
"""Frames of a plugin that are shown, the innermost ones."""

LONGEST = 200
"""Characters of an exception's own text that are shown."""

GONE = re.compile(r"clos(ed|ure)|reset by peer|broken pipe|tim(ed|e) ?out|aborted|remote process", re.I)
"""Words of torch for another process that is gone, or does not answer."""


def plugin_of(component: object) -> str:
    """Return the plugin that has a component's code: a shipped one by its folder, a file by its name, others by their package."""
    package = _package(component)
    if package.startswith(FILE_MODULE):
        return package.removeprefix(FILE_MODULE).rpartition("_")[0]
    return package.rpartition(".")[2]


def failure(error: BaseException, component: object) -> str:
    """Put an exception into one line: its type, its text, and the innermost line in the plugin of the component that raised it."""
    own = own_frames(error, component)
    text = textwrap.shorten(str(error).strip().partition("\n")[0], LONGEST, placeholder=" ...")
    place = f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
    return f"{type(error).__name__}{f': {text}' if text else ''}{place}"


def is_lost_process(error: BaseException) -> bool:
    """Return True if a call to all processes failed because another one is gone or does not answer: no component is to blame.

    torch says so by a `DistError`, or by a RuntimeError with the words of gloo; a DistError of another reason is none of these.
    """
    text = str(error)
    collective = any(base.__name__ == "DistError" for base in type(error).__mro__)
    by_gloo = isinstance(error, RuntimeError) and re.search(r"\bgloo\b|\bpair closure\b", text) is not None
    return (collective or by_gloo) and GONE.search(text) is not None


def last_lines(error: BaseException, component: object) -> str:
    """Show the innermost lines of plugins, first of all the component's, that an exception passed, as `file:line` and source.

    Nothing where it passed none. Each is on a line of its own, which begins with four spaces.
    """
    shown = [*own_frames(error, component), *_frames_of_others(error)]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame in shown][-SHOWN:]
    return "".join(f"\n    {frame.filename}:{frame.lineno}, in {frame.name}: {frame.line}" for frame in frames)


def with_lines(error: BaseException, component: object, hint: str) -> str:
    """Return the hint for what a component's code has raised: its plugin, the plugin's last lines, and below them this hint."""
    lines = last_lines(error, component)
    return f"in the plugin {plugin_of(component)!r}:{lines}\n    {hint}" if lines else hint


def own_frames(error: BaseException, component: object) -> list[traceback.FrameSummary]:
    """Return the frames of an exception in the code of a component's plugin, the innermost last."""
    package = _package(component)
    module = sys.modules.get(package)
    folders = [] if package == "antifaz" else [Path(folder) for folder in getattr(module, "__path__", ())]
    beside = Path(getattr(module, "__file__", None) or "/nowhere/x").parent
    frames = [(frame, Path(frame.filename)) for frame in traceback.extract_tb(error.__traceback__)]
    if folders:
        return [frame for frame, file in frames if any(folder in file.parents for folder in folders)]
    return [frame for frame, file in frames if file.parent == beside]


def failing_plugin(error: BaseException, packages: Collection[str]) -> object | None:
    """Return the innermost module of a plugin that an exception passed; None where it never was in one.

    packages: the top-level packages of installed plugins; shipped ones and plugin files are known.
    """
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        name = str(frame.f_globals.get("__name__", ""))
        top = name.partition(".")[0]
        if name.startswith(("antifaz.plugins.", FILE_MODULE)) or (top in packages and top != "antifaz"):
            return sys.modules.get(name)
    return None


def _frames_of_others(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the frames of shipped plugins, and those that are neither of Antifaz nor installed: one component may hold another."""
    root, standard = Path(__file__).parents[1], Path(sysconfig.get_path("stdlib"))

    def shows(file: Path) -> bool:
        if root / "plugins" in file.parents:
            return True
        return not {root, standard}.intersection(file.parents) and "site-packages" not in file.parts

    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if not frame.filename.startswith("<") and shows(Path(frame.filename))]


def _package(component: object) -> str:
    """Return the module that stands for the whole plugin of a component; of a part of Antifaz itself, its own module."""
    if isinstance(component, ModuleType):
        module = component.__name__
    else:
        module = getattr(component, "__module__", None) or type(component).__module__
    parts = module.split(".")
    if parts[:2] == ["antifaz", "plugins"]:
        return ".".join(parts[:3])
    return module if parts[0] == "antifaz" else parts[0]
