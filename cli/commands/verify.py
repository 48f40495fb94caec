"""`antifaz verify`: the influence of every input on every output, measured on the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from antifaz.cli.options import AsJson, Config, Overrides, PluginFiles, console, print_json, read_experiment

if TYPE_CHECKING:
    from antifaz.analysis.influence import Finding, VerifyReport
    from antifaz.core.experiment import Experiment


def verify(
    config: Config,
    overrides: Overrides = None,
    as_json: AsJson = False,
    seed: Annotated[int, typer.Option(help="of parameters and inputs")] = 0,
    plugin: PluginFiles = None,
) -> None:
    """Show on the real model which input can influence which output, and hold the purity claims against it."""
    experiment = read_experiment(config, overrides, plugin)
    from antifaz.analysis.influence import verify as verify_experiment

    report = verify_experiment(experiment, seed=seed)
    if as_json:
        print_json(report.json())
    else:
        show(report, experiment, console)
    if not report.ok:
        raise typer.Exit(1)


def show(report: VerifyReport, experiment: Experiment, console: Console) -> None:
    """Print a row for each output and a column for each modality, then the claims and where modalities mix."""
    from antifaz.analysis.purity import stage_prefix

    modalities = sorted({finding.modality for finding in report.findings})
    table = Table("output", *map(escape, modalities))
    for stage, output in dict.fromkeys((finding.stage, finding.output) for finding in report.findings):
        of_output = [finding for finding in report.findings if (finding.stage, finding.output) == (stage, output)]
        cells = [_cell([finding for finding in of_output if finding.modality == modality]) for modality in modalities]
        table.add_row(escape(stage_prefix(experiment, stage) + output), *cells)
    console.print(table)
    for claim in report.claims:
        mark = "[green]pure[/]" if claim.holds else "[red]not pure[/]"
        console.print(f"{mark} {escape(stage_prefix(experiment, claim.stage) + claim.text)}", highlight=False)
    for mixing in report.mixings:
        console.print(f"mixed {escape(stage_prefix(experiment, mixing.stage) + mixing.text)}", highlight=False)
    for absence in report.absences:
        if not absence.ok:
            words = f"{absence.output} of a sample that lacks {absence.modality} differs from a call without {absence.modality}"
            console.print(f"[red]{escape(stage_prefix(experiment, absence.stage) + words)}[/]", highlight=False)
    modes = ", ".join(dict.fromkeys(finding.mode for finding in report.findings))
    console.print(f"float64, re-drawn parameters, modes: {modes}")


def _cell(findings: list[Finding]) -> str:
    """Sum up the findings of all modes for one output and one modality."""
    verdict = "influences" if any(finding.influences for finding in findings) else "none: gradient exactly 0"
    return verdict if all(finding.ok for finding in findings) else f"[red]{verdict}, but the routing says otherwise[/]"
