"""What the classification of movies is judged by."""

from pipelines.tasks.contract import TaskInfo

INFO = TaskInfo(
    title="Video classification",
    primary_metric="accuracy",
    lower_is_better=("log_loss", "false_positive_rate"),
    strong_baseline="baseline_best",
    trivial_baselines=("baseline_majority",),
)
