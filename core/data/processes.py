"""Processes that help with data: pools that decode or draw, and the loaders' workers."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.pool import Pool


@contextmanager
def worker_pool() -> Iterator[Pool]:
    """As many processes as there are processors. They are forks: what they work on is inherited, not sent."""
    with multiprocessing.get_context("fork").Pool(os.cpu_count(), initializer=become_worker) as pool:
        yield pool


def become_worker(worker: int = 0) -> None:
    """Settle in a process made by fork: one thread, and signals as a helper needs them.

    Ctrl-C reaches the whole process group, but only the parent decides what it means; its handlers must not live on here, or
    the parent could not end its helpers.
    """
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
