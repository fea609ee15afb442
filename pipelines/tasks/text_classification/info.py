"""What text classification is judged by."""

from pipelines.tasks.contract import TaskInfo

INFO = TaskInfo(
    title="Text classification",
    primary_metric="mcc",
    lower_is_better=("log_loss", "false_positive_rate"),
    strong_baseline="baseline_best",  # the linear classifier that was best in cross-validation
    trivial_baselines=("baseline_majority",),
)
