"""Lists every mistake in a params file and in the heads of its sources, before anything runs."""

import re
import sys
from pathlib import Path

from pipelines.commands import source_heads, surroundings
from pipelines.config import loader
from pipelines.config.errors import UserError
from pipelines.config.mistakes import Mistakes, entry_of
from pipelines.config.schema import Params
from pipelines.config.sources import check_sources, check_weights

# What dvc.yaml makes stages of.
SECTIONS = ("downloads", "datasets", "warm_starts", "baselines", "experiments")
# Keys that dvc.yaml puts into paths: without them there is no graph at all.
IN_PATHS = ("recipe", "source", "dataset", "weights", "task", "module")
KEY = "[A-Za-z0-9_-]+"  # of an entry
# Two stages would write one folder, or DVC refuses to begin.
STOP_ALL = ("name-duplicate", "baselines-repeated", "repository-missing", "folder-is-link")


def run(params_file: Path) -> None:
    """Prints one line for each mistake, and raises the last line: how many there are."""
    params, mistakes = inspect(params_file)
    if not mistakes:
        print(
            f"{params_file}: {len(params.datasets)} data sets, {len(params.experiments)} "
            "experiments"
        )
        return
    show(mistakes)
    print(f"{count(mistakes)} in {params_file} and its data", file=sys.stderr)
    raise SystemExit(1)


def inspect(params_file: Path) -> tuple[Params, list[UserError]]:
    """(entries without mistakes in the params file, all mistakes by file and line).

    Raises:
        UserError: the file cannot be read at all.
    """
    params, in_file = loader.inspect(params_file)
    mistakes = Mistakes(in_file)
    mistakes.extend(surroundings.mistakes(params_file))
    for section in SECTIONS:
        if section not in params.model_fields_set and not _has(in_file, section):
            message = (
                f"no such section, and DVC reads it; write `{section}: {{}}` if it is to be empty"
            )
            mistakes.append(UserError("section-missing", message, path=params_file, key=section))
    mistakes.extend(check_sources(params_file, params))
    mistakes.extend(check_weights(params_file, params))
    mistakes.extend(source_heads.mistakes(params_file))
    return params, mistakes.in_order()


def _has(mistakes: list[UserError], section: str) -> bool:
    """Whether a section has a mistake of its own: it is there."""
    return any(mistake.key == section for mistake in mistakes)


def show(mistakes: list[UserError]) -> None:
    for mistake in mistakes:
        print(f"error[{mistake.code}]: {mistake}", file=sys.stderr)


def count(mistakes: list[UserError]) -> str:
    return f"{len(mistakes)} mistake{'' if len(mistakes) == 1 else 's'}"


def stops_all(mistake: UserError) -> bool:
    """Whether DVC could not run any stage: the mistake is in no entry, or spoils the graph."""
    if mistake.code in STOP_ALL:
        return True
    entry = entry_of(mistake)
    if entry is None:  # in a params file; what is wrong inside of a source stops its stage alone
        return Path(mistake.path or "").suffix in (".yaml", ".yml")
    steps = (mistake.key or "").split(".")[2:]
    if not re.fullmatch(KEY, entry[1]) or not steps:
        return mistake.code in ("value-invalid", "key-missing", "key-unknown")
    is_path = len(steps) == 1 and steps[0] in IN_PATHS
    return is_path and mistake.code in ("value-invalid", "key-missing")
