"""The callbacks of a training stage."""

from __future__ import annotations

from antifaz.core import collectives
from antifaz.core.experiment import CallbackEntry, TrainStage
from antifaz.core.interfaces import Callback
from antifaz.engine.context import Context, blaming
from antifaz.engine.contract.results import require_members
from antifaz.registry import AntifazError, Location, declaration_of

from .state import StageState

CALLED = ("before_stage", "after_step", "after_stage")
"""The methods of a callback."""


class Callbacks:
    """The callbacks of a stage, called in the order of the config; one that fails is named, and stops the run or is left out."""

    def __init__(self, run: Context, name: str, stage: TrainStage) -> None:
        self.run, self.name = run, name
        self.members: dict[int, tuple[CallbackEntry, Callback]] = {}
        for number, entry in enumerate(stage.callbacks):
            with blaming(entry.spec, location=self.location(number)):
                self.members[number] = (entry, require_members(entry.spec, entry.spec.build(), CALLED))

    def location(self, number: int) -> Location:
        """Return where the config has a callback."""
        return self.run.experiment.document.location(("stages", self.name, "callbacks", number))

    def call(self, moment: str, state: StageState) -> None:
        """Call every callback that has not failed. moment: `before_stage`, `after_step` or `after_stage`.

        Raises:
            RunError: what a callback raises, with its name and the step, unless it says `on_error: warn`.
        """
        for number, (entry, callback) in list(self.members.items()):
            failure: AntifazError | None = None
            try:
                with blaming(entry.spec, state.stage, state.step, location=self.location(number)):
                    getattr(callback, moment)(self.run, state)
            except AntifazError as error:
                if entry.on_error == "stop":
                    raise
                failure = error
            if entry.on_error == "warn" and collectives.total(int(failure is not None), self.run.device):
                self.leave_out(number, state, failure)

    def leave_out(self, number: int, state: StageState, failure: AntifazError | None) -> None:
        """Call a callback no more, and warn of it once. Every process comes here, whichever of them has the failure."""
        entry, _ = self.members.pop(number)
        if failure is not None:
            name = declaration_of(entry.spec).name
            text = f"{failure.message}; the run goes on without it"
            self.run.warn(state.stage, text, key=f"{state.stage}: callback {number} {name}")
        self.run.share_warnings()
