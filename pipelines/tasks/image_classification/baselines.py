"""What a model must beat: edges with a kernel machine."""

from collections.abc import Iterator

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from pipelines.classical.hog import colours, hog
from pipelines.evaluation.classifier import Outputs, margins
from pipelines.preprocessing import image_decoding

PENALTIES = {"rbf": (1.0, 10.0, 100.0), "linear": (0.01, 0.1, 1.0)}
SMALL, LARGE = 32, 64  # sides that pictures are stretched to: from above 32 pixels on, to 64
CHOOSING_ROWS, FITTING_ROWS = 4000, 20_000  # a kernel machine's time grows with rows squared
MANY_ROWS, COMPONENTS = 100_000, 128  # and with features, so many rows are given fewer


def kernel_svm(train, val, test_pictures, seed: int) -> Outputs:
    """Support vector machine on edges or pixels, as strong as it can be made.

    train, val: (pictures (n, H, W, C) uint8, targets). Features, kernel and penalty are chosen by
    accuracy on val, fitted on 4,000 rows of train at most; the chosen machine is then fitted on
    train and val together: on more than 20,000 rows with the features' 128 principal components in
    their place, and on 100,000 at most, drawn at random. Probabilities come from the margins on val
    by logistic regression (Platt 1999).
    """
    rng = np.random.default_rng(seed)
    chooser = _some(train, CHOOSING_ROWS, rng)
    best = (-1.0, "", None, None)
    for name, features in _features(train[0].shape[1:]).items():
        known, unknown = features(chooser[0]), features(val[0])
        for kernel, machine in _machines():
            machine.fit(known, chooser[1])
            accuracy = float(np.mean(machine.predict(unknown) == val[1]))
            if accuracy > best[0]:
                best = (accuracy, f"{name}, {kernel}", features, machine)
    _, chosen, features, machine = best
    platt = LogisticRegression(C=1.0, max_iter=1000).fit(margins(machine, features(val[0])), val[1])
    both = tuple(np.concatenate(pair) for pair in zip(train, val, strict=True))
    rows = _some(both, MANY_ROWS, rng)
    fitted = features(rows[0])
    if len(fitted) > FITTING_ROWS and fitted.shape[1] > COMPONENTS:
        machine = make_pipeline(PCA(COMPONENTS, svd_solver="covariance_eigh"), machine)
    machine.fit(fitted, rows[1])
    known = features(test_pictures)
    return Outputs(
        platt.predict_proba(margins(machine, known)),
        machine.predict(known).astype(np.int32),
        chosen,
    )


def _some(part, most: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """At most so many rows; at least one of each class where rows are many."""
    pictures, targets = part
    if len(targets) <= most:
        return pictures, targets
    rows = np.sort(rng.permutation(len(targets))[:most])
    return pictures[rows], targets[rows]


def _features(shape: tuple[int, int, int]) -> dict:
    """Name -> function of (n, H, W, C) pictures to (n, features)."""
    side = SMALL if max(shape[:2]) <= SMALL else LARGE
    cells = (side // 8, side // 4)
    found = {f"edges in cells of {c} px": lambda p, c=c: hog(_to(p, side), c) for c in cells}
    if shape[2] > 1:
        c = side // 8
        found[f"edges in cells of {c} px and colours"] = lambda p: np.concatenate(
            [hog(_to(p, side), c), colours(_to(p, side), 8)], axis=1
        )
    small = shape[:2] if max(shape[:2]) <= SMALL else (SMALL, SMALL)
    found["pixels"] = lambda p: (_stretched(p, small).astype(np.float32) / 255).reshape(len(p), -1)
    return found


def _to(pictures: np.ndarray, side: int) -> np.ndarray:
    return _stretched(pictures, (side, side))


def _stretched(pictures: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if pictures.shape[1:3] == size:
        return pictures
    return np.stack([image_decoding.resize(picture, *size) for picture in pictures])


def _machines() -> Iterator[tuple[str, Pipeline]]:
    for kernel, penalties in PENALTIES.items():
        for penalty in penalties:
            machine = SVC(C=penalty, kernel=kernel, gamma="scale", cache_size=500)
            yield (
                f"{kernel} kernel, C={penalty:g}",
                make_pipeline(StandardScaler(with_std=False), machine),
            )
