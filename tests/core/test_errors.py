"""Errors of data, weights and runs: one family each, all told in words with exit code 2."""

from __future__ import annotations

import pickle

import pytest

from antifaz.core import errors
from antifaz.registry import AntifazError

DECLARED = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, AntifazError)]
TYPES = [type_ for type_ in DECLARED if type_ is not AntifazError]


@pytest.mark.parametrize("type_", TYPES, ids=lambda type_: type_.__name__)
def test_text_and_advice_stay_apart_and_travel_between_processes(type_: type[AntifazError]) -> None:
    error = type_("it is full", hint="empty it")
    assert (error.message, error.hint, str(error), error.exit_code) == ("it is full", "empty it", "it is full\n    empty it", 2)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.message, again.hint) == (type_, "it is full", "empty it")


def test_families() -> None:
    assert issubclass(errors.IndexFileError, errors.DataError)
    runs = {errors.DeviceError, errors.FolderError, errors.WeightsError, errors.DivergedError}
    assert all(issubclass(type_, errors.RunError) for type_ in runs)
