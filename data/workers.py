"""Workers: processes that decode or draw for a data set, and those of the loaders."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextvars import ContextVar
from typing import Any, TypeVar

from antifaz.core.errors import DataError

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(function: Callable[[Item], Result], items: Iterable[Item], *, chunk: int = 8) -> Iterator[Result]:
    """Yield the results in order, from as many workers as there are processors.

    Workers are forks: they inherit the function with all that it holds, and only items and results are pickled.

    Raises:
        DataError: a process was killed; the operating system does that where memory runs out.
    """
    forks = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=forks, initializer=_begin, initargs=(function,)) as pool:
        try:
            yield from pool.map(_call, items, chunksize=chunk)
        except BrokenProcessPool:
            message = "a process that prepares data was killed, probably for want of memory"
            raise DataError(message, hint="free some memory") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_FUNCTION: ContextVar[Callable[[Any], Any]] = ContextVar("function of this worker")
"""Set in the workers of `in_parallel` alone."""


def _begin(function: Callable[[Any], Any]) -> None:
    become_worker()
    _FUNCTION.set(function)


def _call(item: Any) -> Any:
    return _FUNCTION.get()(item)


def become_worker(worker: int = 0) -> None:
    """Settle in a process made by fork: one thread, and signals as a worker needs them.

    Ctrl-C reaches the whole process group, but only the parent decides what it means; its handlers must not live on here, or
    the parent could not end its workers.
    """
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
