"""What word vectors are judged by."""

from pipelines.tasks.contract import TaskInfo

INFO = TaskInfo(
    title="Word embedding",
    primary_metric="wordsim353_spearman",
    trivial_baselines=("baseline_random", "baseline_frequency"),
)
