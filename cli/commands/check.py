"""`antifaz check`: the report on an experiment before it runs, as tables or JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from antifaz.cli.options import AsJson, Config, Overrides, PluginFiles, console, print_json, read_experiment

if TYPE_CHECKING:
    from antifaz.analysis.check.report import CheckReport

NUMBER = re.compile(r"\.(\d+)(?=\.)")
"""A number of a dotted name that is not its last word."""
PREFIXES = ((10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))


def check(config: Config, overrides: Overrides = None, as_json: AsJson = False, plugin: PluginFiles = None) -> None:
    """Build an experiment without data or memory, and show what it is: shapes, parameters, what trains where."""
    experiment = read_experiment(config, overrides, plugin)
    from antifaz.analysis.check.report import check as check_experiment

    report = check_experiment(experiment)
    if as_json:
        print_json(report.json())
    else:
        show(report, console)
    if report.broken_claims:
        raise typer.Exit(1)


def show(report: CheckReport, console: Console) -> None:
    """Print everything that a report says: tables of nodes and requested outputs, then a line for each other thing."""
    console.print(_node_table(report))
    if report.outputs:
        console.print(_output_table(report))
    console.print(f"{escape(report.name)}: {report.parameters:,} parameters, {short(report.flops)}FLOPs forward for one sample")
    lines = [*_published_lines(report), *_stage_lines(report)]
    if report.unused:
        lines.append(f"nothing uses: {', '.join(report.unused)}")
    for name, shared in report.shared.items():
        lines.append(f"{name} has the weights of {shared.owner}" + (f", but {'; '.join(shared.options)}" if shared.options else ""))
    for name, data in report.data.items():
        lines.append(f"data {name}: {data.text}")
    lines += [file.text for file in report.missing_files]
    for line in lines:
        console.print(escape(line), highlight=False, soft_wrap=True)
    for claim in report.broken_claims:
        console.print(f"[red]not pure:[/] {escape(claim)}", highlight=False)


def _node_table(report: CheckReport) -> Table:
    table = Table("node", "component", "parameters", "FLOPs", "outputs (shape per sample)")
    for node in report.nodes.values():
        outputs = "  ".join(f"{name} {list(value.dims)}" for name, value in node.outputs.items())
        table.add_row(*map(escape, (node.name, node.component, f"{node.parameters:,}", short(node.flops), outputs)))
    return table


def _output_table(report: CheckReport) -> Table:
    table = Table("requested output", "needs", "FLOPs for it alone")
    for reference, output in report.outputs.items():
        table.add_row(*map(escape, (reference, ", ".join(output.needs), short(output.flops))))
    return table


def _published_lines(report: CheckReport) -> list[str]:
    """Put the published figures beside ours, where they are for the same inputs and counted in the same way."""
    if (published := report.published) is None:
        return []
    if report.changed_inputs:
        return [f"published by {published.source} for other inputs, not compared: {', '.join(report.changed_inputs)} changed"]
    figures = []
    if published.parameters is not None:
        figures.append(f"{published.parameters:,} parameters ({report.parameters - published.parameters:+,} here)")
    if published.flops is not None:
        difference = f"{100 * (report.flops / published.flops - 1):+.1f} % here"
        comparison = f"counted by {published.counted_by}, not compared" if published.counted_by else difference
        figures.append(f"{short(int(published.flops))}FLOPs ({comparison})")
    listing = f": {', '.join(figures)}" if figures else ""
    return [f"published by {published.source}{listing}"] + ([published.note] if published.note else [])


def _stage_lines(report: CheckReport) -> list[str]:
    lines = []
    for name, stage in report.stages.items():
        cost = stage.cost
        memory = f"{memory_size(cost.activations)} of activations, {memory_size(cost.state)} of weights, gradients and moments"
        lines.append(f"stage {name}: a step of {cost.batch_size} samples takes {short(cost.flops)}FLOPs; in float32 {memory}")
        if stage.tried:
            lines.append(f"stage {name}: its objectives were computed on {stage.tried} samples")
        elif stage.tried == 0:
            lines.append(f"stage {name}: its objectives were tried on shapes alone, for its model is large or its data one sample")
        if stage.untrained:
            lines.append(f"stage {name} does not train: {', '.join(grouped(stage.untrained))}")
        lines += [f"stage {name}, {group.text}" for group in stage.groups]
    return lines


def grouped(names: Sequence[str]) -> list[str]:
    """Put weights that differ in numbers or last words alone into one item: `encoder.blocks.0-11.norm.{weight, bias} (24)`."""
    whole = [name for name in names if "." not in name]  # nodes
    numbers: dict[tuple[str, str], list[tuple[int, ...]]] = {}
    for name in names:
        if name not in whole:
            place, _, last = NUMBER.sub(".*", name).rpartition(".")
            numbers.setdefault((place, last), []).append(tuple(map(int, NUMBER.findall(name))))
    groups: dict[tuple[str, tuple[tuple[int, ...], ...]], list[str]] = {}
    for (place, last), found in numbers.items():
        groups.setdefault((place, tuple(found)), []).append(last)
    items = []
    for (place, shared), words in groups.items():
        last = words[0] if len(words) == 1 else "{" + ", ".join(words) + "}"
        count = len(words) * len(shared)
        items.append(f"{_with_ranges(place, shared)}.{last}" + (f" ({count})" if count > 1 else ""))
    return whole + items


def _with_ranges(place: str, found: Sequence[tuple[int, ...]]) -> str:
    """Write the numbers that stand for the stars of a place; stars stay where not every combination of the numbers is there."""
    columns = [sorted(set(column)) for column in zip(*found, strict=True)]
    if len(set(found)) < math.prod(map(len, columns)):
        return place
    for column in columns:
        place = place.replace("*", _ranges(column), 1)
    return place


def _ranges(numbers: Sequence[int]) -> str:
    """Write ascending numbers as `0-3`, with gaps as `{0-1, 3}`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    written = [f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return written[0] if len(written) == 1 else "{" + ", ".join(written) + "}"


def short(count: int) -> str:
    """Write a count with three figures and a prefix, to stand before a unit: `7.42 G`."""
    for size, prefix in PREFIXES:
        if count >= size:
            return f"{count / size:.3g} {prefix}"
    return f"{count} "


def memory_size(count: int) -> str:
    """Write a number of bytes in GiB from 10 GiB on, in MiB below."""
    return f"{count / 2**30:,.0f} GiB" if count >= 10 * 2**30 else f"{count / 2**20:,.0f} MiB"
