"""What image reconstruction is judged by."""

from pipelines.tasks.contract import TaskInfo

INFO = TaskInfo(
    title="Image reconstruction",
    primary_metric="mse",
    lower_is_better=("mse",),
    strong_baseline="baseline_pca",
    trivial_baselines=("baseline_mean",),
    training_loss="mse",
)
