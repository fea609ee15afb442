"""params.yaml as validated objects. Every mistake is one sentence with the file and the line.

Nothing heavy is imported here: builders are read as source, not run, so that a typo in the last
experiment is refused before the first one has trained.
"""

import ast
import importlib
from pathlib import Path

from pydantic import ValidationError

from pipelines.config.errors import UserError, one_of
from pipelines.config.schema import Dataset, Experiment, Params, Start
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
    if params.shared is not None:
        params = _with_shared(lines, params, path)
    for key, dataset in params.datasets.items():
        _check_dataset(lines, key, dataset)
    for key, start in params.starts.items():
        _check_start(lines, key, start, params)
    for key, experiment in params.experiments.items():
        _check_experiment(lines, key, experiment, params)
    return params


def _with_shared(lines: "Lines", params: Params, path: Path) -> Params:
    """The same params with the data sets and starts of the file that `shared` names."""
    if Path(params.shared).resolve() == path.resolve():
        raise lines.at(("shared",), "this is the file itself; name another params file")
    other = load(Path(params.shared))
    for section in ("datasets", "starts"):
        for key in getattr(params, section):
            if key in other.datasets or key in other.starts:
                message = f"{params.shared} has this name as well; choose another one"
                raise lines.at((section, key), message)
    return Params.model_construct(
        params.model_fields_set,
        **{
            **dict(params),
            "datasets": {**other.datasets, **params.datasets},
            "starts": {**other.starts, **params.starts},
        },
    )


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


def options(chosen: Dataset):
    """The recipe's own validated options; `load` has checked that they fit."""
    return recipe(chosen.recipe).Options.model_validate(chosen.options)


def _lookup(entries: dict, key: str, path: Path, section: str):
    if key not in entries:
        raise UserError(f"{path}: no {key!r} under {section}; {one_of(key, entries)}")
    return entries[key]


def _check_dataset(lines: "Lines", key: str, dataset: Dataset) -> None:
    where = ("datasets", key, "recipe")
    recipes = _modules(PACKAGE / "datasets")
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


def _check_experiment(lines: "Lines", key: str, experiment: Experiment, params: Params) -> None:
    where = ("experiments", key)
    tasks = [path.parent.name for path in PACKAGE.glob("tasks/*/objective.py")]
    datasets = {**params.datasets, **params.starts}
    for name, choices in (
        ("task", tasks), ("dataset", datasets), ("module", _modules(MODELS)),
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
    objective = _objective(PACKAGE / "tasks" / experiment.task / "objective.py")
    loss, decide = (
        [argument.arg for argument in objective[name].args.kwonlyargs]
        for name in ("loss", "decide")
    )
    for name, owner, accepted in (
        ("build", f"{found} in {file}", signatures[found]),
        ("loss", f"loss of {experiment.task}", loss),
        ("decide", f"decide of {experiment.task}", decide),
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
        for name, node in _functions(MODELS / f"{module}.py").items()
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


def _modules(folder: Path) -> list[str]:
    return [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
