"""What forecasting is judged by."""

from pipelines.tasks.contract import TaskInfo

INFO = TaskInfo(
    title="Time series forecasting",
    primary_metric="mase",
    lower_is_better=("mase", "mae_*", "rmse_*", "scaled_*"),  # * is the unit of the data
    strong_baseline="baseline_best",  # the classical method that was best on val
)
