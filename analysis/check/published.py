"""Published figures of a model are for certain inputs; a config that extends it may have others."""

from __future__ import annotations

from pathlib import Path

from antifaz.registry import Document


def changed_inputs(document: Document) -> tuple[str, ...]:
    """List the keys of `inputs` that were set over the published figures' own, by an extending file or on the command line."""
    files = [Path(), *document.files]  # in place of a path the command line, then each file before those that it extends
    places = [(key, at) for key, _, at in document.origins() if key.startswith(("inputs.", "published."))]
    depths = {key: files.index(Path(at.file).resolve()) if at.line else 0 for key, at in places}
    own = min((depth for key, depth in depths.items() if key.startswith("published.")), default=0)
    return tuple(key for key, depth in depths.items() if key.startswith("inputs.") and depth < own)
