"""Whether the blocks of params.yaml fit each other and the code: names, arguments, baselines."""

from collections.abc import Iterable

from pipelines.config import argument_types, search_path, signatures, task_fit
from pipelines.config.errors import one_of
from pipelines.config.schema import Dataset, Experiment, Params
from pipelines.config.yaml_lines import YamlFile


def check_dataset(file: YamlFile, key: str, dataset: Dataset) -> None:
    _check_name(file, ("datasets", key, "recipe"), dataset.recipe, search_path.names("datasets"))


def check_starts(file: YamlFile, params: Params) -> None:
    for key, start in params.starts.items():
        if key in params.datasets:
            message = "a data set has this name; choose another one"
            raise file.error("name-duplicate", ("starts", key), message, key)
        _check_name(file, ("starts", key, "dataset"), start.dataset, params.datasets)


def check_experiment(file: YamlFile, key: str, experiment: Experiment, params: Params) -> None:
    prefix = ("experiments", key)
    _check_name(file, (*prefix, "task"), experiment.task, search_path.names("tasks"))
    _check_name(file, (*prefix, "dataset"), experiment.dataset, params.datasets | params.starts)
    _check_name(file, (*prefix, "module"), experiment.module, search_path.names("models"))
    _check_sections(file, prefix, experiment)
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


def _check_sections(file: YamlFile, prefix: tuple, experiment: Experiment) -> None:
    """A network has `fit`; a classical model has nothing but `build` that would have an effect."""
    path = f"models/{experiment.module}.py"
    if not search_path.is_classical(experiment.module):
        if experiment.fit is None:
            message = (
                f"missing; {path} has networks, whose epochs are needed: add `fit: {{epochs: 20, "
                "batch_size: 32, learning_rate: 0.001, patience: 3}`"
            )
            raise file.error("key-missing", (*prefix, "fit"), message, "fit")
        return
    for section in ("fit", "loss", "decide", "seeds"):
        if getattr(experiment, section) not in (None, {}):
            message = (
                f"{path} has classical models, for which `{section}` has no effect: they have no "
                "epochs, and one fit for each repeat; remove it"
            )
            raise file.error("section-without-effect", (*prefix, section), message, section)


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
    if dataset in params.starts:
        dataset = params.starts[dataset].dataset
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
    datasets = params.datasets | params.starts
    for key, block in params.baselines.items():
        prefix = ("baselines", key)
        _check_name(file, (*prefix, "task"), block.task, search_path.names("tasks"))
        _check_name(file, (*prefix, "dataset"), block.dataset, datasets)
        first = blocks.setdefault((block.task, block.dataset), key)
        if first != key:
            message = f"the same task and data set as baselines.{first}; remove one of the two"
            raise file.error("baselines-repeated", prefix, message, block.dataset)
        if prefix in file.lines:  # not one of the `shared` file, which has been checked
            _check_strong(file, key, params)
    for key, experiment in params.experiments.items():
        task, dataset = experiment.task, experiment.dataset
        if (task, dataset) not in blocks:
            strong, cure = _strong_for(task, dataset, params)
            named = f", strong: {strong}" if strong else ""
            message = (
                f"the baselines of {task} on {dataset} are missing; add under `baselines:` the "
                f"block `{dataset}: {{task: {task}, dataset: {dataset}{named}}}`{cure}"
            )
            raise file.error("baselines-missing", ("experiments", key), message, dataset)


def _check_strong(file: YamlFile, key: str, params: Params) -> None:
    """`strong` is an experiment with a classical model of the same task and rows."""
    block, prefix = params.baselines[key], ("baselines", key)
    place = (*prefix, "strong")
    if block.strong is None:
        strong, cure = _strong_for(block.task, block.dataset, params)
        if strong:
            message = (
                "missing; it names the experiment whose classical model the others are compared "
                f"with: add `strong: {strong}` to this block{cure}"
            )
            raise file.error("strong-missing", place, message)
        return
    candidates = _strong_candidates(block.task, block.dataset, params)
    if block.strong in candidates or block.task not in task_fit.STRONG:
        return
    _, cure = _strong_for(block.task, block.dataset, params)
    message = (
        f"not an experiment of task {block.task} on {block.dataset} with a classical model; "
        f"{one_of(block.strong, candidates)}{cure}"
    )
    raise file.error("strong-unknown", place, message, block.strong)


def _strong_candidates(task: str, dataset: str, params: Params) -> list[str]:
    """Experiments with a classical model of the task on the same rows."""
    rows = _rows_of(dataset, params)
    return [
        key
        for key, experiment in params.experiments.items()
        if experiment.task == task
        and _rows_of(experiment.dataset, params) == rows
        and search_path.is_classical(experiment.module)
    ]


def _rows_of(dataset: str, params: Params) -> str:
    """The data set itself; of one with pretrained weights, the one that it has the rows of."""
    return params.starts[dataset].dataset if dataset in params.starts else dataset


def _strong_for(task: str, dataset: str, params: Params) -> tuple[str, str]:
    """(key of the strong experiment, what else to add); ("", "") for a task without one."""
    candidates = _strong_candidates(task, dataset, params)
    if candidates:
        return candidates[0], ""
    if task not in task_fit.STRONG:
        return "", ""
    module, builder = task_fit.STRONG[task]
    rows = _rows_of(dataset, params)
    key = f"{rows}_classical"
    block = f"{{task: {task}, dataset: {rows}, module: {module}, build: {{builder: {builder}}}}}"
    return key, f", and under `experiments:` the block `{key}: {block}`"


def _check_name(
    file: YamlFile, key: tuple, name: object, choices: Iterable[str], place: str = ""
) -> None:
    """The value at a key is one of the choices; the key's last step is what the value names."""
    if not isinstance(name, str) or name not in choices:
        message = f"no {key[-1]} {name!r}{place}; {one_of(name, choices)}"
        raise file.error(f"{key[-1]}-unknown", key, message, name)
