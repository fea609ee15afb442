"""A random forest in TensorFlow: the same votes as numpy's, to the last one."""

from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from pipelines.classical.forests import Forest


class GraphForest(tf.Module):
    """`forests.Forest` in the graph; T trees."""

    def __init__(self, forest: "Forest"):
        super().__init__()
        self.nodes = {
            name: tf.Variable(values, trainable=False)
            for name, values in forest.arrays().items()
            if name not in ("roots", "depth")
        }
        self.roots = tf.constant(forest.roots)
        self.depth, self.classes = int(forest.depth[0]), forest.votes.shape[1]

    def __call__(self, features):
        """(n, d) float32 -> (n, classes) int64."""
        values = tf.cast(features, tf.float64)
        width = features.shape[1]
        starts = tf.range(tf.shape(values)[0]) * width
        flat, children = tf.reshape(values, [-1]), tf.reshape(self.nodes["children"], [-1])

        def of_tree(number, total):
            node = tf.fill(tf.shape(starts), self.roots[number])

            def descend(step, node):
                value = tf.gather(flat, starts + tf.gather(self.nodes["feature"], node))
                is_right = tf.cast(value > tf.gather(self.nodes["threshold"], node), tf.int32)
                return step + 1, tf.gather(children, 2 * node + is_right)

            _, node = tf.while_loop(lambda step, _: step < self.depth, descend, (0, node))
            return number + 1, total + tf.cast(tf.gather(self.nodes["votes"], node), tf.int64)

        zeros = tf.zeros((tf.shape(values)[0], self.classes), tf.int64)
        _, total = tf.while_loop(
            lambda number, _: number < tf.size(self.roots), of_tree, (0, zeros),
            parallel_iterations=1,
        )  # fmt: skip
        return total
