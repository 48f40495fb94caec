"""antifaz: run, check, verify, look at an experiment; ask a trained one. torch is imported only by the commands that need it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from antifaz.core.discovery import discover
from antifaz.registry import AntifazError, ConfigError, Plugins, Problem

if TYPE_CHECKING:
    from antifaz.core.experiment import Experiment

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)
console = Console()
errors = Console(stderr=True)

Config = Annotated[str, typer.Argument(help="a YAML file, or the bare name of a shipped config")]
Overrides = Annotated[list[str] | None, typer.Argument(help="changes: stages.train.steps=50 graph.encoder.mask=joint")]
PluginFiles = Annotated[list[Path] | None, typer.Option("--plugin", "-p", help="a Python file with a plugin")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def _plugins(files: list[Path] | None) -> Plugins:
    return discover(files or [])


def _experiment(config: str, overrides: list[str] | None, plugins: list[Path] | None) -> Experiment:
    from antifaz.core.experiment import read

    return read(config, _plugins(plugins), overrides or [])


def _print_json(data: Any) -> None:
    print(json.dumps(data, indent=2))


@app.command()
def run(
    config: Config,
    overrides: Overrides = None,
    folder: Annotated[Path | None, typer.Option("--run", help="run folder; default runs/NAME")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    fresh: Annotated[bool, typer.Option("--fresh", help="throw away what the run folder holds")] = False,
    plugin: PluginFiles = None,
) -> None:
    """Run every stage of an experiment, or go on with a run that was stopped."""
    experiment = _experiment(config, overrides, plugin)
    if not experiment.stages:
        raise ConfigError([Problem("there is nothing to run", experiment.document.location(("stages",)), "add `stages:`")])
    from antifaz.analysis.check.report import check
    from antifaz.core import collectives
    from antifaz.engine.results import tables
    from antifaz.engine.run import run_experiment

    report = check(experiment, data=False)
    root = folder or Path("runs") / experiment.name
    finished = run_experiment(experiment, root, device=device, fresh=fresh)
    if collectives.is_main() and not finished.console.quiet:
        for table in tables(finished.folder.read_results()):
            console.print(table)
        name, results, events = (escape(str(x)) for x in (experiment.name, finished.folder.results, finished.folder.events))
        console.print(f"{name}: {report.parameters:,} parameters. Results: {results}", soft_wrap=True)
        console.print(f"Curves: tensorboard --logdir {events}", highlight=False, soft_wrap=True)


@app.command()
def check(
    config: Config,
    overrides: Overrides = None,
    flops: Annotated[str | None, typer.Option(help="a second count of FLOPs, by this convention (vatt-paper, ...)")] = None,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
) -> None:
    """Build an experiment without data or memory, and show what it is: shapes, parameters, what trains where."""
    experiment = _experiment(config, overrides, plugin)
    from antifaz.analysis.check.report import check as check_experiment
    from antifaz.core.experiment.needed_files import missing_files

    report = check_experiment(experiment, flops=flops)
    claims = _broken_claims(experiment)
    if as_json:
        missing = [{"data": file.data, "path": file.path} for file in missing_files(experiment)]
        _print_json({**report.json(), "missing_files": missing, "broken_claims": claims})
    else:
        from .check_report import show

        show(report, experiment, console)
        for claim in claims:
            console.print(f"[red]not pure:[/] {claim}", highlight=False)
    if claims:
        raise typer.Exit(1)


def _broken_claims(experiment: Experiment) -> list[str]:
    """Purity claims that the routing alone refutes, in words."""
    from antifaz.analysis.purity import claims

    return [_stage(experiment, claim.stage) + claim.text for claim in claims(experiment) if not claim.holds]


def _stage(experiment: Experiment, name: str) -> str:
    """A stage's name before what holds for its graph, where stages have different graphs."""
    return f"{name}: " if len(experiment.graphs) > 1 else ""


@app.command()
def verify(
    config: Config,
    overrides: Overrides = None,
    as_json: AsJson = False,
    seed: Annotated[int, typer.Option(help="of parameters and inputs")] = 0,
    plugin: PluginFiles = None,
) -> None:
    """Show on the real model which input can influence which output, and hold the purity claims against it."""
    experiment = _experiment(config, overrides, plugin)
    from antifaz.analysis.influence import verify as verify_experiment

    report = verify_experiment(experiment, seed=seed)
    if as_json:
        _print_json(report.json())
    else:
        modalities = sorted({finding.modality for finding in report.findings})
        table = Table("output", *map(escape, modalities))
        for stage, output in dict.fromkeys((finding.stage, finding.output) for finding in report.findings):
            cells = []
            for modality in modalities:
                found = [f for f in report.findings if (f.stage, f.output, f.modality) == (stage, output, modality)]
                word = "influences" if any(f.influences for f in found) else "none: gradient exactly 0"
                cells.append(word if all(f.ok for f in found) else f"[red]{word}, but the routing says otherwise[/]")
            table.add_row(escape(_stage(experiment, stage) + output), *cells)
        console.print(table)
        for claim in report.claims:
            mark = "[green]pure[/]" if claim.holds else "[red]not pure[/]"
            console.print(f"{mark} {escape(_stage(experiment, claim.stage) + claim.text)}", highlight=False)
        for mixing in report.mixings:
            console.print(f"mixed {escape(_stage(experiment, mixing.stage) + mixing.text)}", highlight=False)
        modes = ", ".join(dict.fromkeys(finding.mode for finding in report.findings))
        console.print(f"float64, re-drawn parameters, modes: {modes}")
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def mask(
    config: Config,
    overrides: Overrides = None,
    png: Annotated[Path | None, typer.Option(help="write the picture here")] = None,
    plugin: PluginFiles = None,
) -> None:
    """Show who reads whom, node by node, as text and as a picture."""
    experiment = _experiment(config, overrides, plugin)
    from antifaz.analysis.pictures import draw, routed_nodes

    for node in routed_nodes(experiment.wiring):
        layers = list(dict.fromkeys(routing.text() for routing in node.routings))
        console.print(f"[bold]{node.name}[/] ({len(node.routings)} layer{'s' if len(node.routings) > 1 else ''})")
        for text in layers:
            console.print("  " + text.replace("\n", "\n  "), highlight=False)
    if png is not None:
        draw(experiment.wiring, png)
        console.print(f"picture: {escape(str(png))}", soft_wrap=True)


