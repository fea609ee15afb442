"""What image captioning is judged by.

By CIDEr-D, since it is also defined for captions of a single word and for a single image, where
BLEU-4 is not, and since words that tell images apart count most in it.
"""

from pipelines.tasks.contract import TaskInfo

INFO = TaskInfo(
    title="Image captioning",
    primary_metric="cider_d",
    lower_is_better=("copied",),
    strong_baseline="baseline_neighbours",
    trivial_baselines=("baseline_single_caption", "baseline_random_caption"),
)
