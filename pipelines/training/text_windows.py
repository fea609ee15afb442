"""Windows of text for word vectors: short runs of tokens, from all documents, in random order.

In every epoch frequent tokens are dropped at random before the text is cut, so that the words
around one are those that tell more of it ("sub-sampling", Mikolov et al. 2013,
https://arxiv.org/abs/1310.4546, section 2.3): an occurrence remains with probability

    min(1, sqrt(threshold / frequency))

The frequency is the token's share of all known ones: of words, not of documents. Unknown tokens are
dropped always.
"""

from collections.abc import Sequence

import keras
import numpy as np

LENGTH = 64  # tokens of a window, some ten times as many as the context of a word reaches
UNKNOWN = 1


class TextWindows(keras.utils.PyDataset):
    """({name: (B, LENGTH) ids}, (B, LENGTH) ids) batches; id 0 comes before each document.

    The number of windows is the same in every epoch, that of the tokens which remain on average;
    they begin at even distances, so that every remaining token is in one but for a per mille.

    Args:
        name: of the model's input.
        documents: of token ids.
        batch_size: B.
        retention: (V,) with which probability an occurrence of each id remains.
        seed: other tokens and another order in every epoch; None: the same every time.
        epoch: the number of epochs that are already done.
    """

    def __init__(
        self, name: str, documents: Sequence[np.ndarray], batch_size: int,
        retention: np.ndarray, seed: int | None = None, epoch: int = 0,
    ):  # fmt: skip
        super().__init__()
        self.name, self.batch_size, self.seed, self.epoch = name, batch_size, seed, epoch
        self.ids = np.concatenate([part for ids in documents for part in ([0], ids)])
        self.remaining = retention[self.ids]  # of every token
        self.count = max(1, round(float(self.remaining.sum()) / LENGTH))
        self._draw()

    def __len__(self) -> int:
        return -(-self.count // self.batch_size)

    def __getitem__(self, index: int):
        ids = self.windows[index * self.batch_size : (index + 1) * self.batch_size]
        return {self.name: ids}, ids

    def on_epoch_end(self) -> None:
        if self.seed is not None:
            self.epoch += 1
            self._draw()

    def _draw(self) -> None:
        """The windows of this epoch, (count, LENGTH)."""
        rng = np.random.default_rng([0] if self.seed is None else [self.seed, self.epoch])
        ids = self.ids[rng.random(len(self.ids), np.float32) < self.remaining]
        ids = np.pad(ids, (0, max(0, LENGTH - len(ids)))).astype(np.int32)
        starts = np.linspace(0, len(ids) - LENGTH, self.count).astype(np.int64)
        every = np.lib.stride_tricks.sliding_window_view(ids, LENGTH)
        self.windows = every[rng.permutation(starts)]


def retention(counts: np.ndarray, threshold: float | None) -> np.ndarray:
    """The probability with which an occurrence of each id remains, (V,) float32.

    Args:
        counts: (V,) of the ids in train.
        threshold: a share of all known tokens; None: every known token remains.
    """
    probability = np.ones(len(counts), np.float32)
    if threshold is not None:
        known = counts.astype(np.float64)
        known[: UNKNOWN + 1] = 0
        frequency = known / max(known.sum(), 1)
        probability = np.sqrt(threshold / np.maximum(frequency, threshold)).astype(np.float32)
    probability[UNKNOWN : UNKNOWN + 1] = 0
    return probability
