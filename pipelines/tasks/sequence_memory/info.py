"""What a model of sequences is judged by."""

from pipelines.tasks.contract import TaskInfo

INFO = TaskInfo(
    title="Sequence memory",
    primary_metric="loss",
    lower_is_better=("loss",),
    strong_baseline="baseline_linear",
    trivial_baselines=("baseline_constant",),
    training_loss="loss",
)
