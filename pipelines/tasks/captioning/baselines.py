"""Baselines of captioning: captions without the image, and those of similar images.

- single_caption: the caption of train that agrees most with all others, for every image.
- random_caption: one of train's captions, drawn at random for each image: what there is to say
  before one has looked. A captioner that is given the wrong images is as good as this.
- neighbours: that of the experiment that the block of baselines names, see
  `models.classical.caption_neighbours`.

A decoder without the image says the same of every image, so that single_caption is what it comes
to when its words are the most probable ones, and random_caption when they are drawn.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from models.classical import Estimator
from models.classical.caption_neighbours import CaptionMemory
from pipelines.evaluation import strong_baselines
from pipelines.preparation.image_captions import CAPTION, IMAGE, REFERENCES
from pipelines.spec import DataSpec
from pipelines.tasks.captioning.metrics import Outputs


def fit_predict(
    train: dict, val: dict, test: dict, spec: DataSpec, seed: int, *, strong: Estimator
) -> Iterator[tuple[str, Outputs]]:
    """(name, outputs on the test rows) of one baseline at a time."""
    rows, known = len(test[REFERENCES]), list(train[CAPTION])
    numbers = train[IMAGE].numbers
    starts = np.append(np.unique(numbers, return_index=True)[1], len(numbers))
    memory = CaptionMemory.of(known, starts)
    caption, agreement = memory.consensus(np.arange(len(starts) - 1))
    yield "baseline_single_caption", of_train([caption] * rows, agreement)
    rng = np.random.default_rng([seed, rows])
    drawn = rng.integers(len(known), size=rows).tolist()
    yield "baseline_random_caption", of_train([known[number] for number in drawn])
    yield from strong_baselines.outputs_of(strong, test, spec, Outputs)


def of_train(captions: Sequence[str], score: float = 0.0) -> Outputs:
    """Captions that train has."""
    count = len(captions)
    return Outputs(captions, np.full(count, score, np.float32), np.ones(count, bool))
