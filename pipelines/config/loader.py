"""params.yaml as validated objects; errors name the file, the line and the key."""

import importlib
from pathlib import Path

from pydantic import ValidationError

from pipelines.config import consistency, search_path
from pipelines.config.errors import UserError, one_of
from pipelines.config.schema import Baselines, Dataset, Experiment, Params, WarmStart
from pipelines.config.yaml_lines import YamlFile


def load(path: Path) -> Params:
    """Reads and checks the whole file.

    Raises:
        UserError: the first mistake in it.
    """
    if not path.is_file():
        raise UserError(
            "file-missing", "no such file; run from the repository root or give --params",
            path=path,
        )  # fmt: skip
    file = YamlFile(path)
    try:
        params = Params.model_validate(file.values)
    except ValidationError as error:
        raise file.validation_error(error, Params) from None
    if params.shared is not None:
        params = _with_shared(file, params, params.shared)
    for key, dataset in params.datasets.items():
        consistency.check_dataset(file, key, dataset)
        _check_options(file, key, dataset)
    consistency.check_warm_starts(file, params)
    for key, experiment in params.experiments.items():
        consistency.check_experiment(file, key, experiment, params)
    consistency.check_baselines(file, params)
    return params


def _with_shared(file: YamlFile, params: Params, name: str) -> Params:
    """The same params with what the shared file has: all sections but its experiments."""
    if Path(name).resolve() == file.path.resolve():
        message = "this is the file itself; name another params file"
        raise file.error("shared-is-itself", ("shared",), message, name)
    shared = load(Path(name))
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
                raise file.error("name-duplicate", (section, key), message, key)
    merged = {name: {**getattr(shared, name), **getattr(params, name)} for name in present}
    return Params.model_construct(params.model_fields_set, **{**dict(params), **merged})


def dataset(params_file: Path, key: str) -> tuple[Params, Dataset]:
    params = load(params_file)
    return params, _lookup(params.datasets, key, params_file, "datasets")


def warm_start(params_file: Path, key: str) -> tuple[Params, WarmStart]:
    params = load(params_file)
    return params, _lookup(params.warm_starts, key, params_file, "warm_starts")


def baselines(params_file: Path, key: str) -> tuple[Params, Baselines]:
    params = load(params_file)
    return params, _lookup(params.baselines, key, params_file, "baselines")


def experiment(params_file: Path, key: str) -> tuple[Params, Experiment]:
    params = load(params_file)
    return params, _lookup(params.experiments, key, params_file, "experiments")


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


def _check_options(file: YamlFile, key: str, dataset: Dataset) -> None:
    model = recipe(dataset.recipe).Options
    try:
        model.model_validate(dataset.options)
    except ValidationError as error:
        raise file.validation_error(error, model, ("datasets", key, "options")) from None


def _lookup(entries: dict, key: str, path: Path, section: str):
    if key not in entries:
        raise UserError(
            "key-missing", f"no {key!r} in this section; {one_of(key, entries)}",
            path=path, key=section, value=key,
        )  # fmt: skip
    return entries[key]
