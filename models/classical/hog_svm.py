"""Support vector machines on the edges, the colours or the pixels of images.

The strongest classifier of small images without a network. With many classes, linear functions are
fitted instead, one a class against the rest: see `image_classifiers.LINEAR_FROM_CLASSES`.
"""

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np

from models.classical import Columns, Selection
from pipelines.classical import image_classifiers, image_features
from pipelines.classical.calibration import PlattCalibration
from pipelines.classical.image_features import ImageFeatures
from pipelines.classical.progress import Countdown
from pipelines.classical.svm_decisions import OneVsRest, PairwiseSVM
from pipelines.config.errors import UserError
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays

SETTINGS = "settings.json"
Features = Literal["best", "edges", "edges_and_colours", "pixels"]
Kernel = Literal["best", "rbf", "linear"]


def hog_svm(spec: DataSpec, *, features: Features = "best", kernel: Kernel = "best") -> "HogSVM":
    """A support vector machine on histograms of oriented gradients (HOG), colours or pixels.

    Features, kernel and penalty are selected by accuracy on val, fitted to 4,000 rows of train at
    most. The selected classifier is then fitted to train and val together: on more than 20,000 rows
    to the first 128 principal components of the features, and to 100,000 random rows at most.
    Probabilities are by Platt scaling of the margins on val. From 50 classes on, "best" is a ridge
    regression of each class's indicator, one against the rest.

    Input: image (B, H, W, C) uint8. Output: probabilities (B, k), predicted (B,).

    Args:
        spec: of an image data set.
        features: "best" on val, or the kind to use.
        kernel: "best" on val, or the kernel to use.

    References: Dalal and Triggs 2005, see `pipelines.classical.hog`; Cortes and Vapnik,
    "Support-Vector Networks", 1995, https://doi.org/10.1007/BF00994018; Rifkin and Klautau, "In
    Defense of One-Vs-All Classification", JMLR 2004, for the linear functions.
    """
    (field,) = spec.inputs.values()
    if features == "edges_and_colours" and field.shape[2] == 1:
        raise UserError(
            "features-undefined", "grey images have no colours; use edges or pixels",
            key="build.features", value=features,
        )  # fmt: skip
    return HogSVM(spec, features, kernel)


class HogSVM:
    """The estimator; `features`, `classifier`, `calibration` and `learned` are there after `fit`.

    learned: (k',) ids of the classes that were in train or val; the others are never predicted.
    """

    features: ImageFeatures
    classifier: PairwiseSVM | OneVsRest
    calibration: PlattCalibration
    learned: np.ndarray
    selection: Selection

    def __init__(self, spec: DataSpec, kind: str, kernel: str):
        self.spec, self.kind, self.kernel = spec, kind, kernel
        ((self.input, self.field),) = spec.inputs.items()

    @property
    def components(self) -> "dict[str, HogSVM]":
        return {"hog_svm": self}

    @property
    def parameters(self) -> int:
        return sum(values.size for values in self.classifier.arrays().values())

    @property
    def decision(self) -> DecisionRule:
        return self.calibration.decision_rule(self.spec.positive_id)

    def fit(self, train: Columns, val: Columns, seed: int) -> None:
        """seed: of the rows that are drawn where there are too many."""
        rng = np.random.default_rng(seed)
        fitted = image_classifiers.subsample(
            *self._rows(train), image_classifiers.SELECTION_ROWS, rng
        )
        setting, margins, accuracy = self._select(fitted, self._rows(val))
        self.calibration = PlattCalibration.fit(margins, self._rows(val)[1])
        both = zip(self._rows(train), self._rows(val), strict=True)
        images, targets = map(np.concatenate, both)
        images, targets = image_classifiers.subsample(
            images, targets, image_classifiers.MANY_ROWS, rng
        )
        print(f"hog_svm: {self.features}, {setting}; fit to {len(targets):,} rows", flush=True)
        self.learned, numbers = np.unique(targets, return_inverse=True)
        self.classifier = setting.fit(self.features(images), numbers)
        self.selection = Selection(f"{self.features}, {setting}", "val/accuracy", accuracy)

    def _rows(self, split: Columns) -> tuple[np.ndarray, np.ndarray]:
        return np.asarray(split[self.input]), np.asarray(split[self.spec.target.name])

    def _select(self, fitted: tuple, val: tuple) -> tuple[Any, np.ndarray, float]:
        """(setting, margins on val, accuracy on val) of the best; sets `features`."""
        kinds = [
            kind
            for kind in image_features.candidates(self.field.shape)
            if self.kind in ("best", kind.kind)
        ]
        settings = list(image_classifiers.settings(self.spec.outputs, self.kernel))
        if settings[0].kernel == image_classifiers.ONE_VS_REST:
            print(
                f"hog_svm: {self.spec.outputs} classes; from "
                f"{image_classifiers.LINEAR_FROM_CLASSES} on without a kernel: one linear function "
                "a class, in place of one SVM for each pair"
            )
        countdown = Countdown("hog_svm", len(kinds) * len(settings), "candidates")
        learned, numbers = np.unique(fitted[1], return_inverse=True)
        best, best_accuracy = None, -1.0
        for features in kinds:
            train_features, val_features = features(fitted[0]), features(val[0])
            for setting in settings:
                margins, predicted = setting.fit(train_features, numbers)(val_features)
                accuracy = float(np.mean(learned[predicted] == val[1]))
                if accuracy > best_accuracy:
                    best, best_accuracy, self.features = (setting, margins), accuracy, features
                countdown.step()
        setting, margins = best
        every = image_classifiers.of_all_classes(margins, learned, self.spec.outputs)
        return setting, every, best_accuracy

    def predict(self, columns: Columns) -> dict[str, np.ndarray]:
        margins, predicted = self.classifier(self.features(np.asarray(columns[self.input])))
        margins = image_classifiers.of_all_classes(margins, self.learned, self.spec.outputs)
        # libsvm's votes: of classes with equal numbers the first, whatever their margins.
        classes = self.learned[predicted].astype(np.int32)
        return self.calibration.answers(margins) | {"predicted": classes}

    def save(self, folder: Path) -> None:
        settings = {
            "features": [self.features.kind, list(self.features.size), self.features.cell],
            "classifier": type(self.classifier).__name__,
            "learned": self.learned.tolist(),
            "slopes": self.calibration.slopes.tolist(),
            "intercepts": self.calibration.intercepts.tolist(),
            "selection": [self.selection.settings, self.selection.metric, self.selection.value],
        }
        arrays.write_each(folder, self.classifier.arrays())
        (folder / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", "utf-8")

    def restore(self, folder: Path) -> None:
        settings = json.loads((folder / SETTINGS).read_text("utf-8"))
        kind, size, cell = settings["features"]
        self.features = ImageFeatures(kind, tuple(size), cell)
        self.learned = np.array(settings["learned"])
        self.calibration = PlattCalibration(
            np.array(settings["slopes"]), np.array(settings["intercepts"])
        )
        self.selection = Selection(*settings["selection"])
        classifiers = {c.__name__: c for c in (PairwiseSVM, OneVsRest)}
        self.classifier = classifiers[settings["classifier"]].restored(arrays.read_each(folder))
