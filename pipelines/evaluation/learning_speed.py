"""How fast a network leaves the loss of a model that has learned nothing."""

import math
from collections.abc import Mapping, Sequence

from pipelines.evaluation.context import Evaluation
from pipelines.storage.trials import Trial

NAME = "training/steps_to_half"


def trivial_loss(info, baselines: Mapping[int, Mapping]) -> float | None:
    """The lowest loss of the trivial baselines on test, a mean over repeats.

    None for tasks whose training loss is not one of their metrics.

    Args:
        info: of the task.
        baselines: repeat -> name of a baseline -> metric -> values, the point estimate first.
    """
    if info.training_loss is None:
        return None
    losses = [
        min(
            float(scores[info.training_loss][0])
            for name, scores in of_repeat.items()
            if info.is_trivial(name)
        )
        for of_repeat in baselines.values()
    ]
    return sum(losses) / len(losses)


def steps_to_half(
    stage: Evaluation, histories: Mapping[Trial, Sequence[Mapping]], loss: float
) -> dict[str, float]:
    """{"training/steps_to_half": steps until val/loss is at most half of `loss`}.

    Counted after whole epochs; a mean over trials, and nothing where a trial never gets there.

    Args:
        stage: of the experiment.
        histories: trial -> rows of history.csv.
        loss: of who has learned nothing.
    """
    counts = []
    for trial, rows in histories.items():
        reached = [row["epoch"] for row in rows if row["val/loss"] <= loss / 2]
        if not reached:
            return {}
        train = trial.load(stage.prepared, "train")[stage.spec.target.name]
        batch_size = stage.params.experiments[stage.key].fit.batch_size
        counts.append(reached[0] * math.ceil(len(train) / batch_size))
    return {NAME: sum(counts) / len(counts)}
