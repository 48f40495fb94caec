"""antifaz: run, check, verify, look at an experiment; ask a trained one. torch is imported only by the commands that need it."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

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


def main() -> None:
    """Entry point: words instead of tracebacks, and the exit code of the error."""
    try:
        app()
    except AntifazError as error:
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        errors.print("stopped")
        sys.exit(130)
