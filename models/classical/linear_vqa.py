"""Linear classifiers of a question's words, without and with the pixels of its image.

Shapes: n questions, W counted words, d features of an image, k answers.
"""

from dataclasses import dataclass

import numpy as np

from models.classical import Columns
from models.classical.linear_components import LinearComponents
from pipelines.classical.image_features import ImageFeatures
from pipelines.spec import DataSpec
from pipelines.storage.repeated import Repeated

PENALTIES = (0.1, 10.0)


def linear_vqa(spec: DataSpec, *, words: int = 500, side: int = 8) -> LinearComponents:
    """Logistic regression of the answer on the words of the question and on a small image.

    As the image is added to the question and never multiplied with it, a word cannot choose which
    pixels count: this is how far one comes with the prior of the question, shifted by the image.
    Without pixels it is the strongest that knows the question alone. Both are fitted; penalties of
    0.1 and 10 are tried on val, and the better of the two classifiers predicts.

    Differs from Zhou et al.: pixels where they have features of a pretrained network.

    Args:
        spec: of a data set of questions about images.
        words: how many of the most frequent words are counted, present or absent.
        side: the image is resized to so many pixels.

    Reference: Zhou et al., "Simple Baseline for Visual Question Answering", 2015,
    https://arxiv.org/abs/1512.02167.
    """
    counted = min(words, (spec.inputs["words"].size or 1) - 1)
    pixels = ImageFeatures("pixels", (side, side))
    features = {
        "question_only": QuestionFeatures(counted, None),
        "question_and_pixels": QuestionFeatures(counted, pixels),
    }
    return LinearComponents(spec, features, PENALTIES)


@dataclass(frozen=True)
class QuestionFeatures:
    """What a component sees of a question and its image.

    Args:
        words: W; ids from 1 to W are counted.
        pixels: of the image; None leaves it out.
    """

    words: int
    pixels: ImageFeatures | None

    def __call__(self, columns: Columns) -> np.ndarray:
        """(n, W) or (n, W + d) float64."""
        ids = np.asarray(columns["words"])  # (n, T)
        present = np.zeros((len(ids), self.words + 1))
        rows, places = np.nonzero(ids <= self.words)
        present[rows, ids[rows, places]] = 1
        if self.pixels is None:
            return present[:, 1:]  # without padding
        images = columns["image"]
        if isinstance(images, Repeated):
            of_image = self.pixels(images.values)[images.numbers]
        else:
            of_image = self.pixels(np.asarray(images))
        return np.concatenate([present[:, 1:], of_image], axis=1)
