"""Documents as parallel streams of tokens, for models that carry their state along.

All documents are joined, each after an id 0, and the whole is cut into `batch_size` streams of
equal length. Batch t holds the next `steps` tokens of every stream, so row b of batch t + 1
continues row b of batch t. The target of a token is the one after it; the id 0, before a document
and at the end of the last stream, is no target. Every token is a target exactly once in an epoch.
"""

from collections.abc import Sequence

import keras
import numpy as np


class TokenStreams(keras.utils.PyDataset):
    """({name: (B, T) ids}, (B, T) ids) batches, the same in every epoch.

    Args:
        name: of the model's input.
        documents: of token ids.
        batch_size: B, the number of streams; fewer if there are not so many tokens.
        steps: T, through which a gradient passes.
    """

    def __init__(self, name: str, documents: Sequence[np.ndarray], batch_size: int, steps: int):
        super().__init__()
        self.name, self.steps = name, steps
        joined = np.concatenate([part for ids in documents for part in ([0], ids)]).astype(np.int32)
        streams = min(batch_size, len(joined))
        # Whole windows, as Keras compiles for one length; what is behind the last token is 0.
        length = steps * -(-len(joined) // (streams * steps))
        padded = np.zeros(streams * length + 1, np.int32)
        padded[: len(joined)] = joined
        self.ids = padded[:-1].reshape(streams, length)  # (B, length)
        self.targets = padded[1:].reshape(streams, length)

    def __len__(self) -> int:
        return self.ids.shape[1] // self.steps

    def __getitem__(self, index: int):
        window = slice(index * self.steps, (index + 1) * self.steps)
        return {self.name: self.ids[:, window]}, self.targets[:, window]
