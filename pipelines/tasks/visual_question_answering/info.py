"""What visual question answering is judged by: above all, the gain over who sees no image."""

from pipelines.tasks.contract import TaskInfo

INFO = TaskInfo(
    title="Visual question answering",
    primary_metric="accuracy",
    lower_is_better=("log_loss",),
    strong_baseline="baseline_question_only",
    trivial_baselines=("baseline_majority", "baseline_question_lookup", "baseline_image_only"),
)
