"""antifaz: run, check, verify, look at an experiment; ask a trained one. torch is imported only by the commands that need it."""

from __future__ import annotations

import os
import sys
import time
import traceback
from typing import Annotated

import typer
from rich.console import Console

from antifaz.core.errors import ComponentError
from antifaz.registry import AntifazError

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
            leave_the_word_to_the_first()
            if shows_traceback:
                errors.print(traceback_of(error), markup=False, highlight=False, soft_wrap=True)
            errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
            sys.exit(error.exit_code)
    except KeyboardInterrupt:
        errors.print("stopped")
        sys.exit(130)


def traceback_of(error: AntifazError) -> str:
    """Return Python's traceback of an error; of a component's code its own, which may be from another process."""
    trace = error.trace if isinstance(error, ComponentError) else ""
    return trace or "".join(traceback.format_exception(error))


def leave_the_word_to_the_first() -> None:
    """Wait in all but the first of the processes that torchrun started: where all fail alike, torchrun ends them once one has.

    A process that fails alone is still there afterwards, and speaks for itself.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("RANK", "0") != "0":
        time.sleep(SPEAKING)
