"""A U-Net over images of any size, by windows whose predictions fit together without seams.

Each window is predicted with as much context on all sides as a pixel can see, and only its core is
used, so a pixel's prediction does not depend on which window it was in. Windows begin on the grid
of the last pooling. Outside the image lies its mirror image, as in the paper (section 2), so pixels
at the border have context like all others.
"""

import tensorflow as tf

from models.unet import Geometry

CORE = 512  # of a window, at most; a multiple of every grid


class TiledModel(tf.Module):
    """Class probabilities of each pixel.

    Args:
        model: a U-Net.
        core: the largest side of what a window predicts.
    """

    def __init__(self, model, core: int = CORE):
        super().__init__()
        self.model, self.core = model, core
        self.geometry = Geometry.of(model)
        (self.name_of_input,) = (tensor.name for tensor in model.inputs)

    def probabilities(self, image):
        """(h, w, c) uint8 -> (h, w, classes) float32."""
        size = tf.shape(image)[:2]
        core = [self._core(size[axis]) for axis in (0, 1)]
        count = [-(-size[axis] // core[axis]) for axis in (0, 1)]
        padded = image
        for axis in (0, 1):
            indices = mirrored(
                size[axis],
                self.geometry.before,
                count[axis] * core[axis] - size[axis] + self.geometry.after(core[axis]),
            )
            padded = tf.gather(padded, indices, axis=axis)
        window = [core[axis] + self.geometry.before + self.geometry.after(core[axis])
                  for axis in (0, 1)]  # fmt: skip

        def predict(number):
            top, left = number // count[1] * core[0], number % count[1] * core[1]
            pixels = padded[top : top + window[0], left : left + window[1]]
            logits = self.model({self.name_of_input: pixels[None]}, training=False)[0]
            inner = 0 if self.geometry.padding == "valid" else self.geometry.before
            return tf.nn.softmax(
                tf.cast(logits[inner : inner + core[0], inner : inner + core[1]], tf.float32)
            )

        classes = self.model.output_shape[-1]
        cores = tf.map_fn(
            predict, tf.range(count[0] * count[1]), parallel_iterations=1,
            fn_output_signature=tf.TensorSpec((None, None, classes), tf.float32),
        )  # (windows, core, core, classes)  # fmt: skip
        grid = tf.reshape(cores, (count[0], count[1], core[0], core[1], classes))
        whole = tf.reshape(
            tf.transpose(grid, (0, 2, 1, 3, 4)),
            (count[0] * core[0], count[1] * core[1], classes),
        )
        return whole[: size[0], : size[1]]

    def _core(self, length):
        """The side of the core: no larger than the image needs."""
        multiple = self.geometry.multiple
        return tf.minimum(-(-length // multiple) * multiple, self.core)


def mirrored(size, before, after):
    """`image_sizes.mirrored` in the graph."""
    places = tf.range(-before, size + after) % (2 * size)
    return tf.minimum(places, 2 * size - 1 - places)
