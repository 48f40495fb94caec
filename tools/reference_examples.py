"""Examples for docs/reference of what nothing shipped implements: hooks, and uses of what the engine hands to plugins."""

from __future__ import annotations

from collections.abc import Mapping

HOOKS: Mapping[str, str] = {
    "antifaz_components": '''
import attrs
from antifaz.core.routing import Routing
from antifaz.registry import component, hookimpl


@component("mask", "everything")
@attrs.frozen(kw_only=True)
class Everything:
    """Every stream, and every query of a readout, reads every stream."""

    def routing(self, readers, sources):
        names = [source.name for source in sources]
        return Routing.full({reader.name: names for reader in readers}, learned_readers=list(readers) != list(sources))


@hookimpl
def antifaz_components():
    return [Everything]
''',
    "antifaz_examples": """
from antifaz.core.examples import Example
from antifaz.core.streams import Stream
from antifaz.registry import hookimpl


@hookimpl
def antifaz_examples():
    streams = {"audio": Stream("audio", 8, (5,)), "fusion": Stream("fusion", 8, (3,), latent=True)}
    return [Example("mask", "zorro", streams), Example("backbone", "{use: vit, mask: zorro, depth: 2, heads: 2}", streams)]
""",
    "antifaz_run_start": """
from antifaz.registry import hookimpl


@hookimpl
def antifaz_run_start(run):
    run.say(f"{run.experiment.name} trains on {run.device} and writes to {run.root}")
""",
    "antifaz_step": """
from antifaz.registry import hookimpl


@hookimpl
def antifaz_step(run, record):
    if record.get("loss", 0.0) > 100:
        run.warn(record["stage"], "the loss is above 100")
""",
    "antifaz_checkpoint": """
from antifaz.registry import hookimpl


@hookimpl
def antifaz_checkpoint(run, stage, step):
    run.say(f"{stage}: there is a checkpoint of step {step}")
""",
    "antifaz_run_end": """
import json

from antifaz.registry import hookimpl


@hookimpl
def antifaz_run_end(run, results):
    (run.root / "events").mkdir(exist_ok=True)
    (run.root / "events" / "summary.json").write_text(json.dumps(results))
""",
}
"""A plugin file for each hook."""

USES: Mapping[str, str] = {
    "RunContext": """
@hookimpl
def antifaz_run_start(run):
    for name, entry in run.experiment.data.items():
        run.say(f"{name}: {entry.batch_size} samples a step")
""",
    "Captures": """
class TokenNorms(Callback):
    capture = ("encoder",)
    capture_every = 100

    def after_step(self, run, state):
        for name, captured in state.captured.items():
            for stream, values in captured.streams.items():    # (batch, tokens, width)
                run.say(f"{name}, {stream}: mean norm of a token {float(values.norm(dim=-1).mean()):.2f}")
""",
    "TrainingState": """
class Progress(Callback):
    def after_step(self, run, state):
        if state.step % 100 == 0:
            run.say(f"{state.stage} {state.step}/{state.steps}: loss {float(state.figures['loss']):.3f}")
""",
}
"""What a plugin does with an object that it is given, and members that nothing shipped has."""
