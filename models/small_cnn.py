"""The smallest network that deserves the name convolutional.

Reference: the idea is LeCun et al. 1998 (see lenet.py); rectifiers and dropout as in Krizhevsky,
Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012.
"""

from collections.abc import Mapping, Sequence

import keras
from keras import layers

from models.layers.pictures import varied
from pipelines.spec import DataSpec


def small_cnn(
    spec: DataSpec,
    *,
    filters: Sequence[int] = (10, 20),
    kernel_size: int = 3,
    units: int = 64,
    dropout: float = 0.5,
    augment: Mapping[str, float] | None = None,
) -> keras.Model:
    """Convolution, pooling, convolution, pooling, one dense layer, the logits.

    Input: the spec's only field, (B, H, W, C) uint8. Output: (B, outputs) logits. Each entry of
    `filters` is one convolution with pooling by 2 after it; `units` is the width of the features
    before the logits, which is what transfer takes over. `augment`: see layers/pictures.py.
    """
    ((name, field),) = spec.inputs.items()
    pictures = keras.Input(field.shape, dtype=field.dtype, name=name)
    x = layers.Rescaling(1 / 255, name="scale")(varied(pictures, augment))
    for number, count in enumerate(filters, start=1):
        x = layers.Conv2D(
            count, kernel_size, padding="same", activation="relu", name=f"conv{number}"
        )(x)
        x = layers.MaxPooling2D(2, padding="same", name=f"pool{number}")(x)
    x = layers.Dense(units, activation="relu", name="features")(layers.Flatten()(x))
    x = layers.Dropout(dropout)(x)
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model({name: pictures}, logits, name="small_cnn")
