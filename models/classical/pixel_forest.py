"""A random forest on features of pixels at several scales: the classical way to segment."""

from pathlib import Path

import numpy as np

from models.classical import Columns, Selection
from pipelines.classical.class_overlap import confusion, ious, mean
from pipelines.classical.forests import Forest
from pipelines.classical.pixel_features import pixel_features
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays

MIN_LEAF = 5  # pixels of a leaf
DRAWS = ("as they are", "balanced")  # how pixels are drawn: by their frequency, or each class alike


def pixel_forest(
    spec: DataSpec, *, trees: int = 40, max_depth: int = 14, pixels: int = 60_000
) -> "PixelForest":
    """Trees that vote on the class of a pixel by brightness, gradient and Hessian around it.

    The features are those of `pipelines.classical.pixel_features`, at four scales. Pixels of train
    are drawn at random, by the frequency of their classes or alike from each class, whichever has
    the better mean intersection over union on val.

    Input: image (h, w, C) uint8 of any size. Output: masks (h, w).

    Args:
        spec: of a segmentation data set.
        trees: of the forest.
        max_depth: comparisons before a leaf, at most.
        pixels: that are drawn to fit it.

    References: Breiman 2001, see `pipelines.classical.forests`; Arganda-Carreras et al. 2017,
    https://doi.org/10.1093/bioinformatics/btx180.
    """
    return PixelForest(spec, trees, max_depth, pixels)


class PixelForest:
    """The estimator; `forest` and `selection` are there after `fit`."""

    forest: Forest
    selection: Selection
    decision = DecisionRule()

    def __init__(self, spec: DataSpec, trees: int, max_depth: int, pixels: int):
        self.spec, self.trees, self.max_depth, self.pixels = spec, trees, max_depth, pixels
        (self.input,) = spec.inputs

    @property
    def components(self) -> "dict[str, PixelForest]":
        return {"forest": self}

    @property
    def parameters(self) -> int:
        return sum(values.size for values in self.forest.arrays().values())

    def fit(self, train: Columns, val: Columns, seed: int) -> None:
        """seed: of the pixels that are drawn, and of the trees."""
        best: tuple[float, str, Forest] | None = None
        target = self.spec.target.name
        images = [pixel_features(image) for image in val[self.input]]
        truth = np.asarray(val[target])
        for draw in DRAWS:
            forest = self._fit(train[self.input], np.asarray(train[target]), draw, seed)
            predicted = np.stack([self._classes(forest, f) for f in images])
            iou = float(mean(ious(confusion(truth, predicted, self.spec.outputs))))
            print(f"forest, pixels {draw}: mean IoU {iou:.3f} on val", flush=True)
            if best is None or iou > best[0]:
                best = iou, draw, forest
        assert best is not None
        iou, draw, self.forest = best
        settings = f"{self.trees} trees, pixels {draw}"
        self.selection = Selection(settings, "val/mean_iou", iou)

    def _fit(self, images, masks: np.ndarray, draw: str, seed: int) -> Forest:
        from sklearn.ensemble import RandomForestClassifier  # here: it takes seconds

        rng = np.random.default_rng([seed, DRAWS.index(draw)])
        places = self._drawn(masks, draw, rng)
        features, targets = [], []
        for number in np.unique(places // masks[0].size):
            inside = places[places // masks[0].size == number] % masks[0].size
            of_image = pixel_features(images[number])
            features.append(of_image.reshape(-1, of_image.shape[2])[inside])
            targets.append(masks[number].ravel()[inside])
        classifier = RandomForestClassifier(
            self.trees, max_depth=self.max_depth, min_samples_leaf=MIN_LEAF, random_state=seed,
            n_jobs=-1,
        )  # fmt: skip
        classifier.fit(np.concatenate(features), np.concatenate(targets))
        return Forest.of(classifier, self.spec.outputs)

    def _drawn(self, masks: np.ndarray, draw: str, rng: np.random.Generator) -> np.ndarray:
        """Numbers of pixels, counted through all tiles, in ascending order."""
        flat = masks.ravel()
        if draw == DRAWS[0]:
            known = np.flatnonzero(flat < self.spec.outputs)
            return np.sort(rng.choice(known, min(self.pixels, len(known)), replace=False))
        drawn = []
        for label in range(self.spec.outputs):
            pixels = np.flatnonzero(flat == label)
            share = min(self.pixels // self.spec.outputs, len(pixels))
            drawn.append(rng.choice(pixels, share, replace=False))
        return np.sort(np.concatenate(drawn))

    @staticmethod
    def _classes(forest: Forest, features: np.ndarray) -> np.ndarray:
        """(h, w, d) -> (h, w) uint8: of classes with equal votes the first."""
        votes = forest(features.reshape(-1, features.shape[2]))
        return votes.argmax(axis=1).astype(np.uint8).reshape(features.shape[:2])

    def predict(self, columns: Columns) -> dict[str, list[np.ndarray]]:
        images = columns[self.input]
        return {"masks": [self._classes(self.forest, pixel_features(image)) for image in images]}

    def save(self, folder: Path) -> None:
        arrays.write_each(folder, self.forest.arrays())
        self.selection.save(folder)

    def restore(self, folder: Path) -> None:
        self.selection = Selection.restored(folder)
        self.forest = Forest(**arrays.read_each(folder))
