"""The gradient through depth, with and without skips: `python benchmarks/depth_gradients.py`.

Convolutional networks of 20 blocks, x -> f(x) and x -> x + f(x) with f(x) = sigmoid(W * x), read
handwritten digits before any training. Backwards the gradient is multiplied in every block by the
Jacobian of f, in which the slope of the sigmoid is 1/4 at most; or by that and the identity (He et
al. 2016, "Identity Mappings in Deep Residual Networks", https://arxiv.org/abs/1603.05027). Writes
docs/depth_gradients.png.
"""

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from sklearn.datasets import load_digits

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from pipelines.tasks.image_classification import depth_figure  # noqa: E402

BLOCKS, FILTERS, ROWS, SEEDS = 20, 8, 32, (1, 2, 3)
NAMES = {False: "x → f(x)", True: "x → x + f(x)"}


def norms(skips: bool, blocks: int = BLOCKS, seed: int = 1) -> np.ndarray:
    """(blocks + 1,) norms of the loss's gradient with respect to what each block reads, and to
    what the last one gives; of an untrained network.

    Args:
        skips: whether a block's input is added to its output.
        blocks: how many.
        seed: of the weights.
    """
    keras.utils.set_random_seed(seed)
    images, labels = load_digits(return_X_y=True)
    x = tf.constant(images[:ROWS].reshape(-1, 8, 8, 1) / 8 - 1, tf.float32)
    with tf.GradientTape() as tape:
        x = layers.Conv2D(FILTERS, 3, padding="same")(x)  # (B, 8, 8, FILTERS)
        tape.watch(x)
        read = [x]
        for _ in range(blocks):
            output = layers.Conv2D(FILTERS, 3, padding="same", activation="sigmoid")(x)
            x = x + output if skips else output
            read.append(x)
        logits = layers.Dense(10)(layers.GlobalAveragePooling2D()(x))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels[:ROWS], logits)
    return np.array([float(tf.norm(gradient)) for gradient in tape.gradient(loss, read)])


def main() -> None:
    by_kind = {skips: [norms(skips, seed=seed) for seed in SEEDS] for skips in NAMES}
    by_name = {NAMES[skips]: runs for skips, runs in by_kind.items()}
    depth_figure.draw(by_name, ROOT / "docs/depth_gradients.png")
    for skips, name in NAMES.items():
        shares = [values[0] / values[-1] for values in by_kind[skips]]
        print(f"{name}: gradient of the first block / of the last, {np.median(shares):.2g}")


if __name__ == "__main__":
    main()
