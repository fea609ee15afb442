"""Whether the blocks of params.yaml fit each other and the code: names, arguments, baselines."""

from collections.abc import Iterable

from pipelines.config import argument_types, search_path, signatures, task_fit
from pipelines.config.errors import one_of
from pipelines.config.schema import Dataset, Experiment, Params
from pipelines.config.yaml_lines import YamlFile


def check_dataset(file: YamlFile, key: str, dataset: Dataset) -> None:
    _check_name(file, ("datasets", key, "recipe"), dataset.recipe, search_path.names("datasets"))


def check_warm_starts(file: YamlFile, params: Params) -> None:
    for key, start in params.warm_starts.items():
        if key in params.datasets:
            message = "a data set has this name; choose another one"
            raise file.error("name-duplicate", ("warm_starts", key), message, key)
        _check_name(file, ("warm_starts", key, "dataset"), start.dataset, params.datasets)


def check_experiment(file: YamlFile, key: str, experiment: Experiment, params: Params) -> None:
    prefix = ("experiments", key)
    _check_name(file, (*prefix, "task"), experiment.task, search_path.names("tasks"))
    datasets = params.datasets | params.warm_starts
    _check_name(file, (*prefix, "dataset"), experiment.dataset, datasets)
    _check_name(file, (*prefix, "module"), experiment.module, search_path.names("models"))
    builders = signatures.builders(experiment.module)
    builder, path = experiment.build.get("builder"), f"models/{experiment.module}.py"
    _check_name(file, (*prefix, "build", "builder"), builder, builders, place=f" in {path}")
    accepted = {
        "build": (f"{builder} in {path}", ["builder", *builders[str(builder)]]),
        **signatures.objective_arguments(experiment.task),
    }
    for section, (function, names) in accepted.items():
        for argument in getattr(experiment, section):
            if argument not in names:
                choices = one_of(argument, (name for name in names if name != "builder"))
                raise file.error(
                    "argument-unknown", (*prefix, section, argument),
                    f"{function} has no such argument; {choices}", argument,
                )  # fmt: skip
    _check_types(file, prefix, experiment)
    _check_task(file, prefix, experiment, params)


def _check_types(file: YamlFile, prefix: tuple, experiment: Experiment) -> None:
    """Every argument has the type and the range that its function's annotation promises."""
    accepted = {
        "build": signatures.builder_parameters(experiment.module, experiment.build["builder"]),
        **signatures.objective_parameters(experiment.task),
    }
    for section, parameters in accepted.items():
        for name, value in getattr(experiment, section).items():
            if name == "builder":
                continue
            problem = argument_types.problem(*parameters[name], value)
            if problem:
                raise file.error("value-invalid", (*prefix, section, name), problem, value)


def _check_task(file: YamlFile, prefix: tuple, experiment: Experiment, params: Params) -> None:
    """The task fits what the recipe makes and what the module is for."""
    dataset = experiment.dataset
    if dataset in params.warm_starts:
        dataset = params.warm_starts[dataset].dataset
    task, recipe = experiment.task, params.datasets[dataset].recipe
    made_for = task_fit.of_recipe(recipe)
    if task in task_fit.KNOWN and made_for and task not in made_for:
        message = f"{dataset!r} is of recipe {recipe}, which is for {', '.join(made_for)}"
        raise file.error("task-mismatch", (*prefix, "task"), f"{message}; change one", task)
    made_for = task_fit.of_module(experiment.module)
    if task in task_fit.KNOWN and made_for and task not in made_for:
        message = f"models/{experiment.module}.py is for {', '.join(made_for)}, not for {task}"
        raise file.error(
            "task-mismatch", (*prefix, "module"), f"{message}; change one", experiment.module
        )


def check_baselines(file: YamlFile, params: Params) -> None:
    """Every experiment's task and data set have one block of baselines, and no two."""
    blocks: dict[tuple[str, str], str] = {}
    datasets = params.datasets | params.warm_starts
    for key, block in params.baselines.items():
        prefix = ("baselines", key)
        _check_name(file, (*prefix, "task"), block.task, search_path.names("tasks"))
        _check_name(file, (*prefix, "dataset"), block.dataset, datasets)
        first = blocks.setdefault((block.task, block.dataset), key)
        if first != key:
            message = f"the same task and data set as baselines.{first}; remove one of the two"
            raise file.error("baselines-repeated", prefix, message, block.dataset)
    for key, experiment in params.experiments.items():
        task, dataset = experiment.task, experiment.dataset
        if (task, dataset) not in blocks:
            message = (
                f"the baselines of {task} on {dataset} are missing; add under `baselines:` the "
                f"block `{dataset}: {{task: {task}, dataset: {dataset}}}`"
            )
            raise file.error("baselines-missing", ("experiments", key), message, dataset)


def _check_name(
    file: YamlFile, key: tuple, name: object, choices: Iterable[str], place: str = ""
) -> None:
    """The value at a key is one of the choices; the key's last step is what the value names."""
    if not isinstance(name, str) or name not in choices:
        message = f"no {key[-1]} {name!r}{place}; {one_of(name, choices)}"
        raise file.error(f"{key[-1]}-unknown", key, message, name)
