"""What anomaly detection is judged by."""

from pipelines.tasks.contract import TaskInfo

INFO = TaskInfo(
    title="Anomaly detection",
    primary_metric="pr_auc",
    lower_is_better=("delay_steps", "false_alarm_rate"),
    trivial_baselines=("baseline_never", "baseline_always", "baseline_random"),
)
