"""What `init` writes of a data set and its experiments: the forms of the blocks.

The possible experiments of a task are in `init_texts`, `init_series`, `init_images` and
`init_pairs`. An experiment's cost is counted in seconds an epoch for each unit of data, measured on
2 cores: 1,000 texts of 100 tokens, 1,000 windows of 100 steps, 1,000 images of 1,000 pixels, 1,000
sentence pairs of 100 sub-words.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from pipelines.config import task_fit

SPLIT = {"val": 0.15, "test": 0.15}


@dataclass(frozen=True)
class Template:
    """One experiment of a portfolio.

    name: the end of its key. why: the comment above it. seconds: an epoch, for each unit of data.
    steps: of gradient descent that are enough. loss, decide: arguments of the task's functions.
    weights: key of the download that training begins with; epochs are then those of fine-tuning.
    """

    name: str
    why: str
    module: str
    build: dict
    fit: dict
    seconds: float
    steps: int
    least_epochs: int = 4
    most_epochs: int = 80
    loss: dict = field(default_factory=dict)
    decide: dict = field(default_factory=dict)
    weights: str | None = None


def fit(batch_size: int, learning_rate: float, **more) -> dict:
    settings = {"batch_size": batch_size, "learning_rate": learning_rate, "patience": None}
    return {**settings, "ema_momentum": 0.98, **more}


@dataclass(frozen=True)
class DatasetBlock:
    recipe: str
    options: dict


@dataclass(frozen=True)
class Plan:
    """units: of data that one epoch goes through. train_rows: rows of train. classical_seconds:
    that the fit of the classical experiment takes."""

    dataset: DatasetBlock
    templates: list[Template]
    units: float
    train_rows: int
    classical_seconds: float


def unsplit(folders: Collection[str]) -> dict[str, float] | None:
    """The shares of the splits for which the source has no folder; None where it has all."""
    return {part: share for part, share in SPLIT.items() if part not in folders} or None


def with_given(options: dict, **optional) -> dict:
    """The options, and those of the others that are not None."""
    return options | {name: value for name, value in optional.items() if value is not None}


def dataset(block: DatasetBlock, source: str) -> dict:
    return {"recipe": block.recipe, "source": source, "options": block.options}


def experiment(template: Template, task: str, dataset_key: str, epochs: int) -> dict:
    settings = {"epochs": epochs, **template.fit}
    if "fine_tune" in template.fit:
        fine_tune = {"epochs": epochs, **template.fit["fine_tune"]}
        settings = {**template.fit, "fine_tune": fine_tune}
    block = {
        "task": task, "dataset": dataset_key, "module": template.module, "build": template.build,
        "fit": settings,
    }  # fmt: skip
    optional = {"loss": template.loss, "decide": template.decide}
    return block | {name: value for name, value in optional.items() if value}


def classical(task: str, dataset_key: str) -> tuple[str, dict] | None:
    """(key, block) of the classical experiment that the others are compared with."""
    if task not in task_fit.STRONG:
        return None
    module, builder = task_fit.STRONG[task]
    block = {
        "task": task, "dataset": dataset_key, "module": module, "build": {"builder": builder},
    }  # fmt: skip
    return f"{dataset_key}_classical", block


def baseline(task: str, dataset_key: str, strong: str) -> dict:
    return {"task": task, "dataset": dataset_key, "strong": strong}
