"""params.yaml as validated objects. Every mistake is one sentence with the file and the line.

Nothing heavy is imported here: builders are read as source, not run, so that a typo in the last
experiment is refused before the first one has trained.
"""

import ast
import importlib
from pathlib import Path

from pydantic import ValidationError

from pipelines.config import search_path
from pipelines.config.errors import UserError, one_of
from pipelines.config.schema import Baselines, Dataset, Experiment, Params, Start
from pipelines.config.yaml_lines import Lines

PACKAGE = Path(__file__).parents[1]
MODELS = PACKAGE.parent / "models"


def load(path: Path) -> Params:
    """Reads and checks the whole file."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; run from the repository root or give --params")
    lines = Lines(path)
    try:
        params = Params.model_validate(lines.values)
    except ValidationError as error:
        raise lines.refusal(error, Params) from None
    for key, dataset in params.datasets.items():
        _check_dataset(lines, key, dataset)
    for key, start in params.starts.items():
        _check_start(lines, key, start, params)
    for key, experiment in params.experiments.items():
        _check_experiment(lines, key, experiment, params)
    _check_baselines(lines, params)
    return params


def dataset(params_file: Path, key: str) -> tuple[Params, Dataset]:
    params = load(params_file)
    return params, _lookup(params.datasets, key, params_file, "datasets")


def start(params_file: Path, key: str) -> tuple[Params, Start]:
    params = load(params_file)
    return params, _lookup(params.starts, key, params_file, "starts")


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


def options(chosen: Dataset):
    """The recipe's own validated options; `load` has checked that they fit."""
    return recipe(chosen.recipe).Options.model_validate(chosen.options)


def _lookup(entries: dict, key: str, path: Path, section: str):
    if key not in entries:
        raise UserError(f"{path}: no {key!r} under {section}; {one_of(key, entries)}")
    return entries[key]


def _check_dataset(lines: "Lines", key: str, dataset: Dataset) -> None:
    where = ("datasets", key, "recipe")
    recipes = search_path.names("datasets")
    if dataset.recipe not in recipes:
        raise lines.at(where, f"no recipe {dataset.recipe!r}; {one_of(dataset.recipe, recipes)}")
    model = recipe(dataset.recipe).Options
    try:
        model.model_validate(dataset.options)
    except ValidationError as error:
        raise lines.refusal(error, model, ("datasets", key, "options")) from None


def _check_start(lines: "Lines", key: str, start: Start, params: Params) -> None:
    if key in params.datasets:
        raise lines.at(("starts", key), "a data set has this name; choose another one")
    if start.dataset not in params.datasets:
        where = ("starts", key, "dataset")
        choices = one_of(start.dataset, params.datasets)
        raise lines.at(where, f"no dataset {start.dataset!r}; {choices}")


def _check_baselines(lines: "Lines", params: Params) -> None:
    """Every experiment's task and data set have one block of baselines, and no two."""
    blocks: dict[tuple[str, str], str] = {}
    datasets = {**params.datasets, **params.starts}
    for key, block in params.baselines.items():
        for name, choices in (("task", search_path.names("tasks")), ("dataset", datasets)):
            value = getattr(block, name)
            if value not in choices:
                message = f"no {name} {value!r}; {one_of(value, choices)}"
                raise _error(lines, f"{name}-unknown", ("baselines", key, name), message, value)
        other = blocks.setdefault((block.task, block.dataset), key)
        if other != key:
            message = f"the same task and data set as baselines.{other}; remove one of the two"
            raise _error(lines, "baselines-repeated", ("baselines", key), message, block.dataset)
    for key, experiment in params.experiments.items():
        task, dataset = experiment.task, experiment.dataset
        if (task, dataset) not in blocks:
            message = (
                f"the baselines of {task} on {dataset} are missing; add under `baselines:` the "
                f"block `{dataset}: {{task: {task}, dataset: {dataset}}}`"
            )
            raise _error(lines, "baselines-missing", ("experiments", key), message, dataset)


def _error(lines: "Lines", code: str, keys: tuple, message: str, value: object) -> UserError:
    key = ".".join(keys)
    return UserError(code, message, path=lines.path, line=lines.lines[keys], key=key, value=value)


def _check_experiment(lines: "Lines", key: str, experiment: Experiment, params: Params) -> None:
    where = ("experiments", key)
    tasks = search_path.names("tasks")
    datasets = {**params.datasets, **params.starts}
    for name, choices in (
        ("task", tasks), ("dataset", datasets), ("module", search_path.names("models")),
    ):  # fmt: skip
        value = getattr(experiment, name)
        if value not in choices:
            raise lines.at((*where, name), f"no {name} {value!r}; {one_of(value, choices)}")
    signatures = builders(experiment.module)
    build, file = experiment.build, f"models/{experiment.module}.py"
    found = build.get("builder")
    if not isinstance(found, str) or found not in signatures:
        raise lines.at(
            (*where, "build", "builder"),
            f"no builder {found!r} in {file}; {one_of(found, signatures)}",
        )
    objective = _objective(search_path.file("tasks", experiment.task) / "objective.py")
    loss, decide = (
        [argument.arg for argument in objective[name].args.kwonlyargs]
        for name in ("loss", "fit_decision_rule")
    )
    for name, owner, accepted in (
        ("build", f"{found} in {file}", signatures[found]),
        ("loss", f"loss of {experiment.task}", loss),
        ("decide", f"fit_decision_rule of {experiment.task}", decide),
    ):
        for argument in getattr(experiment, name):
            if argument not in accepted and (name, argument) != ("build", "builder"):
                raise lines.at(
                    (*where, name, argument),
                    f"{owner} has no such argument; {one_of(argument, accepted)}",
                )


def builders(module: str) -> dict[str, list[str]]:
    """Builder name -> hyperparameter names, read from the source of models/<module>.py.

    A builder is a public function whose first parameter is `spec`; hyperparameters are its
    keyword-only parameters.
    """
    return {
        name: [argument.arg for argument in node.args.kwonlyargs]
        for name, node in _functions(search_path.file("models", module)).items()
        if not name.startswith("_") and node.args.args and node.args.args[0].arg == "spec"
    }


def _objective(path: Path) -> dict[str, ast.FunctionDef]:
    """The functions of a task's objective.py, its own and those it takes from another module."""
    found = _functions(path)
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module.startswith("pipelines."):
            file = PACKAGE.parent / f"{node.module.replace('.', '/')}.py"
            theirs = _functions(file) if file.is_file() else {}  # a package has modules only
            found |= {name.name: theirs[name.name] for name in node.names if name.name in theirs}
    return found


def _functions(path: Path) -> dict[str, ast.FunctionDef]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
