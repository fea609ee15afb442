"""Whether the blocks of params.yaml fit each other and the code: names, arguments, baselines."""

from collections.abc import Iterable, Mapping

from pipelines.config import argument_types, search_path, signatures, strong_experiments, task_fit
from pipelines.config.errors import one_of
from pipelines.config.mistakes import Mistakes
from pipelines.config.schema import Dataset, Experiment, Params
from pipelines.config.yaml_lines import YamlFile


def check_dataset(file: YamlFile, key: str, dataset: Dataset) -> None:
    _check_name(file, ("datasets", key, "recipe"), dataset.recipe, search_path.names("datasets"))


def check_warm_starts(file: YamlFile, params: Params, mistakes: Mistakes) -> None:
    datasets = _names(file, params, "datasets")
    for key, start in params.warm_starts.items():
        if key in params.datasets:
            message = "a data set has this name; choose another one"
            mistakes.append(file.error("name-duplicate", ("warm_starts", key), message, key))
        with mistakes.collected():
            _check_name(file, ("warm_starts", key, "dataset"), start.dataset, datasets)


def check_experiment(
    file: YamlFile, key: str, experiment: Experiment, params: Params, mistakes: Mistakes
) -> None:
    prefix = ("experiments", key)
    datasets = _names(file, params, "datasets", "warm_starts")
    before = len(mistakes)
    with mistakes.collected():
        _check_name(file, (*prefix, "task"), experiment.task, search_path.names("tasks"))
    with mistakes.collected():
        _check_name(file, (*prefix, "dataset"), experiment.dataset, datasets)
    with mistakes.collected():
        _check_name(file, (*prefix, "module"), experiment.module, search_path.names("models"))
        _check_builder(file, prefix, experiment)
        _check_build(file, prefix, experiment, mistakes)
    if experiment.task in search_path.names("tasks"):
        with mistakes.collected():
            _check_objective(file, prefix, experiment, mistakes)
    if experiment.module in search_path.names("models"):
        _check_sections(file, prefix, experiment, mistakes)
    if len(mistakes) == before:
        with mistakes.collected():
            _check_task(file, prefix, experiment, params)


def _check_builder(file: YamlFile, prefix: tuple, experiment: Experiment) -> None:
    place = f" in models/{experiment.module}.py"
    builders = signatures.builders(experiment.module)
    name = experiment.build.get("builder")
    _check_name(file, (*prefix, "build", "builder"), name, builders, place=place)


def _check_build(file: YamlFile, prefix: tuple, experiment: Experiment, mistakes: Mistakes) -> None:
    builder = experiment.build["builder"]
    parameters = signatures.builder_parameters(experiment.module, builder)
    values = {name: value for name, value in experiment.build.items() if name != "builder"}
    function = f"{builder} in models/{experiment.module}.py"
    _check_arguments(file, (*prefix, "build"), function, parameters, values, mistakes)


def _check_objective(
    file: YamlFile, prefix: tuple, experiment: Experiment, mistakes: Mistakes
) -> None:
    """The arguments of loss and of the decision rule."""
    functions = signatures.objective_arguments(experiment.task)
    parameters = signatures.objective_parameters(experiment.task)
    for section, (function, _) in functions.items():
        values = getattr(experiment, section)
        _check_arguments(file, (*prefix, section), function, parameters[section], values, mistakes)


def _check_arguments(
    file: YamlFile, place: tuple, function: str, parameters: signatures.Parameters, values: Mapping,
    mistakes: Mistakes,
) -> None:  # fmt: skip
    """Every argument exists, and has the type and the range that its annotation promises.

    Args:
        file: with the values.
        place: their key in it.
        function: its name, for the error.
        parameters: name -> (parameter, default value).
        values: name -> value.
        mistakes: to add to.
    """
    for name, value in values.items():
        if name not in parameters:
            message = f"{function} has no such argument; {one_of(name, parameters)}"
            mistakes.append(file.error("argument-unknown", (*place, name), message, name))
        elif problem := argument_types.problem(*parameters[name], value):
            mistakes.append(file.error("value-invalid", (*place, name), problem, value))


