"""Checks of objectives whose batch is spread over processes.

Where a loss is a sum over samples, one process says it: the shares' totals and counts add up to those of the whole. One that needs
the whole batch gathers it, and that takes real processes: two, on gloo, which are started once and shared by all checks.
"""

from __future__ import annotations

import atexit
import functools
import multiprocessing
import pickle
import tempfile
from collections.abc import Callable, Sequence
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from antifaz.core.discovery import discover
from antifaz.core.objectives import Objective
from antifaz.engine.training.spread import ABSENCES, Groups, Step, part, random_groups, stepped, with_absences

from .case import Case, require
from .losses import checked_loss
from .nodes import same

BATCH = 12
WORLD = 2
PATIENCE = 60.0
"""Seconds after which processes that do not answer are taken to wait for each other."""
CUTS = ((6, 12), (5, 12), (3, 4, 12))
"""Ends of the shares of a batch in one process: even, and uneven."""

SUMS = (
    "return the sum over samples and their number as each Term, and compute nothing else over the batch; an objective that "
    "compares samples gathers them with `antifaz.core.collectives.gather` and declares `needs_whole_batch = True` on its spec"
)
GATHERS = (
    "gather what the loss compares (values with their gradients, and `presence()`) by `antifaz.core.collectives.gather`, in every "
    "process and whatever is there; score this process's own samples against all; return the sums over its own samples"
)
RANDOM = "; one that draws random numbers declares `draws_randomly = True`, and its spread is not compared"


def over_processes(case: Case) -> None:
    """Spread over processes, evenly or not, a batch gives the loss and the gradients that it gives in one."""
    checked_loss(_built(case)(**random_groups(case.inputs, BATCH)))
    if getattr(case.spec, "draws_randomly", False):
        groups = random_groups(case.inputs, BATCH)
        losses = {float(stepped(_built(case, seed), [groups]).loss) for seed in range(5)}
        require(len(losses) > 1, "it declares `draws_randomly`, and five seeds give one loss", "leave the declaration out")
        return
    if getattr(case.spec, "needs_whole_batch", False):
        _compare(case, functools.partial(_over_two, case), WORLD, GATHERS)
        return
    for ends in CUTS:
        _compare(case, functools.partial(_in_turn, case, ends), len(ends), SUMS)


def _compare(case: Case, spread: Callable[[Groups], Step], shares: int, remedy: str) -> None:
    """Hold a spread step against that of the whole batch, with everything there, unevenly much, and nothing in the first share."""
    drawn = random_groups(case.inputs, BATCH)
    for groups, what in zip(with_absences(drawn, BATCH, shares), ABSENCES, strict=True):
        whole, got = stepped(_built(case), [groups]), spread(groups)
        where = f"of a batch in {shares} shares{what}, and of the same batch in one"
        same(got.loss, whole.loss, f"the loss {where}", remedy + RANDOM)
        for kind in ("inputs", "parameters"):
            for a, b in zip(getattr(got, kind), getattr(whole, kind), strict=True):
                same(a, b, f"the gradient with respect to its {kind} {where}", remedy + RANDOM)


def _built(case: Case, seed: int = 1) -> Objective:
    torch.manual_seed(seed)
    objective: Objective = case.spec.build(case.inputs).double()
    return objective


def _in_turn(case: Case, ends: Sequence[int], groups: Groups) -> Step:
    """The step of a batch in shares that end there, one after the other in this process."""
    rows = [slice(start, end) for start, end in zip((0, *ends), ends, strict=False)]
    step = stepped(_built(case), [part(groups, each) for each in rows])
    entries = len(step.inputs) // len(rows)
    return Step(step.loss, [torch.cat(step.inputs[i::entries]) for i in range(entries)], step.parameters, step.computed)


def _over_two(case: Case, groups: Groups) -> Step:
    """The step of a batch in two processes, half of it in each."""
    first, second = _processes().ask(case, groups)
    inputs = [torch.cat(pair) for pair in zip(first.inputs, second.inputs, strict=True)]
    return Step(first.loss, inputs, [a + b for a, b in zip(first.parameters, second.parameters, strict=True)], first.computed)


class _Processes:
    """Two processes that wait for objectives to run; they end with this one."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.folder = tempfile.TemporaryDirectory()
        self.pipes: list[Connection] = []
        self.members = []
        for rank in range(WORLD):
            here, there = context.Pipe()
            self.members.append(context.Process(target=_serve, args=(rank, self.folder.name, there), daemon=True))
            self.members[-1].start()
            there.close()
            self.pipes.append(here)
        atexit.register(self.end)

    def ask(self, case: Case, groups: Groups) -> list[Step]:
        """Run an objective on a batch, half of it in each process.

        Raises:
            AssertionError: it fails there, or one process waits for the other in vain.
        """
        try:
            spec = pickle.dumps((case.spec, case.inputs))
        except Exception as error:
            wrong = f"it cannot be sent to another process: {error}"
            require(False, wrong, "define the spec at the top of a module, and keep plain values in it")
        for pipe in self.pipes:
            pipe.send_bytes(pickle.dumps((case.plugin_files, spec, groups)))
        answers: list[Step | str] = []
        for pipe in self.pipes:
            failed = any(isinstance(answer, str) for answer in answers)
            if pipe.poll(1.0 if failed else PATIENCE):
                answers.append(pickle.loads(pipe.recv_bytes()))
        faults = [answer for answer in answers if isinstance(answer, str)]
        if faults or len(answers) < WORLD:
            self.end()
            _processes.cache_clear()
            wrong = faults[0] if faults else f"one of two processes waits for the other for more than {PATIENCE:g} seconds"
            require(False, f"on two processes: {wrong}", GATHERS)
        return [answer for answer in answers if isinstance(answer, Step)]

    def end(self) -> None:
        """End the processes, and forget them."""
        atexit.unregister(self.end)
        for member in self.members:
            member.kill()
            member.join()
        self.folder.cleanup()


@functools.cache
def _processes() -> _Processes:
    return _Processes()


def _serve(rank: int, folder: str, pipe: Connection) -> None:
    """Join the other process, then answer requests until the pipe ends."""
    torch.set_num_threads(1)
    store = f"file://{Path(folder) / 'rendezvous'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=WORLD, timeout=timedelta(seconds=2 * PATIENCE))
    while True:
        try:
            request = pipe.recv_bytes()
        except EOFError:
            return
        try:
            answer: Any = _answer(rank, request)
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        pipe.send_bytes(pickle.dumps(answer))


def _answer(rank: int, request: bytes) -> Step:
    files, case, groups = pickle.loads(request)
    if files:
        discover(files)
    spec, inputs = pickle.loads(case)
    rows = slice(rank * BATCH // WORLD, (rank + 1) * BATCH // WORLD)
    return stepped(_built(Case(spec, inputs)), [part(groups, rows)])
