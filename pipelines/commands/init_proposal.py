"""The blocks for a source, the file that is written in its place, and a trial of both."""

import argparse
import contextlib
import io
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.commands import (
    init_plan,
    init_portfolio,
    init_templates,
    init_weights,
    init_writer,
)
from pipelines.config import loader
from pipelines.config.errors import UserError
from pipelines.preparation.inspection import table
from pipelines.preparation.inspection.questions import Answers
from pipelines.preparation.inspection.source import Source
from pipelines.preparation.splits import SPLITS
from pipelines.storage import arrays

FOLDER = "sources"
CLASSICAL = "A classical model, often the best where rows are few; the others are compared with it"


@dataclass(frozen=True)
class Proposal:
    """What is to be written. blocks: section -> (key, block, comments). files: writes the
    converted source, None where it is read as it is; called with the folder of the params file."""

    key: str
    source: str
    blocks: dict[str, list[tuple[str, dict, list[str]]]]
    files: Callable[[Path], None] | None
    notes: list[str] = field(default_factory=list)


def propose(source: Source, options: argparse.Namespace, answers: Answers) -> Proposal:
    """The blocks of a source, and the file to be written for it, if any."""
    params_file = options.params
    taken = _keys(params_file)
    key = options.name or _free(_key(options.paths[0]), taken)
    if not re.fullmatch(r"[A-Za-z0-9_-]+", key) or key in taken:
        message = "letters, digits, _ and - are accepted"
        if key in taken:
            message = "a data set or experiment of this project has this name; give another one"
        raise UserError("name-unusable", message, key="--name", value=key)
    files, path = _conversion(source, key)
    plan = init_plan.plan(source, files is not None and not source.layout.get("copy"))
    choices, dropped = init_portfolio.portfolio(plan, options.minutes, os.cpu_count() or 2)
    location = path or _relative(source.path, params_file.parent)
    # What the others are compared with: a classical model of the same rows.
    strong, experiments = f"{key}_{choices[0].template.name}", []
    if classical := init_templates.classical(source.task, key):
        strong = classical[0]
        minutes = init_portfolio.classical_seconds(plan) / 60
        experiments.append((*classical, [f"{CLASSICAL}; about {minutes:.1f} minutes."]))
    blocks: dict[str, list] = {"downloads": [], "datasets": [], "warm_starts": []}
    blocks["datasets"] = [(key, init_templates.dataset(plan.dataset, location), source.reasons)]
    blocks["baselines"] = [(key, init_templates.baseline(source.task, key, strong), [])]
    for choice in choices:
        dataset_key = key
        if choice.template.weights:
            dataset_key, more = init_weights.blocks(
                source, key, choice.template.weights, strong, params_file
            )
            for section, entries in more.items():
                blocks[section] += entries
        comment = f"{choice.template.why}; about {choice.seconds / 60:.1f} minutes"
        entry = init_templates.experiment(choice.template, source.task, dataset_key, choice.epochs)
        comments = [f"{comment[0].upper()}{comment[1:]}."]
        experiments.append((f"{key}_{choice.template.name}", entry, comments))
    blocks["experiments"] = experiments
    blocks = {section: entries for section, entries in blocks.items() if entries}
    notes = [f"{name}: does not fit into {options.minutes:g} minutes" for name in dropped]
    unused = sorted(set(answers.given) - answers.used)
    notes += [f"--{name} was not needed" for name in unused]
    return Proposal(key, location, blocks, files, notes)


def _key(path: Path) -> str:
    stem = path.resolve().name.split(".")[0]
    return re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_").lower() or "data"


def _free(key: str, taken: set[str]) -> str:
    number = 2
    free = key
    while free in taken or any(name.startswith(f"{free}_") for name in taken):
        free = f"{key}{number}"
        number += 1
    return free


def _keys(params_file: Path) -> set[str]:
    """Keys that are taken, here or in another graph of the project: DVC wants one output a path."""
    taken: set[str] = set()
    for path in (params_file, *params_file.parent.glob("*/params.yaml")):
        if path.exists():
            params = loader.load(path)
            taken |= {*params.datasets, *params.warm_starts, *params.experiments}
    return taken


def _relative(path: Path, folder: Path) -> str:
    """Relative to the params file where it is below it; DVC takes either."""
    path, folder = path.resolve(), folder.resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()


def _conversion(source: Source, key: str) -> tuple[Callable[[Path], None] | None, str | None]:
    """(writes the converted source below a folder, its path there)."""
    content = source.content
    if source.layout.get("copy"):
        names = [name for pair in content.files.values() for name in pair]
        target = f"{FOLDER}/{key}"
        return lambda root: _copy(source.path, names, root / target), target
    rows = getattr(content, "converted", None)
    if rows is not None:
        target = f"{FOLDER}/{key}.csv"
        return lambda root: table.write(root / target, rows[0], rows[1:]), target
    cleaned = getattr(content, "cleaned", None)
    if cleaned is None:
        return None, None
    if source.task == "translation":
        target = f"{FOLDER}/{key}.tsv"
        return lambda root: _write_lines(root / target, map("\t".join, cleaned)), target
    splits = sorted({split for _, _, split in cleaned} - {""})
    target = f"{FOLDER}/{key}" if splits else f"{FOLDER}/{key}.csv"

    def write_texts(root: Path) -> None:
        for split in splits or [""]:
            path = root / target / f"{split}.csv" if split else root / target
            part = [row[:2] for row in cleaned if row[2] == split]
            table.write(path, ["text", "label"], part)

    return write_texts, target


def _copy(root: Path, names: Sequence[str], target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, target / name)


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def verify(proposal: Proposal, params_file: Path) -> int:
    """Prepares every data set once, into a temporary folder; returns the rows of the first.

    Raises:
        UserError: what `prepare` would refuse.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if proposal.files is not None:
            proposal.files(root)
        seed = loader.load(params_file).seed if params_file.exists() else 1
        for key, block, _ in proposal.blocks["datasets"]:
            given = Path(block["source"])
            path = root / given if proposal.files else params_file.parent / given
            recipe = loader.recipe(block["recipe"])
            options = recipe.Options.model_validate(block["options"])
            out = root / "out" / key
            out.mkdir(parents=True)
            with contextlib.redirect_stdout(io.StringIO()):
                spec = recipe.prepare(options, path, out, seed)
            splits = [arrays.read(out / "repeat0" / split) for split in SPLITS]
            rows.append(sum(len(columns[spec.target.name]) for columns in splits))
    return rows[0]


def write(proposal: Proposal, params_file: Path) -> None:
    """The converted source, then the blocks; the params file is loaded before it takes effect."""
    text = params_file.read_text("utf-8") if params_file.exists() else init_writer.EMPTY
    for section, entries in proposal.blocks.items():
        blocks = "".join(init_writer.rendered(*entry) for entry in entries)
        text = init_writer.added(text, section, blocks, params_file)
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / params_file.name
        probe.write_text(text, "utf-8")
        loader.load(probe)
    if proposal.files is not None:
        proposal.files(params_file.parent)
    init_writer.write(params_file, text)
