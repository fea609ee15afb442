"""The identity of a result: digests of the code, the data and the parameters it depends on."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipelines.config import search_path
from pipelines.training import import_graph


def train_files(task: str, module: str) -> list[str]:
    """The files that training starts from; the rest is what they import."""
    files = search_path.file("tasks", task) / "objective.py", search_path.file("models", module)
    return ["pipelines/stages/train.py", *map(_relative, files)]


def _relative(path: Path) -> str:
    root = import_graph.ROOT
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def code_digest(entries: Iterable[str]) -> str:
    """sha256 over all local files that the entries need."""
    total = hashlib.sha256()
    for path in sorted(import_graph.closure(entries)):
        total.update(f"{path}\0".encode() + (import_graph.ROOT / path).read_bytes())
    return total.hexdigest()


def data_digest(digests: Mapping[str, str]) -> str:
    """One sha256 for all parts of a prepared data set."""
    return hashlib.sha256(json.dumps(dict(digests), sort_keys=True).encode()).hexdigest()


def flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """{"fit": {"epochs": 3}} -> {"fit.epochs": 3}; lists and None stay as they are."""
    if not isinstance(values, Mapping):
        return {prefix.removesuffix("."): values}
    parts = (flat(value, f"{prefix}{name}.") for name, value in values.items())
    return {name: value for part in parts for name, value in part.items()}
