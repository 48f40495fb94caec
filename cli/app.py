"""antifaz: run, check, verify, look at an experiment; ask a trained one. torch is imported only by the commands that need it."""

from __future__ import annotations

import os
import sys
import time
import traceback
from importlib import metadata
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from antifaz.core.errors import ComponentError
from antifaz.registry import MEND, AntifazError, ConfigError, failing_plugin, failure, is_lost_process, plugin_of, with_lines
from antifaz.registry.plugins.discovery import GROUP

from .commands.check import check
from .commands.explain import explain
from .commands.installed import components, plugins
from .commands.mask import mask
from .commands.new import new
from .commands.predict import predict
from .commands.report import report
from .commands.run import run
from .commands.schema import schema
from .commands.verify import verify

COMMANDS = (run, check, verify, mask, components, plugins, schema, explain, predict, new, report)
"""In the order in which `antifaz --help` lists them."""

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)
for command in COMMANDS:
    app.command()(command)

errors = Console(stderr=True)
SPEAKING = 10.0
"""Seconds that other processes leave to the first one for its message; torchrun ends them before."""


TRACEBACK = "--traceback"


@app.callback()
def options(
    shows_traceback: Annotated[
        bool, typer.Option(TRACEBACK, help="also show Python's traceback of an error; may stand anywhere")
    ] = False,
) -> None:
    """Multimodal transformers from plugins: run, check, verify, look at an experiment; ask a trained one."""


def main() -> None:
    """Run the command; an error becomes words and its exit code, and no traceback unless one is asked for."""
    shows_traceback = TRACEBACK in sys.argv
    if shows_traceback:
        sys.argv = [sys.argv[0], TRACEBACK, *(word for word in sys.argv[1:] if word != TRACEBACK)]
    try:
        try:
            app()
        except AntifazError as error:
            tell(error, shows_traceback)
        except Exception as error:
            if (fault := of_a_plugin(error)) is None:
                raise
            tell(fault, shows_traceback)
    except KeyboardInterrupt:
        errors.print("stopped")
        sys.exit(130)


def tell(error: AntifazError, shows_traceback: bool) -> NoReturn:
    """Say what is wrong, and leave with the exit code of the error."""
    let_others_speak(error)
    if shows_traceback:
        errors.print(traceback_of(error), markup=False, highlight=False, soft_wrap=True)
    errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
    if has_lost_another(error):
        sys.stdout.flush()
        os._exit(error.exit_code)  # what torch had begun with the other one can keep an orderly exit waiting for ever
    sys.exit(error.exit_code)


def of_a_plugin(error: Exception) -> ComponentError | None:
    """Return an exception out of a plugin's code in words, wherever it was called; None where it is a mistake of Antifaz itself."""
    packages = {entry.value.partition(":")[0].partition(".")[0] for entry in metadata.entry_points(group=GROUP)}
    module = failing_plugin(error, packages)
    if module is None:
        return None
    message = f"the plugin {plugin_of(module)!r} failed: {failure(error, module)}"
    return ComponentError(message, hint=with_lines(error, module, MEND), trace="".join(traceback.format_exception(error)))


def traceback_of(error: AntifazError) -> str:
    """Return Python's traceback of an error; of a component's code its own, which may be from another process."""
    if isinstance(error, ConfigError) and (traces := [problem.trace for problem in error.problems if problem.trace]):
        return "\n".join(traces)
    if isinstance(error, ComponentError) and error.trace:
        return error.trace
    chain: list[BaseException] = [error]
    while (earlier := chain[-1].__cause__ or chain[-1].__context__) is not None and earlier not in chain:
        chain.append(earlier)  # also what words for people stand in place of
    return "\n".join("".join(traceback.format_exception(each, chain=False)) for each in reversed(chain))


def let_others_speak(error: AntifazError) -> None:
    """Wait in all but the first of the processes that torchrun started: where all fail alike, torchrun ends them once one has.

    A process that fails alone is still there afterwards, and speaks for itself; what has lost another one waits for that.
    """
    lost = has_lost_another(error)
    if "TORCHELASTIC_RUN_ID" in os.environ and (lost or os.environ.get("RANK", "0") != "0"):
        time.sleep(2 * SPEAKING if lost else SPEAKING)


def has_lost_another(error: AntifazError) -> bool:
    """Return True if another process is the reason of an error in this one."""
    return error.__cause__ is not None and is_lost_process(error.__cause__)
