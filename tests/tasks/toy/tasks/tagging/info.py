"""What tagging is judged by."""

from pipelines.tasks.contract import TaskInfo

INFO = TaskInfo(
    title="Tagging of letters",
    primary_metric="accuracy",
    strong_baseline="baseline_letter",
)
