"""params.yaml as validated objects; errors name the file, the line and the key.

Nothing heavy is imported here: builders are parsed, not imported, so a typo in the last experiment
is reported before the first one is trained.
"""

import ast
import importlib
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from pipelines.config.errors import UserError, one_of
from pipelines.config.schema import Dataset, Experiment, Params, Start
from pipelines.config.yaml_lines import YamlFile

PACKAGE = Path(__file__).parents[1]
MODELS = PACKAGE.parent / "models"
OBJECTIVE_FUNCTIONS = {"loss": "loss", "decide": "decide"}  # section -> function


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
    for key, dataset in params.datasets.items():
        _check_dataset(file, key, dataset)
    for key, start in params.starts.items():
        _check_start(file, key, start, params)
    for key, experiment in params.experiments.items():
        _check_experiment(file, key, experiment, params)
    return params


def dataset(params_file: Path, key: str) -> tuple[Params, Dataset]:
    params = load(params_file)
    return params, _lookup(params.datasets, key, params_file, "datasets")


def start(params_file: Path, key: str) -> tuple[Params, Start]:
    params = load(params_file)
    return params, _lookup(params.starts, key, params_file, "starts")


def experiment(params_file: Path, key: str) -> tuple[Params, Experiment]:
    params = load(params_file)
    return params, _lookup(params.experiments, key, params_file, "experiments")


def recipe(name: str):
    """The module of a data set recipe."""
    return importlib.import_module(f"pipelines.datasets.{name}")


def task(name: str):
    """What a task reports: HEADLINE, PRIMARY, LOWER and STRONG."""
    return importlib.import_module(f"pipelines.tasks.{name}.reporting")


def task_module(task: str, name: str):
    """A task's module: "objective", "score" or "serve"."""
    return importlib.import_module(f"pipelines.tasks.{task}.{name}")


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


def _check_dataset(file: YamlFile, key: str, dataset: Dataset) -> None:
    _check_name(file, ("datasets", key, "recipe"), dataset.recipe, _modules(PACKAGE / "datasets"))
    model = recipe(dataset.recipe).Options
    try:
        model.model_validate(dataset.options)
    except ValidationError as error:
        raise file.validation_error(error, model, ("datasets", key, "options")) from None


def _check_start(file: YamlFile, key: str, start: Start, params: Params) -> None:
    if key in params.datasets:
        message = "a data set has this name; choose another one"
        raise file.error("name-duplicate", ("starts", key), message, key)
    _check_name(file, ("starts", key, "dataset"), start.dataset, params.datasets)


def _check_experiment(file: YamlFile, key: str, experiment: Experiment, params: Params) -> None:
    prefix = ("experiments", key)
    tasks = [path.parent.name for path in PACKAGE.glob("tasks/*/objective.py")]
    _check_name(file, (*prefix, "task"), experiment.task, tasks)
    _check_name(file, (*prefix, "dataset"), experiment.dataset, params.datasets | params.starts)
    _check_name(file, (*prefix, "module"), experiment.module, _modules(MODELS))
    signatures = builders(experiment.module)
    builder, path = experiment.build.get("builder"), f"models/{experiment.module}.py"
    _check_name(file, (*prefix, "build", "builder"), builder, signatures, place=f" in {path}")
    accepted = {
        "build": (f"{builder} in {path}", ["builder", *signatures[builder]]),
        **_objective_arguments(experiment.task),
    }
    for section, (function, names) in accepted.items():
        for argument in getattr(experiment, section):
            if argument not in names:
                choices = one_of(argument, (name for name in names if name != "builder"))
                raise file.error(
                    "argument-unknown", (*prefix, section, argument),
                    f"{function} has no such argument; {choices}", argument,
                )  # fmt: skip


def _check_name(
    file: YamlFile, key: tuple, name: object, choices: Iterable[str], place: str = ""
) -> None:
    """The value at a key is one of the choices; the key's last step is what the value names."""
    if not isinstance(name, str) or name not in choices:
        message = f"no {key[-1]} {name!r}{place}; {one_of(name, choices)}"
        raise file.error(f"{key[-1]}-unknown", key, message, name)


def _objective_arguments(task: str) -> dict[str, tuple[str, list[str]]]:
    """Section of an experiment -> (function of the task's objective.py, names of its arguments)."""
    path = PACKAGE / "tasks" / task / "objective.py"
    functions, arguments = _objective_functions(path), {}
    for section, name in OBJECTIVE_FUNCTIONS.items():
        if name not in functions:
            raise UserError(
                "function-missing",
                f"no function `{name}`; a task's objective must define or import "
                f"{' and '.join(OBJECTIVE_FUNCTIONS.values())}",
                path=path.relative_to(PACKAGE.parent), value=name,
            )  # fmt: skip
        names = [argument.arg for argument in functions[name].args.kwonlyargs]
        arguments[section] = (f"{name} of {task}", names)
    return arguments


def builders(module: str) -> dict[str, list[str]]:
    """Builder name -> hyperparameter names, read from the source of models/<module>.py.

    A builder is a public function whose first parameter is `spec`; hyperparameters are its
    keyword-only parameters.
    """
    return {
        name: [argument.arg for argument in node.args.kwonlyargs]
        for name, node in _functions(MODELS / f"{module}.py").items()
        if not name.startswith("_") and node.args.args and node.args.args[0].arg == "spec"
    }


def _objective_functions(path: Path) -> dict[str, ast.FunctionDef]:
    """The functions of a task's objective.py, those it defines and those it imports."""
    functions = _functions(path)
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pipelines."):
            file = PACKAGE.parent / f"{node.module.replace('.', '/')}.py"
            imported = _functions(file) if file.is_file() else {}  # a package has modules only
            functions |= {
                alias.asname or alias.name: imported[alias.name]
                for alias in node.names
                if alias.name in imported
            }
    return functions


def _functions(path: Path) -> dict[str, ast.FunctionDef]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _modules(folder: Path) -> list[str]:
    return [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