def _check_sections(
    file: YamlFile, prefix: tuple, experiment: Experiment, mistakes: Mistakes
) -> None:
    """A network has `fit`; an estimator has nothing but `build` that would have an effect."""
    path = f"models/{experiment.module}.py"
    if not search_path.is_estimator(experiment.module):
        if experiment.fit is None:
            message = (
                f"missing; {path} has networks, whose epochs are needed: add `fit: {{epochs: 20, "
                "batch_size: 32, learning_rate: 0.001, patience: 3}`"
            )
            mistakes.append(file.error("key-missing", (*prefix, "fit"), message, "fit"))
        return
    for section in ("fit", "loss", "decide", "seeds"):
        if getattr(experiment, section) not in (None, {}):
            message = (
                f"{path} has models for which `{section}` has no effect: they have no epochs, and "
                "one fit for each repeat; remove it"
            )
            error = file.error("section-without-effect", (*prefix, section), message, section)
            mistakes.append(error)


def _check_task(file: YamlFile, prefix: tuple, experiment: Experiment, params: Params) -> None:
    """The task fits what the recipe makes and what the module is for."""
    dataset = experiment.dataset
    if dataset in params.warm_starts:
        dataset = params.warm_starts[dataset].dataset
    if dataset not in params.datasets:
        return  # it has a mistake of its own
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


def check_baselines(file: YamlFile, params: Params, mistakes: Mistakes) -> None:
    """Every experiment's task and data set have one block of baselines, and no two."""
    blocks: dict[tuple[str, str], str] = {}
    datasets, tasks = _names(file, params, "datasets", "warm_starts"), search_path.names("tasks")
    for key, block in params.baselines.items():
        prefix = ("baselines", key)
        with mistakes.collected():
            _check_name(file, (*prefix, "task"), block.task, tasks)
        with mistakes.collected():
            _check_name(file, (*prefix, "dataset"), block.dataset, datasets)
        first = blocks.setdefault((block.task, block.dataset), key)
        if first != key:
            message = f"the same task and data set as baselines.{first}; remove one of the two"
            mistakes.append(file.error("baselines-repeated", prefix, message, block.dataset))
        if prefix in file.lines:  # not one of the `shared` file, which has been checked
            with mistakes.collected():
                strong_experiments.check(file, key, params)
    for key, experiment in params.experiments.items():
        task, dataset = experiment.task, experiment.dataset
        if (task, dataset) not in blocks and task in tasks and dataset in datasets:
            strong, cure = strong_experiments.proposal(task, dataset, params)
            named = f", strong: {strong}" if strong else ""
            message = (
                f"the baselines of {task} on {dataset} are missing; add under `baselines:` the "
                f"block `{dataset}: {{task: {task}, dataset: {dataset}{named}}}`{cure}"
            )
            mistakes.append(file.error("baselines-missing", ("experiments", key), message, dataset))


def _names(file: YamlFile, params: Params, *sections: str) -> list[str]:
    """The keys of sections, also of entries that have mistakes of their own."""
    names: dict[str, None] = {}
    for section in sections:
        values = file.values.get(section)
        names |= dict.fromkeys(getattr(params, section))
        names |= dict.fromkeys(map(str, values) if isinstance(values, dict) else ())
    return list(names)


def _check_name(
    file: YamlFile, key: tuple, name: object, choices: Iterable[str], place: str = ""
) -> None:
    """The value at a key is one of the choices; the key's last step is what the value names."""
    if not isinstance(name, str) or name not in choices:
        message = f"no {key[-1]} {name!r}{place}; {one_of(name, choices)}"
        raise file.error(f"{key[-1]}-unknown", key, message, name)
