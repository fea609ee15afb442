"""The classical experiment of a data set, which its networks are compared with."""

from pipelines.config import search_path, task_fit
from pipelines.config.errors import one_of
from pipelines.config.schema import Params
from pipelines.config.yaml_lines import YamlFile


def check(file: YamlFile, key: str, params: Params) -> None:
    """`strong` is an experiment with a classical model of the same task and rows."""
    block, prefix = params.baselines[key], ("baselines", key)
    place = (*prefix, "strong")
    if block.strong is None:
        strong, cure = proposal(block.task, block.dataset, params)
        if strong:
            message = (
                "missing; it names the experiment whose classical model the others are compared "
                f"with: add `strong: {strong}` to this block{cure}"
            )
            raise file.error("strong-missing", place, message)
        return
    candidates = candidates_for(block.task, block.dataset, params)
    if block.strong in candidates or block.task not in task_fit.STRONG:
        return
    _, cure = proposal(block.task, block.dataset, params)
    message = (
        f"not an experiment of task {block.task} on {block.dataset} with a classical model; "
        f"{one_of(block.strong, candidates)}{cure}"
    )
    raise file.error("strong-unknown", place, message, block.strong)


def candidates_for(task: str, dataset: str, params: Params) -> list[str]:
    """Experiments with a classical model of the task on the same rows."""
    rows = rows_of(dataset, params)
    return [
        key
        for key, experiment in params.experiments.items()
        if experiment.task == task
        and rows_of(experiment.dataset, params) == rows
        and search_path.is_classical(experiment.module)
    ]


def rows_of(dataset: str, params: Params) -> str:
    """The data set itself; of one with pretrained weights, the one that it has the rows of."""
    return params.warm_starts[dataset].dataset if dataset in params.warm_starts else dataset


def proposal(task: str, dataset: str, params: Params) -> tuple[str, str]:
    """(key of the strong experiment, what else to add); ("", "") for a task without one."""
    candidates = candidates_for(task, dataset, params)
    if candidates:
        return candidates[0], ""
    if task not in task_fit.STRONG:
        return "", ""
    module, builder = task_fit.STRONG[task]
    rows = rows_of(dataset, params)
    key = f"{rows}_classical"
    block = f"{{task: {task}, dataset: {rows}, module: {module}, build: {{builder: {builder}}}}}"
    return key, f", and under `experiments:` the block `{key}: {block}`"
