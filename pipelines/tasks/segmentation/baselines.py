"""Baselines of segmentation: the most frequent class, and the best threshold of the brightness.

The strong one is the forest of the experiment that the block of baselines names, see
`models.classical.pixel_forest`.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import ndimage

from models.classical import Estimator
from pipelines.evaluation import strong_baselines
from pipelines.preprocessing import image_decoding
from pipelines.preprocessing.mask_files import IGNORED
from pipelines.spec import DataSpec
from pipelines.tasks.segmentation.metrics import Outputs, ious

BLURS = (0.0, 1.0, 2.0, 4.0)  # pixels
LEVELS = 256


def fit_predict(
    train: dict, val: dict, test: dict, spec: DataSpec, seed: int, *, strong: Estimator
) -> Iterator[tuple[str, Outputs]]:
    """(name, outputs on the test images) of one baseline at a time."""
    (name,) = spec.inputs
    masks = np.asarray(train[spec.target.name])
    counts = np.bincount(masks.ravel(), minlength=IGNORED + 1)[: spec.outputs]
    images = test[name]
    shapes = [image.shape[:2] for image in images]
    yield "baseline_majority", Outputs([np.full(s, counts.argmax(), np.uint8) for s in shapes])
    threshold = Threshold.fit(train[name], masks, np.argsort(-counts, kind="stable")[:2])
    yield "baseline_threshold", Outputs([threshold(image) for image in images], str(threshold))
    yield from strong_baselines.outputs_of(strong, test, spec, Outputs)


class Threshold:
    """Of the two most frequent classes one where the blurred image is darker, else the other.

    Args:
        blur: standard deviation of the Gaussian, in pixels.
        level: grey value from which a pixel is bright.
        dark, bright: class ids.
    """

    def __init__(self, blur: float, level: int, dark: int, bright: int):
        self.blur, self.level, self.dark, self.bright = blur, level, dark, bright

    def __str__(self) -> str:
        return f"blur {self.blur:g} pixels, class {self.bright} from grey value {self.level}"

    @classmethod
    def fit(
        cls, images: Sequence[np.ndarray], masks: np.ndarray, classes: Sequence[int]
    ) -> "Threshold":
        """The one with the highest mean intersection over union of the two classes on train."""
        best, best_iou = None, -1.0
        for blur in BLURS:
            counts = np.zeros((2, LEVELS))
            for image, mask in zip(images, masks, strict=True):
                grey = blurred(image, blur)
                for place, label in enumerate(classes):
                    counts[place] += np.bincount(grey[mask == label], minlength=LEVELS)
            below = np.pad(np.cumsum(counts, axis=1), ((0, 0), (1, 0)))[:, :-1]  # (2, LEVELS)
            above = counts.sum(axis=1, keepdims=True) - below
            for dark, bright in ((0, 1), (1, 0)):
                confusions = np.stack([[below[dark], above[dark]], [below[bright], above[bright]]])
                iou = np.nanmean(ious(np.moveaxis(confusions, -1, 0)), axis=1)  # (LEVELS,)
                if iou.max() > best_iou:
                    best_iou, level = float(iou.max()), int(iou.argmax())
                    best = cls(blur, level, int(classes[dark]), int(classes[bright]))
        assert best is not None
        return best

    def __call__(self, image: np.ndarray) -> np.ndarray:
        is_bright = blurred(image, self.blur) >= self.level
        return np.where(is_bright, self.bright, self.dark).astype(np.uint8)


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """(h, w, c) uint8 -> (h, w) uint8 grey values, blurred."""
    grey = image_decoding.grey(image) if image.shape[2] == 3 else image
    return ndimage.gaussian_filter(np.asarray(grey)[..., 0], sigma) if sigma else grey[..., 0]
