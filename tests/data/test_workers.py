"""Workers: results in order, functions inherited and not pickled, and a killed worker told in words."""

from __future__ import annotations

import os
import signal

import pytest
import torch

from antifaz.core.errors import DataError
from antifaz.data.workers import in_parallel


def test_results_keep_their_order_whatever_their_chunks() -> None:
    for chunk in (1, 3, 100):
        assert list(in_parallel(abs, range(-20, 20), chunk=chunk)) == [abs(i) for i in range(-20, 20)]


def test_a_function_is_inherited_with_all_that_it_holds() -> None:
    class Unpicklable:
        factor = 3

        def __reduce__(self) -> str:
            raise TypeError("this cannot be pickled")

    held = Unpicklable()
    assert list(in_parallel(lambda number: number * held.factor, range(10))) == list(range(0, 30, 3))


def test_two_pools_at_once_have_functions_of_their_own() -> None:
    first, second = in_parallel(lambda x: x + 1, range(40)), in_parallel(lambda x: x * 2, range(40))
    assert list(zip(first, second, strict=True)) == [(x + 1, x * 2) for x in range(40)]


def test_work_is_done_elsewhere_on_one_thread_and_deaf_to_control_c() -> None:
    def state(_: int) -> tuple[int, int, bool]:
        return os.getpid(), torch.get_num_threads(), signal.getsignal(signal.SIGINT) is signal.SIG_IGN

    before = signal.getsignal(signal.SIGINT)
    for process, threads, deaf in in_parallel(state, range(4), chunk=1):
        assert (process != os.getpid(), threads, deaf) == (True, 1, True)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_in_a_worker_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(lambda number: 1 // number, range(3)))


def test_a_killed_worker_is_told_and_nothing_hangs() -> None:
    with pytest.raises(DataError, match="was killed"):
        list(in_parallel(kill_itself, range(20), chunk=1))


def kill_itself(number: int) -> int:
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return number
