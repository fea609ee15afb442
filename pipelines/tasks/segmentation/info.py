"""What segmentation is judged by."""

from pipelines.tasks.contract import TaskInfo

INFO = TaskInfo(
    title="Segmentation",
    primary_metric="mean_iou",
    strong_baseline="baseline_forest",
    trivial_baselines=("baseline_majority", "baseline_threshold"),
)
