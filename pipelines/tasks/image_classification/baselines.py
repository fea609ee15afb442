"""Baselines of image classification: the majority class, and an SVM on edges or pixels."""

from collections.abc import Iterator

import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from pipelines.classical.calibration import PlattCalibration, margins
from pipelines.classical.hog import hog, mean_colours
from pipelines.evaluation.classifier import Outputs, majority
from pipelines.preprocessing import image_decoding
from pipelines.spec import DataSpec

PENALTIES = {"rbf": (1.0, 10.0, 100.0), "linear": (0.01, 0.1, 1.0)}
SMALL, LARGE = 32, 64  # sides that images are resized to: above 32 pixels, to 64
# A kernel SVM's time grows with the square of the rows,
SELECTION_ROWS, FITTING_ROWS = 4000, 20_000
MANY_ROWS, COMPONENTS = 100_000, 128  # and with the features: many rows get fewer of them


def fit_predict(
    train: dict, val: dict, test: dict, spec: DataSpec, seed: int
) -> Iterator[tuple[str, Outputs]]:
    """(name, outputs on the test rows) of one baseline at a time."""
    (name,) = spec.inputs
    (train_x, train_y), (val_x, val_y), (test_x, test_y) = (
        (np.asarray(split[name]), np.asarray(split[spec.target.name]))
        for split in (train, val, test)
    )
    yield "baseline_majority", majority(train_y, len(test_y), spec.outputs)
    yield "baseline_hog_svm", kernel_svm((train_x, train_y), (val_x, val_y), test_x, seed)


def kernel_svm(train, val, test_images, seed: int) -> Outputs:
    """A support vector machine on HOG features or pixels, as strong as it can be made.

    Features, kernel and penalty are selected by accuracy on val, fitted to 4,000 rows of train at
    most. The selected machine is then fitted to train and val together: on more than 20,000 rows to
    the first 128 principal components of the features, and to 100,000 random rows at most.
    Probabilities are by Platt scaling of the margins on val.

    Args:
        train, val: (images (n, H, W, C) uint8, targets (n,)).
        test_images: to be classified.
        seed: of the random rows.
    """
    rng = np.random.default_rng(seed)
    fitted_x, fitted_y = _subsample(train, SELECTION_ROWS, rng)
    best = (-1.0, "", None, None)
    for name, features in _features(train[0].shape[1:]).items():
        train_features, val_features = features(fitted_x), features(val[0])
        for kernel, classifier in _classifiers():
            classifier.fit(train_features, fitted_y)
            accuracy = float(np.mean(classifier.predict(val_features) == val[1]))
            if accuracy > best[0]:
                best = (accuracy, f"{name}, {kernel}", features, classifier)
    _, selection, features, classifier = best
    calibration = PlattCalibration.fit(margins(classifier, features(val[0])), val[1])
    both = tuple(np.concatenate(pair) for pair in zip(train, val, strict=True))
    images, targets = _subsample(both, MANY_ROWS, rng)
    fitted_features = features(images)
    if len(fitted_features) > FITTING_ROWS and fitted_features.shape[1] > COMPONENTS:
        classifier = make_pipeline(PCA(COMPONENTS, svd_solver="covariance_eigh"), classifier)
    classifier.fit(fitted_features, targets)
    test_features = features(test_images)
    return Outputs(
        calibration(margins(classifier, test_features)),
        classifier.predict(test_features).astype(np.int32),
        selection,
    )


def _subsample(rows, most: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """At most so many random rows, in their order."""
    images, targets = rows
    if len(targets) <= most:
        return images, targets
    drawn = np.sort(rng.permutation(len(targets))[:most])
    return images[drawn], targets[drawn]


def _features(shape: tuple[int, int, int]) -> dict:
    """Name -> function of (n, H, W, C) images to (n, features)."""
    side = SMALL if max(shape[:2]) <= SMALL else LARGE
    cells = (side // 8, side // 4)
    extractors = {
        f"edges in cells of {cell} px": lambda images, cell=cell: hog(_square(images, side), cell)
        for cell in cells
    }
    if shape[2] > 1:
        cell = side // 8
        extractors[f"edges in cells of {cell} px and colours"] = lambda images: np.concatenate(
            [hog(_square(images, side), cell), mean_colours(_square(images, side), 8)], axis=1
        )
    size = shape[:2] if max(shape[:2]) <= SMALL else (SMALL, SMALL)
    extractors["pixels"] = lambda images: (_resized(images, size).astype(np.float32) / 255).reshape(
        len(images), -1
    )
    return extractors


def _square(images: np.ndarray, side: int) -> np.ndarray:
    return _resized(images, (side, side))


def _resized(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if images.shape[1:3] == size:
        return images
    return np.stack([image_decoding.resize(image, *size) for image in images])


def _classifiers() -> Iterator[tuple[str, Pipeline]]:
    for kernel, penalties in PENALTIES.items():
        for penalty in penalties:
            svm = SVC(C=penalty, kernel=kernel, gamma="scale", cache_size=500)
            yield (
                f"{kernel} kernel, C={penalty:g}",
                make_pipeline(StandardScaler(with_std=False), svm),
            )
