"""Principal components of images: the best linear code.

Of all codes of k numbers that are linear functions of the pixels, with a linear way back, the first
k principal components have the smallest squared error on train (Eckart and Young 1936,
https://doi.org/10.1007/BF02288367).
"""

from pathlib import Path
from typing import Any

import numpy as np

from models.classical import Columns, Selection
from pipelines.classical.reconstruction import intensities, squared_errors
from pipelines.config.errors import UserError
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays


def pca_images(spec: DataSpec, *, code_dim: int = 16) -> "PrincipalComponents":
    """Principal component analysis (PCA) of the pixels, by a singular value decomposition.

    An image is coded by its projections on the `code_dim` directions in which the images of train
    vary most, and made again as the mean image plus these directions times the code, limited to the
    intensities that a pixel can have.

    Input: the spec's only field, (n, H, W, C) uint8. Output: reconstruction (n, H, W, C) in 0 to 1,
    code (n, code_dim).

    Args:
        spec: of an image data set.
        code_dim: numbers of the code, at most as many as pixels.

    Raises:
        UserError: `code-dim-out-of-range`.

    Reference: Pearson, "On lines and planes of closest fit to systems of points in space", 1901,
    https://doi.org/10.1080/14786440109462720.
    """
    (field,) = spec.inputs.values()
    pixels = int(np.prod(field.shape))
    if not 1 <= code_dim <= pixels:
        raise UserError(
            "code-dim-out-of-range", f"an image has {pixels} pixels; must be 1 to {pixels}",
            key="build.code_dim", value=code_dim,
        )  # fmt: skip
    return PrincipalComponents(spec, code_dim)


class PrincipalComponents:
    """An `Estimator`; `mean` (d,) and `directions` (k, d) are there after `fit`.

    Args:
        spec: of the data set; d = H * W * C.
        code_dim: k. With fewer rows than that in train, there are as many components as rows.
    """

    mean: np.ndarray
    directions: np.ndarray
    selection: Selection
    decision = DecisionRule()

    def __init__(self, spec: DataSpec, code_dim: int):
        self.code_dim = code_dim
        (self.input,) = spec.inputs

    def fit(self, train: Columns, val: Columns, seed: int) -> None:
        """seed: nothing is random."""
        pixels = self._pixels(train)
        self.mean = pixels.mean(axis=0)
        centred = pixels - self.mean
        if len(centred) > len(self.mean):
            centred = np.linalg.qr(centred, mode="r")  # (d, d), of the same directions
        _, singular, directions = np.linalg.svd(centred, full_matrices=False)
        self.directions = _with_signs(directions[: self.code_dim])
        share = (singular[: self.code_dim] ** 2).sum() / max((singular**2).sum(), 1e-300)
        settings = f"{len(self.directions)} components, {share:.1%} of the variance of train"
        images = intensities(val[self.input])
        errors = squared_errors(images, self.predict(val)["reconstruction"])
        self.selection = Selection(settings, "val/mse", float(errors.mean()), "min")

    def predict(self, columns: Columns) -> dict[str, Any]:
        code = (self._pixels(columns) - self.mean) @ self.directions.T  # (n, k)
        image = np.clip(code @ self.directions + self.mean, 0, 1)
        shape = columns[self.input].shape
        return {
            "reconstruction": image.reshape(shape).astype(np.float32),
            "code": code.astype(np.float32),
        }

    def _pixels(self, columns: Columns) -> np.ndarray:
        images = intensities(columns[self.input])
        return images.reshape(len(images), -1)

    @property
    def components(self) -> "dict[str, PrincipalComponents]":
        return {"pca": self}

    @property
    def parameters(self) -> int:
        return self.mean.size + self.directions.size

    def save(self, folder: Path) -> None:
        arrays.write_each(folder, {"mean": self.mean, "directions": self.directions})
        self.selection.save(folder)

    def restore(self, folder: Path) -> None:
        parts = arrays.read_each(folder)
        self.mean, self.directions = parts["mean"], parts["directions"]
        self.selection = Selection.restored(folder)


def _with_signs(directions: np.ndarray) -> np.ndarray:
    """Each with its largest number above zero: a decomposition leaves the signs open."""
    largest = np.abs(directions).argmax(axis=1)
    return directions * np.sign(directions[np.arange(len(directions)), largest])[:, None]
