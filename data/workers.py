"""Processes that help with data: pools that decode or draw, and the loaders' workers."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from antifaz.core.errors import DataError

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(function: Callable[[Item], Result], items: Iterable[Item], *, chunk: int = 8) -> Iterator[Result]:
    """The results in order, from as many processes as there are processors. They are forks: what they use is inherited.

    Raises:
        DataError: a process was killed; the operating system does that where memory runs out.
    """
    forks = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=forks, initializer=become_worker) as pool:
        try:
            yield from pool.map(function, items, chunksize=chunk)
        except BrokenProcessPool:
            message = "a process that prepares data was killed, probably for want of memory"
            raise DataError(message, hint="free some memory") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def become_worker(worker: int = 0) -> None:
    """Settle in a process made by fork: one thread, and signals as a helper needs them.

    Ctrl-C reaches the whole process group, but only the parent decides what it means; its handlers must not live on here, or
    the parent could not end its helpers.
    """
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
