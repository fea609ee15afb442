"""What translation is judged by."""

from pipelines.tasks.contract import TaskInfo

INFO = TaskInfo(
    title="Translation",
    primary_metric="bleu",
    strong_baseline="baseline_memory",
    trivial_baselines=("baseline_copy",),
)
