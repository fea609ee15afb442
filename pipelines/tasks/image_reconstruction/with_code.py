"""The network that gives the code beside the reconstruction."""

import keras

from models.image_autoencoders import CODE


def with_code(model: keras.Model) -> keras.Model:
    """An autoencoder, its output limited to the intensities that an image can have, and its code.

    Returns:
        {input: (B, H, W, C) uint8} -> {"reconstruction": (B, H, W, C) in 0 to 1, "code": (B, k)}.
    """
    code = model.get_layer(CODE).output
    return keras.Model(
        model.input, {"reconstruction": keras.ops.clip(model.output, 0, 1), "code": code}
    )