@app.command()
def components(as_json: AsJson = False, plugin: PluginFiles = None) -> None:
    """List everything that `use:` can name."""
    found = list(_plugins(plugin).catalogue)
    if as_json:
        rows = [{"name": c.name, "kind": c.kind.name, "plugin": c.owner, "summary": c.summary} for c in found]
        _print_json(rows)
        return
    table = Table("kind", "name", "plugin", "what it is")
    for each in sorted(found, key=lambda c: (c.kind.name, c.name)):
        table.add_row(each.kind.name, each.name, each.owner, each.summary)
    console.print(table)


@app.command()
def plugins(as_json: AsJson = False, plugin: PluginFiles = None) -> None:
    """List the plugins, and those that could not be loaded with the reason."""
    import attrs

    rows = _plugins(plugin).rows
    if as_json:
        _print_json([attrs.asdict(row) for row in rows])
        return
    table = Table("plugin", "distribution", "version", "components", "state")
    for row in rows:
        state = "ok" if row.error is None else f"[red]{escape(row.error)}[/]"
        table.add_row(*map(escape, (row.name, row.distribution, row.version, ", ".join(row.components))), state)
    console.print(table)


@app.command()
def schema(plugin: PluginFiles = None) -> None:
    """Print the JSON Schema of configs, by which editors complete and check them."""
    from antifaz.registry.specs.schema_forms import json_text

    from .config_schema import config_schema

    print(json_text(config_schema(_plugins(plugin).catalogue)))


@app.command()
def explain(config: Config, overrides: Overrides = None, plugin: PluginFiles = None) -> None:
    """Print every resolved value with the file and line that it came from."""
    for key, value, where in _experiment(config, overrides, plugin).document.origins():
        line = f"{key} = {json.dumps(value, ensure_ascii=False)}"
        console.print(f"{escape(line)}  [dim]{escape(str(where))}[/]", highlight=False, soft_wrap=True)


@app.command()
def predict(
    folder: Annotated[Path, typer.Option("--run", help="run folder of the trained model")],
    files: Annotated[list[Path] | None, typer.Argument(help="media files")] = None,
    text: Annotated[list[str] | None, typer.Option(help="a sentence for the files, or alone; may be repeated (see above)")] = None,
    stage: Annotated[str | None, typer.Option(help="whose graph and preprocessing; default the last evaluation")] = None,
    top: Annotated[int, typer.Option(help="classes shown for each output")] = 3,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
) -> None:
    """Answer for your own files, with whatever modalities they have, or for sentences.

    Several `--text` are sentences of one sample where the model takes several. Where it takes one, each is answered for by itself,
    and beside a file there can be only one.
    """
    import attrs

    from antifaz.engine.predict import load

    if not files and not text:
        raise typer.BadParameter("name media files, or give --text")
    answers = load(folder, stage=stage, plugins=plugin or []).predict(files or [], text=text or [], top=top)
    if as_json:
        _print_json([attrs.asdict(answer) for answer in answers])
        return
    for answer in answers:
        asked = answer.file or " / ".join(answer.text)
        table = Table("output", "answer", title=escape(f"{asked} ({', '.join(answer.modalities)})"), title_justify="left")
        for reference, values in answer.outputs.items():
            named = answer.labels.get(reference)
            several = f"{len(values)} vectors" if values and isinstance(values[0], list) else f"vector of {len(values)}"
            table.add_row(reference, ", ".join(f"{c} {100 * p:.0f}%" for c, p in named) if named else several)
        console.print(table)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="of the distribution, in lower case")],
    kind: Annotated[list[str], typer.Option("--kind", help="backbone, tokenizer, mask, objective or dataset; may be repeated")],
    folder: Annotated[Path, typer.Option(help="where to put it")] = Path("."),
) -> None:
    """Write a plugin of your own: a distribution with its tests, which pass at once."""
    from antifaz.cli.new.skeleton import write_skeleton

    for path in write_skeleton(name, kind, folder):
        console.print(escape(str(path)), highlight=False, soft_wrap=True)
    console.print(escape(f"next: cd {folder / name} && pip install --editable '.[test]' && pytest"), highlight=False)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="run folders: one to renew its report, several to compare them")],
    output: Annotated[Path | None, typer.Option(help="the page; default in the run folder, of a comparison report.html")] = None,
    plugin: PluginFiles = None,
) -> None:
    """Write the report of a run anew, or one page that compares several runs."""
    if len(runs) == 1:
        from antifaz.report.page import write_report

        page = write_report(runs[0], plugins=plugin or [], output=output)
    else:
        from antifaz.report.comparison import write_comparison

        page = write_comparison(runs, output or Path("report.html"))
    console.print(f"report: {escape(str(page))}", highlight=False, soft_wrap=True)


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
