"""A seeded mutator of YAML configs: what a tired person, a bad merge or a wrong search-and-replace makes of a file."""

from __future__ import annotations

import copy
import random
from typing import Any

from antifaz.registry import write_yaml

STRANGE: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 4.5, 1e30, 10**40, "", "no", "3e-4", "nonsense", "batch", "batch.audio", "a.b.c", ".", "é ü",
    [], {}, [[]], [1, 2, 3], ["audio"], {"use": "vit"}, {"use": 3}, {"": 1}, {"x": {"x": {"x": {}}}}, "!delete", "${env:NOTHING}",
)  # fmt: skip


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything below the root."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    found = []
    for key, value in items:
        found += [(*path, key), *places(value, (*path, key))]
    return found


def parent(tree: Any, path: tuple[Any, ...]) -> Any:
    for step in path[:-1]:
        tree = tree[step]
    return tree


def misspelt(word: str, draw: random.Random) -> str:
    if len(word) < 2:
        return word + draw.choice("abx_")
    at = draw.randrange(len(word) - 1)
    return draw.choice([word[:at] + word[at + 1 :], word[:at] + word[at + 1] + word[at] + word[at + 2 :], word + "s", word.upper()])


def change_tree(tree: Any, draw: random.Random) -> None:
    """One change in place: a key dropped or renamed, a value replaced, swapped, misspelt, copied elsewhere, or wrapped."""
    paths = places(tree)
    if not paths:
        return
    path, other = draw.choice(paths), draw.choice(paths)
    above, key = parent(tree, path), path[-1]
    kind = draw.choice(["drop", "rename", "strange", "swap", "misspell", "copy", "wrap"])
    if kind == "drop":
        del above[key]
    elif kind == "rename" and isinstance(above, dict):
        above[misspelt(str(key), draw)] = above.pop(key)
    elif kind == "strange":
        above[key] = copy.deepcopy(draw.choice(STRANGE))
    elif kind == "swap":
        far = parent(tree, other)
        above[key], far[other[-1]] = copy.deepcopy(far[other[-1]]), copy.deepcopy(above[key])
    elif kind == "misspell" and isinstance(above[key], str):
        above[key] = misspelt(above[key], draw)
    elif kind == "copy":
        above[key] = copy.deepcopy(parent(tree, other)[other[-1]])
    elif kind == "wrap":
        above[key] = draw.choice([[above[key]], {"use": above[key]}, {"x": above[key]}, str(above[key])])


def change_text(text: str, draw: random.Random) -> str:
    """One change of the text: lines or characters cut, doubled, moved, or indented."""
    lines = text.splitlines()
    at, to = draw.randrange(len(lines)), draw.randrange(len(lines))
    kind = draw.choice(["cut", "double", "move", "indent", "shorten", "character", "halve"])
    if kind == "cut":
        del lines[at : at + draw.choice([1, 1, 2, 5])]
    elif kind == "double":
        lines.insert(to, lines[at])
    elif kind == "move":
        lines.insert(to, lines.pop(at))
    elif kind == "indent":
        lines[at] = draw.choice([" ", "  ", "\t"]) + lines[at]
    elif kind == "shorten":
        lines[at] = lines[at][: draw.randrange(len(lines[at]) + 1)]
    elif kind == "character" and lines[at]:
        place = draw.randrange(len(lines[at]))
        lines[at] = lines[at][:place] + draw.choice("{}[],:#&*!|>'\"%@`- \x07é0") + lines[at][place + 1 :]
    elif kind == "halve":
        lines = lines[:at]
    return "\n".join(lines) + "\n"


def mutant(text: str, tree: Any, seed: int) -> str:
    """A mutant of a config, given as text and as plain data, by one to three changes; the same for a seed."""
    draw = random.Random(seed)
    if draw.random() < 0.4:
        for _ in range(draw.choice([1, 1, 2, 3])):
            text = change_text(text, draw)
        return text
    changed = copy.deepcopy(tree)
    for _ in range(draw.choice([1, 1, 2, 3])):
        try:
            change_tree(changed, draw)
        except (TypeError, KeyError, IndexError):  # the second place was inside of what the first change took away
            continue
    return write_yaml(changed)
