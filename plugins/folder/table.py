"""Reading the CSV of a folder."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from antifaz.core.errors import IndexFileError
from antifaz.core.interfaces import SampleSet
from antifaz.data.cache import open_samples
from antifaz.data.samples import Row
from antifaz.data.sources import by_source
from antifaz.registry import nearest, suggest

from .sentences import sentences

if TYPE_CHECKING:
    from .spec import Folder

SHOWN = 5
"""Faults of one sort that an error lists."""


def open_folder(spec: Folder, training: bool) -> SampleSet:
    """The samples of a folder.

    Raises:
        IndexFileError: an index that cannot be read, paths outside the root, unknown labels, times that are none, more missing
            files than allowed.
    """
    root = Path(spec.root)
    rows, missing = read_table(spec, root)
    if not rows:
        raise IndexFileError(f"{root / spec.index} lists no file that exists")
    cache = root / ".antifaz-cache" if spec.cache else None
    return open_samples(rows, spec.modalities, spec.clip, spec.shapes(), training=training, cache=cache, missing=missing)


def read_table(spec: Folder, root: Path) -> tuple[list[Row], int]:
    """The rows whose files are there, and how many are not."""
    index = root / spec.index
    rows: list[Row] = []
    outside: list[str] = []
    lost: list[str] = []
    unknown: list[str] = []
    try:
        # Bytes that are not UTF-8 come through as they are: in a sentence they make a sample unreadable, elsewhere they raise.
        with open(index, newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            reader = csv.DictReader(file, strict=True)
            columns = list(reader.fieldnames or ())
            _check_columns(spec, columns, index)
            for cells in reader:
                where = f"line {reader.line_num}"
                if None in cells:
                    raise IndexFileError(f"{index}, {where}: more cells than columns", hint="quote cells that hold a comma")
                _require_utf8(spec, cells, columns, f"{index}, {where}")
                texts = sentences(spec, cells, f"{index}, {where}")
                files = _files(spec, cells, columns, root, where, outside, lost)
                label = _label(spec, cells.get(spec.label or "", ""), where, unknown)
                if files is None:
                    continue
                if not any((*files.values(), *texts.values())):
                    lost.append(f"{where}: neither a file nor a sentence" if texts else f"{where}: no file is named")
                    continue
                rows.append(Row(files, {} if spec.label is None else {"label": label}, texts))
    except (OSError, csv.Error) as error:
        raise IndexFileError(f"the index {index} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if outside:
        raise IndexFileError(f"{index} names files outside {root}:{_listing(outside)}", hint="paths must stay inside the root")
    if unknown:
        raise IndexFileError(f"{index} has unknown labels:{_listing(unknown)}", hint="add them to `classes`, or correct the file")
    if len(lost) > spec.max_missing:
        raise IndexFileError(
            f"{len(lost)} files of {index} are missing, {spec.max_missing} are allowed:{_listing(lost)}",
            hint="restore them, or raise `max_missing`",
        )
    return rows, len(lost)


def _check_columns(spec: Folder, columns: list[str], index: Path) -> None:
    if any("\udc80" <= letter <= "\udcff" for name in columns for letter in name):
        raise IndexFileError(f"the index {index} cannot be read: it is not UTF-8", hint="save the file as UTF-8")
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise IndexFileError(f"{index} has more than one column {', '.join(map(repr, twice))}", hint="rename one of them")
    media, texts = by_source(spec.modalities)
    wanted = [*([spec.path] if any(name not in columns for name in media) else []), *([] if spec.label is None else [spec.label])]
    for name in texts:
        times = spec.cells(name).times
        wanted += [*spec.columns_of(name), *([] if times is None else [times])]
    for name in wanted:
        if name not in columns:
            raise IndexFileError(f"{index} has no column {name!r}", hint=suggest(name, columns, noun="columns"))


def _require_utf8(spec: Folder, cells: Mapping[str, str], columns: list[str], where: str) -> None:
    """Refuse names of files and classes that are not UTF-8."""
    media, _ = by_source(spec.modalities)
    for column in {*(m if m in columns else spec.path for m in media), *([] if spec.label is None else [spec.label])}:
        try:
            (cells.get(column) or "").encode()
        except UnicodeEncodeError:
            raise IndexFileError(f"{where}: the cell of {column!r} is not UTF-8", hint="save the file as UTF-8") from None


def _files(
    spec: Folder,
    cells: Mapping[str, str],
    columns: list[str],
    root: Path,
    where: str,
    outside: list[str],
    lost: list[str],
) -> dict[str, Path | None] | None:
    """A row's file for each modality that is not text; None if one of them is outside or missing."""
    media, _ = by_source(spec.modalities)
    texts = {m: (cells.get(m if m in columns else spec.path) or "").strip() for m in media}
    paths_of = {modality: root / text if text else None for modality, text in texts.items()}
    named = dict.fromkeys(path for path in paths_of.values() if path is not None)
    beyond = [path for path in named if not _is_inside(path, root)]
    absent = [path for path in named if not beyond and not _is_there(path)]
    for faults, paths in ((outside, beyond), (lost, absent)):
        if paths:
            faults.append(f"{where}: {', '.join(os.path.relpath(path, root) for path in paths)}")
            return None
    return paths_of


def _is_inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # a name that no file can have, links in a circle
        return False


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder that may not be entered
        return False


def _label(spec: Folder, cell: str | None, where: str, unknown: list[str]) -> Tensor | None:
    """The class number, or one number for each class; None where the cell is empty."""
    text = (cell or "").strip()
    if spec.label is None or not text:
        return None
    names = [text] if spec.separator is None else [part.strip() for part in text.split(spec.separator) if part.strip()]
    for name in names:
        if name not in spec.classes:
            near = nearest(name, spec.classes)
            unknown.append(f"{where}: {name!r}" + (f" (did you mean {near!r}?)" if near else ""))
            return None
    numbers = [spec.classes.index(name) for name in names]
    if spec.separator is None:
        return torch.tensor(numbers[0])
    return torch.zeros(len(spec.classes)).index_fill_(0, torch.tensor(numbers), 1.0)


def _listing(faults: list[str]) -> str:
    more = f"\n    ... and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
    return "".join(f"\n    {fault}" for fault in faults[:SHOWN]) + more
