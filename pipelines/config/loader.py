"""params.yaml as validated objects; errors name the file, the line and the key."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipelines.config import consistency, search_path
from pipelines.config.errors import UserError, one_of
from pipelines.config.mistakes import ENTRIES, Mistakes, entry_of
from pipelines.config.schema import Baselines, Dataset, Download, Experiment, Params, WarmStart
from pipelines.config.validation_errors import validation_errors
from pipelines.config.written_texts import as_written
from pipelines.config.yaml_lines import YamlFile


def load(path: Path) -> Params:
    """Reads and checks the whole file.

    Raises:
        UserError: the first mistake in it.
    """
    params, mistakes = inspect(path)
    if mistakes:
        raise mistakes[0]
    return params


def inspect(path: Path) -> tuple[Params, list[UserError]]:
    """(entries that have no mistake, every mistake in the order of the lines).

    Raises:
        UserError: there is no such file, or it is not YAML.
    """
    if not path.is_file():
        raise UserError(
            "file-missing", "no such file; run from the repository root or give --params",
            path=path,
        )  # fmt: skip
    file, mistakes = YamlFile(path), Mistakes()
    params = _structure(file, mistakes)
    if params.shared is not None:
        with mistakes.collected():
            params = _with_shared(file, params, params.shared, mistakes)
    for key in _of_file(file, params.datasets, "datasets"):
        params.datasets[key] = _check_dataset(file, key, params.datasets[key], mistakes)
    consistency.check_warm_starts(file, params, mistakes)
    for key, experiment in {**_partial(file, params), **params.experiments}.items():
        consistency.check_experiment(file, key, experiment, params, mistakes)
    consistency.check_baselines(file, params, mistakes)
    return _without(params, mistakes.entries()), mistakes.in_order()


def _structure(file: YamlFile, mistakes: Mistakes) -> Params:
    """The file's entries that are what the schema says."""
    try:
        return Params.model_validate(file.values)
    except ValidationError as error:
        mistakes.extend(validation_errors(file, error, Params))
        values = {name: file.values[name] for name in file.values if name in Params.model_fields}
        for details in error.errors():
            section, *entry = details["loc"]
            if entry and isinstance(values.get(section), dict):
                values[section] = {k: v for k, v in values[section].items() if k != entry[0]}
            else:
                values.pop(section, None)
        return Params.model_validate({"seed": 0, **values})


def _partial(file: YamlFile, params: Params) -> dict[str, Experiment]:
    """Experiments with a mistake in one section, whose other sections can be checked."""
    names, mappings = ("task", "dataset", "module"), ("build", "loss", "decide")
    kinds = dict.fromkeys(names, str) | dict.fromkeys(mappings, dict)
    blocks = file.values.get("experiments")
    experiments = {}
    for key, block in blocks.items() if isinstance(blocks, dict) else ():
        if key in params.experiments or not isinstance(block, dict):
            continue
        values = {"loss": {}, "decide": {}, **block}
        if all(isinstance(values.get(name), kind) for name, kind in kinds.items()):
            experiments[str(key)] = Experiment.model_construct(**values)
    return experiments


def _of_file(file: YamlFile, entries: Mapping, section: str) -> list[str]:
    """The keys of a section that are in this file, not in the one that it shares."""
    return [key for key in entries if (section, key) in file.lines]


def _check_dataset(file: YamlFile, key: str, dataset: Dataset, mistakes: Mistakes) -> Dataset:
    """The data set, its labels as they are written."""
    place = ("datasets", key, "options")
    try:
        consistency.check_dataset(file, key, dataset)
        model = recipe(dataset.recipe).Options
        written = as_written(file, place, model, dataset.options)
        dataset = dataset.model_copy(update={"options": written})
        model.model_validate(written)
    except UserError as error:
        mistakes.append(error)
    except ValidationError as error:
        mistakes.extend(validation_errors(file, error, model, place))
    return dataset


def _without(params: Params, entries: set[tuple[str, str]]) -> Params:
    sections = {
        section: {
            key: value
            for key, value in getattr(params, section).items()
            if (section, key) not in entries
        }
        for section in ENTRIES
    }
    return Params.model_construct(params.model_fields_set, **{**dict(params), **sections})


def _with_shared(file: YamlFile, params: Params, name: str, mistakes: Mistakes) -> Params:
    """The same params with what the shared file has: all sections but its experiments."""
    if Path(name).resolve() == file.path.resolve():
        message = "this is the file itself; name another params file"
        raise file.error("shared-is-itself", ("shared",), message, name)
    shared, more = inspect(Path(name))
    mistakes.extend(more)
    prepared = shared.datasets | shared.warm_starts
    present: dict[str, dict] = {
        "downloads": shared.downloads,
        "datasets": prepared,
        "warm_starts": prepared,
        "baselines": shared.baselines,
    }
    for section, names in present.items():
        for key in getattr(params, section):
            if key in names:
                message = f"{name} has this name as well; choose another one"
                mistakes.append(file.error("name-duplicate", (section, key), message, key))
    merged = {name: {**getattr(shared, name), **getattr(params, name)} for name in present}
    return Params.model_construct(params.model_fields_set, **{**dict(params), **merged})


def dataset(params_file: Path, key: str) -> tuple[Params, Dataset]:
    return _entry(params_file, "datasets", key)


def warm_start(params_file: Path, key: str) -> tuple[Params, WarmStart]:
    return _entry(params_file, "warm_starts", key)


def baselines(params_file: Path, key: str) -> tuple[Params, Baselines]:
    return _entry(params_file, "baselines", key)


def experiment(params_file: Path, key: str) -> tuple[Params, Experiment]:
    return _entry(params_file, "experiments", key)


def downloads(params_file: Path, key: str) -> dict[str, Download]:
    return _entry(params_file, "downloads", key)[1]


def _entry(params_file: Path, section: str, key: str) -> tuple[Params, Any]:
    """(params, the entry), where no mistake is in the entry or in what it depends on.

    Mistakes in other entries do not stop the stages of this one.

    Raises:
        UserError: the first mistake that matters, or `key-missing`.
    """
    params, mistakes = inspect(params_file)
    needed = _needed(params, section, key)
    for mistake in mistakes:
        if entry_of(mistake) is None or entry_of(mistake) in needed:
            raise mistake
    return params, _lookup(getattr(params, section), key, params_file, section)


def _needed(params: Params, section: str, key: str) -> set[tuple[str, str]]:
    """The entry and the data set that it is of, with the weights that may be between them."""
    needed = {(section, key)}
    name = getattr(getattr(params, section).get(key), "dataset", None)
    if name is None:
        return needed
    return needed | {("datasets", name)} | _needed(params, "warm_starts", name)


def recipe(name: str):
    """The module of a data set recipe."""
    return importlib.import_module(search_path.module_name("datasets", name))


def task_info(name: str):
    """What a task is judged by, a `pipelines.tasks.contract.TaskInfo`."""
    return task_module(name, "info").INFO


def task_module(task: str, name: str):
    """A task's module: "objective", "baselines", "score", "figures", "serve", ..."""
    return importlib.import_module(f"{search_path.module_name('tasks', task)}.{name}")


def options(dataset: Dataset):
    """The validated options of the data set's recipe; `load` has checked that they fit."""
    return recipe(dataset.recipe).Options.model_validate(dataset.options)


def _lookup(entries: dict, key: str, path: Path, section: str):
    if key not in entries:
        raise UserError(
            "key-missing", f"no {key!r} in this section; {one_of(key, entries)}",
            path=path, key=section, value=key,
        )  # fmt: skip
    return entries[key]
