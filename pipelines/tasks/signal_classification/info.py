"""What the classification of signals is judged by."""

from pipelines.tasks.contract import TaskInfo

INFO = TaskInfo(
    title="Signal classification",
    primary_metric="accuracy",
    lower_is_better=("log_loss",),
    strong_baseline="baseline_best",
    trivial_baselines=("baseline_majority", "baseline_length"),
)
