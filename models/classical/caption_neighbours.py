"""Captions of the nearest images of train: those on which the neighbours agree.

Shapes: m images of train with n captions, d features of an image, k neighbours.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from models.classical import SELECTION, Columns, Selection
from pipelines.classical import caption_ngrams, image_features, nearest_neighbours
from pipelines.classical.image_features import ImageFeatures
from pipelines.config.errors import UserError
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays

TRIED = 2  # kinds of features: edges with colours, where there are any, and pixels
PRECISION = 1e6  # steps that agreement is rounded to, so that equal captions are equal in any order


def caption_neighbours(
    spec: DataSpec, *, neighbours: Sequence[int] = (1, 5, 30)
) -> "CaptionNeighbours":
    """The consensus caption of the k nearest images, after Devlin et al. 2015.

    Of all captions of the k images of train that are nearest to the given one, by the Euclidean
    distance of their features, the one that agrees most with the others (by CIDEr). Nothing is ever
    said that train does not say. The features (edges and colours, or pixels) and k are
    selected by CIDEr-D on val.

    Input: the spec's image, (B, H, W, C) uint8. Output: captions, and as scores how much each
    agrees with the others, 0 to 1.

    Differs from the paper: features without a network; no captions are left out as outliers.

    Args:
        spec: of a data set of captioned images.
        neighbours: the numbers k to select from.

    Raises:
        UserError: `neighbours-invalid`.

    Reference: Devlin, Gupta, Girshick, Mitchell and Zitnick, "Exploring Nearest Neighbor Approaches
    for Image Captioning", 2015, https://arxiv.org/abs/1505.04467.
    """
    if not neighbours or min(neighbours) < 1:
        raise UserError(
            "neighbours-invalid", "must be one or more numbers from 1 on: [1, 5, 30]",
            key="build.neighbours", value=list(neighbours),
        )  # fmt: skip
    return CaptionNeighbours(spec, sorted(neighbours))


@dataclass(frozen=True)
class CaptionMemory:
    """The captions of train.

    Args:
        captions: n texts, image by image.
        starts: (m + 1,) those of image i are starts[i] to starts[i + 1].
        vectors: (n, v), see `caption_ngrams.vectors`.
    """

    captions: Sequence[str]
    starts: np.ndarray
    vectors: sparse.csr_array

    @classmethod
    def of(cls, captions: Sequence[str], starts: np.ndarray) -> "CaptionMemory":
        images = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        return cls(captions, starts, caption_ngrams.vectors(captions, images))

    def consensus(self, images: np.ndarray) -> tuple[str, float]:
        """The caption of these images that agrees most with all of theirs, and how much, 0 to 1."""
        rows = np.concatenate([np.arange(*self.starts[[n, n + 1]]) for n in images.tolist()])
        theirs = self.vectors[rows]
        _, places = np.unique(theirs.indices, return_inverse=True)
        total = np.bincount(places, theirs.data)[places]  # of each n-gram, over all captions
        owner = np.repeat(np.arange(len(rows)), np.diff(theirs.indptr))
        sums = np.bincount(owner, theirs.data * total, minlength=len(rows))
        agreement = np.rint(sums / len(rows) * PRECISION)
        best = int(agreement.argmax())
        return self.captions[rows[best]], float(agreement[best] / PRECISION)


class CaptionNeighbours:
    """The estimator; `features`, `known` and `memory` are there after `fit`."""

    features: ImageFeatures
    known: np.ndarray  # (m, d) float32
    memory: CaptionMemory
    selection: Selection
    decision = DecisionRule()

    def __init__(self, spec: DataSpec, neighbours: Sequence[int]):
        self.neighbours, self.count = neighbours, neighbours[0]
        self.shape = spec.inputs["image"].shape

    @property
    def components(self) -> "Mapping[str, CaptionNeighbours]":
        return {"neighbours": self}

    @property
    def parameters(self) -> int:
        return self.known.size + self.memory.vectors.nnz

    def fit(self, train: Columns, val: Columns, seed: int) -> None:
        """seed: nothing is random."""
        self.memory = CaptionMemory.of(*_by_image(train))
        captions, starts = _by_image(val)
        references = [captions[a:b] for a, b in zip(starts[:-1], starts[1:], strict=True)]
        best = -1.0
        for features in image_features.candidates(self.shape)[-TRIED:]:
            known, asked = (features(np.asarray(split["image"].values)) for split in (train, val))
            order = nearest_neighbours.ranked(known, asked, self.neighbours[-1])
            for count in self.neighbours:
                answers = [self.memory.consensus(row[:count])[0] for row in order]
                value = float(caption_ngrams.cider_d(answers, references).mean())
                if value > best:
                    best, self.features, self.known, self.count = value, features, known, count
        settings = f"{self.features}, {self.count} neighbours, CIDEr-D {best:.3f} on val"
        self.selection = Selection(settings, "val/cider_d", best)

    def predict(self, columns: Columns) -> dict[str, Any]:
        asked = self.features(np.asarray(columns["image"]))
        order = nearest_neighbours.ranked(self.known, asked, self.count)
        answers = [self.memory.consensus(row) for row in order]
        captions, scores = zip(*answers, strict=True)
        return {
            "captions": list(captions),
            "scores": np.array(scores, np.float32),
            "copied": np.ones(len(captions), bool),
        }

    def save(self, folder: Path) -> None:
        arrays.write(folder / "images", {"known": self.known})
        arrays.write(folder / "captions", {"caption": list(self.memory.captions)})
        arrays.write(folder / "starts", {"starts": self.memory.starts})
        stored = {
            "features": asdict(self.features), "count": self.count,
            "selection": asdict(self.selection),
        }  # fmt: skip
        (folder / SELECTION).write_text(json.dumps(stored, indent=1) + "\n", "utf-8")

    def restore(self, folder: Path) -> None:
        """The vectors of captions follow from these, and are computed again."""
        stored = json.loads((folder / SELECTION).read_text("utf-8"))
        features = stored["features"]
        self.features = ImageFeatures(**{**features, "size": tuple(features["size"])})
        self.count, self.selection = stored["count"], Selection(**stored["selection"])
        self.known = np.asarray(arrays.read(folder / "images")["known"])
        captions = list(arrays.read(folder / "captions")["caption"])
        starts = np.asarray(arrays.read(folder / "starts")["starts"])
        self.memory = CaptionMemory.of(captions, starts)


def _by_image(columns: Columns) -> tuple[list[str], np.ndarray]:
    """The captions of a split, and where those of each image begin."""
    numbers = columns["image"].numbers
    starts = np.concatenate([np.unique(numbers, return_index=True)[1], [len(numbers)]])
    return list(columns["caption"]), starts.astype(np.int64)
