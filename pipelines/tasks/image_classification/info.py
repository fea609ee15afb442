"""What image classification is judged by."""

from pipelines.tasks.contract import TaskInfo

INFO = TaskInfo(
    title="Image classification",
    primary_metric="accuracy",
    lower_is_better=("log_loss", "false_positive_rate"),
    strong_baseline="baseline_hog_svm",
    trivial_baselines=("baseline_majority",),
)
