"""What `check` found out, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from antifaz.core.experiment.needed_files import missing_files

if TYPE_CHECKING:
    from antifaz.analysis.check.report import CheckReport
    from antifaz.core.experiment import Experiment
    from antifaz.registry import Document

STEPS = ((10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))


def show(report: CheckReport, experiment: Experiment, console: Console) -> None:
    """Nodes, requested outputs, stages and data sets."""
    console.print(_nodes(report))
    if report.outputs:
        console.print(_outputs(report))
    console.print(f"{escape(report.name)}: {report.parameters:,} parameters, {short(report.flops)}FLOPs forward for one sample")
    if report.convention is not None:
        count = f"{short(report.conventional_flops)}FLOPs forward for one sample"
        console.print(f"counted by the convention {report.convention}: {count}", highlight=False)
    lines = _published(report, _other_inputs(experiment.document))
    for name, stage in report.stages.items():
        cost = stage.cost
        memory = f"{memory_size(cost.activations)} of activations, {memory_size(cost.state)} of weights, gradients and moments"
        lines.append(f"stage {name}: a step of {cost.batch_size} samples takes {short(cost.flops)}FLOPs; in float32 {memory}")
        if stage.untrained:
            lines.append(f"stage {name} does not train: {', '.join(stage.untrained)}")
    if report.unused:
        lines.append(f"nothing uses: {', '.join(report.unused)}")
    for name, shared in report.shared.items():
        lines.append(f"{name} has the weights of {shared.owner}" + (f", but {'; '.join(shared.options)}" if shared.options else ""))
    for name, data in report.data.items():
        counts = data.counts
        text = "not on this machine" if counts is None else ", ".join(f"{value:,} {key}" for key, value in counts.items())
        lines.append(f"data {name}: {text}")
    lines += dict.fromkeys(f"data {file.data}: {file.path} is not on this machine" for file in missing_files(experiment))
    for line in lines:
        console.print(escape(line), highlight=False, soft_wrap=True)


def _nodes(report: CheckReport) -> Table:
    second = [] if report.convention is None else [f"FLOPs ({report.convention})"]
    table = Table("node", "component", "parameters", "FLOPs", *second, "outputs (shape per sample)")
    for node in report.nodes.values():
        outputs = "  ".join(f"{name} {list(value.dims)}" for name, value in node.outputs.items())
        counts = [short(node.flops), *(short(node.conventional_flops) for _ in second)]
        table.add_row(*map(escape, (node.name, node.component, f"{node.parameters:,}", *counts, outputs)))
    return table


def _other_inputs(document: Document) -> list[str]:
    """Entries of `inputs` that were set over the published figures' own, by an extending file or on the command line."""
    files = [Path(), *document.files]  # in place of a path the command line, then each file before those that it extends
    places = [(key, at) for key, _, at in document.origins() if key.startswith(("inputs.", "published."))]
    depths = {key: files.index(Path(at.file).resolve()) if at.line else 0 for key, at in places}
    own = min((depth for key, depth in depths.items() if key.startswith("published.")), default=0)
    return [key for key, depth in depths.items() if key.startswith("inputs.") and depth < own]


def _published(report: CheckReport, other: Sequence[str]) -> list[str]:
    """The figures of others beside ours. other: inputs that are not theirs, with which there is nothing to compare."""
    if (published := report.published) is None:
        return []
    if other:
        return [f"published by {published.source} for other inputs, not compared: {', '.join(other)} changed"]
    parts = []
    if published.parameters is not None:
        parts.append(f"{published.parameters:,} parameters ({report.parameters - published.parameters:+,} here)")
    if published.flops is not None:
        here = report.comparable_flops
        beside = "" if here is None else f" ({100 * (here / published.flops - 1):+.1f} % here)"
        parts.append(f"{short(int(published.flops))}FLOPs{beside}")
    figures = f": {', '.join(parts)}" if parts else ""
    return [f"published by {published.source}{figures}"] + ([published.note] if published.note else [])


def _outputs(report: CheckReport) -> Table:
    table = Table("requested output", "needs", "FLOPs for it alone")
    for reference, output in report.outputs.items():
        table.add_row(*map(escape, (reference, ", ".join(output.needs), short(output.flops))))
    return table


def short(count: int) -> str:
    """Three figures and a prefix: 7.42 G."""
    for size, prefix in STEPS:
        if count >= size:
            return f"{count / size:.3g} {prefix}"
    return f"{count} "


def memory_size(count: int) -> str:
    return f"{count / 2**30:,.0f} GiB" if count >= 10 * 2**30 else f"{count / 2**20:,.0f} MiB"
