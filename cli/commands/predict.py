"""`antifaz predict`: the answers of a trained model for a user's own files and sentences."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer
from rich.markup import escape
from rich.table import Table

from antifaz.cli.options import AsJson, PluginFiles, console, print_json

if TYPE_CHECKING:
    from antifaz.engine.predict import Answer

SHOWN = 4
"""Numbers of an output that are printed; of more the length is, and `--json` has all."""


def predict(
    folder: Annotated[Path, typer.Option("--run", help="run folder of the trained model")],
    given: Annotated[list[str] | None, typer.Argument(help="files, a sample each; or parts of one: audio=a.wav imu=b.npy")] = None,
    text: Annotated[list[str] | None, typer.Option(help="a sentence for the files, or alone; may be repeated (see above)")] = None,
    stage: Annotated[str | None, typer.Option(help="whose graph and preprocessing; default the last evaluation")] = None,
    top: Annotated[int, typer.Option(help="classes shown for each output")] = 3,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
) -> None:
    """Answer for your own files, with whatever modalities they have, or for sentences.

    `NAME=FILE NAME=FILE` is one sample; the names are those of the data set, and for a text it is `NAME="a sentence"`.
    Several `--text` are sentences of one sample where the model takes several. Where it takes one, each is answered for by itself,
    and beside a file there can be only one.
    """
    from antifaz.engine.predict import load

    if not given and not text:
        raise typer.BadParameter("name files, or give --text")
    samples = samples_of(given or [])
    answers = load(folder, stage=stage, plugins=plugin or []).predict(samples, text=text or [], top=top)
    if as_json:
        print_json([attrs.asdict(answer) for answer in answers])
        return
    for answer in answers:
        console.print(_table(answer))


def samples_of(given: Sequence[str]) -> list[str | dict[str, str]]:
    """Return the samples that arguments name: a file each, or one of NAME=VALUE pairs. A file that exists is no pair."""
    files = [each for each in given if "=" not in each or os.path.exists(each)]
    pairs = [each.partition("=") for each in given if each not in files]
    named = {name: value for name, _, value in pairs}
    if not pairs:
        return list(files)
    if files:
        raise typer.BadParameter(f"{files[0]} has no name, others have: write NAME=FILE for each part of a sample, or for none")
    if len(named) < len(pairs):
        raise typer.BadParameter("a name is given twice: the pairs NAME=FILE are the parts of one sample")
    if not all(named) or not all(named.values()):
        raise typer.BadParameter("write NAME=FILE, with a name and a file")
    return [named]


def _table(answer: Answer) -> Table:
    """Lay out one answer: a row for each output, with its likeliest classes where they are known."""
    asked = answer.file or " / ".join(answer.text) or "what was given"
    table = Table("output", "answer", title=escape(f"{asked} ({', '.join(answer.modalities)})"), title_justify="left")
    for reference, values in answer.outputs.items():
        classes = answer.labels.get(reference)
        table.add_row(reference, ", ".join(f"{c} {100 * p:.0f}%" for c, p in classes) if classes else shown(values))
    return table


def shown(values: list[Any]) -> str:
    """Return the numbers of an output without classes, or where there are many, how many."""
    if values and isinstance(values[0], list):
        return f"{len(values)} vectors"
    return ", ".join(f"{value:.6g}" for value in values) if len(values) <= SHOWN else f"vector of {len(values)}"
