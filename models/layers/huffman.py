"""Huffman's tree of words: frequent words have short codes.

Reference: Huffman, "A Method for the Construction of Minimum-Redundancy Codes", 1952,
https://doi.org/10.1109/JRPROC.1952.273898.
"""

import heapq
from collections.abc import Sequence

import numpy as np


def paths(counts: Sequence[int] | np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """The way from the root of the tree to each word.

    The two rarest nodes are joined until one is left, the root; so no code has a smaller mean
    length. Of n words there are n - 1 inner nodes.

    Args:
        counts: (n,) of the words.
        longest: L, the number of columns.

    Returns:
        nodes: (n, L) int32, the inner nodes from the root on; the root is n - 2.
        turns: (n, L) float32, +1 or -1 at each of them; 0 after the end of a code.
    """
    size = len(counts)
    queue = [(int(count), number) for number, count in enumerate(counts)]
    heapq.heapify(queue)
    parents = np.zeros(2 * size - 1, np.int64)
    signs = np.zeros(2 * size - 1, np.float32)
    for parent in range(size, 2 * size - 1):
        (first, rarer), (second, other) = heapq.heappop(queue), heapq.heappop(queue)
        parents[[rarer, other]], signs[[rarer, other]] = parent, (-1, 1)
        heapq.heappush(queue, (first + second, parent))
    nodes, turns = np.zeros((size, longest), np.int32), np.zeros((size, longest), np.float32)
    for word in range(size):
        path, node = [], word
        while node != 2 * size - 2:
            path.append((parents[node] - size, signs[node]))
            node = parents[node]
        for place, (inner, sign) in enumerate(reversed(path)):
            nodes[word, place], turns[word, place] = inner, sign
    return nodes, turns


def lengths(counts: Sequence[int] | np.ndarray) -> np.ndarray:
    """(n,) how many turns each word's code has."""
    return (paths(counts, len(counts))[1] != 0).sum(axis=1)
