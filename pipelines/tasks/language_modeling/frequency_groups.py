"""Groups of tokens of similar frequency in train: ids of a data set are in its order."""

from collections.abc import Iterator

import numpy as np

from pipelines.preprocessing.tokenization import UNKNOWN

RANKS = (10, 100, 1000, 10_000, 100_000)  # the last ranks of the groups


def groups(tokens: np.ndarray, first: int) -> Iterator[tuple[str, int, np.ndarray]]:
    """(name, how many tokens, which ones) of each group that is not empty.

    Args:
        tokens: (n,) ids.
        first: the id of the most frequent token.
    """
    ranks = tokens - first + 1
    selections = {
        "unknown": tokens == UNKNOWN,
        "line ends\nand bytes": (tokens != UNKNOWN) & (ranks < 1),
    }
    before = 0
    for last in RANKS:
        selections[f"{before + 1:,} to {last:,}"] = (ranks > before) & (ranks <= last)
        before = last
    for name, selected in selections.items():
        if selected.any():
            yield name, int(selected.sum()), selected
