"""What a language model is judged by."""

from pipelines.tasks.contract import TaskInfo

INFO = TaskInfo(
    title="Language modelling",
    primary_metric="perplexity",
    lower_is_better=("perplexity", "nats_per_token", "bits_per_character"),
    trivial_baselines=("baseline_uniform", "baseline_unigram"),
)
