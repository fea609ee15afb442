"""Random forests as arrays: fitted by scikit-learn, applied by numpy and by a served graph alike.

Reference: Breiman, "Random Forests", Machine Learning 2001, https://doi.org/10.1023/A:1010933404324.
"""

from dataclasses import dataclass, fields

import numpy as np

VOTE = 1 << 16  # of a tree, shared among the classes: sums of integers have no rounding


@dataclass(frozen=True)
class Forest:
    """All nodes of all trees, one behind the other; a leaf is its own child.

    Args:
        feature: (nodes,) int32, which is compared.
        threshold: (nodes,) float64; a value that is not greater goes to the first child.
        children: (nodes, 2) int32 numbers of nodes.
        votes: (nodes, classes) int32, of leaves.
        roots: (trees,) int32 numbers of nodes.
        depth: (1,) int32, comparisons from a root to the farthest leaf.
    """

    feature: np.ndarray
    threshold: np.ndarray
    children: np.ndarray
    votes: np.ndarray
    roots: np.ndarray
    depth: np.ndarray

    @classmethod
    def of(cls, fitted, classes: int) -> "Forest":
        """The trees of a fitted sklearn.ensemble.RandomForestClassifier.

        Args:
            fitted: the forest; its classes are ids below `classes`.
            classes: the number of columns of the votes.
        """
        parts, roots, begin = [], [], 0
        learned = fitted.classes_.astype(np.int64)
        for estimator in fitted.estimators_:
            tree = estimator.tree_
            nodes = np.arange(tree.node_count)
            is_leaf = tree.children_left < 0
            pair = np.stack([tree.children_left, tree.children_right], axis=1)
            children = np.where(is_leaf[:, None], nodes[:, None], pair) + begin
            shares = tree.value[:, 0] / tree.value[:, 0].sum(axis=1, keepdims=True)
            votes = np.zeros((len(nodes), classes), np.int32)
            votes[:, learned] = np.round(shares * VOTE)
            feature = np.where(is_leaf, 0, tree.feature)
            threshold = np.where(is_leaf, 0.0, tree.threshold)
            parts.append((feature, threshold, children, votes))
            roots.append(begin)
            begin += len(nodes)
        feature, threshold, children, votes = map(np.concatenate, zip(*parts, strict=True))
        deepest = max(estimator.tree_.max_depth for estimator in fitted.estimators_)
        return cls(
            feature.astype(np.int32), threshold.astype(np.float64), children.astype(np.int32),
            votes, np.array(roots, np.int32), np.array([deepest], np.int32),
        )  # fmt: skip

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """(n, d) float32 -> (n, classes) int64 votes."""
        rows, total = np.arange(len(features)), 0
        flat = np.ascontiguousarray(features).ravel()
        start = rows * features.shape[1]
        for root in self.roots:
            node = np.full(len(features), root)
            active = rows
            for _ in range(int(self.depth[0])):
                here = node[active]
                right = flat[start[active] + self.feature[here]] > self.threshold[here]
                child = self.children[here, right.astype(np.intp)]
                node[active] = child
                active = active[child != here]
                if not len(active):
                    break
            total = total + self.votes[node].astype(np.int64)
        return np.asarray(total)

    def arrays(self) -> dict[str, np.ndarray]:
        return {field.name: getattr(self, field.name) for field in fields(self)}
