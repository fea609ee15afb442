"""A model with a sub-model that was trained before: cut in two, features and head."""

import keras

BACKBONE, FEATURES = "backbone", "features"


def halves(model: keras.Model, cut: int) -> tuple[keras.Model, keras.Model]:
    """The model as two, before and after layer number `cut`, with the very same layers.

    Every layer must have the one before it as its only input.
    """
    tensor = model.inputs[0]
    for layer in model.layers[1:cut]:
        tensor = _through(layer, tensor)
    body = keras.Model(model.inputs, tensor)
    start = tensor = keras.Input(tensor.shape[1:], name=FEATURES)
    for layer in model.layers[cut:]:
        tensor = _through(layer, tensor)
    return body, keras.Model({FEATURES: start}, tensor)


def _through(layer, tensor):
    """Concatenate is the exception: a grey picture is taken three times."""
    return layer([tensor] * 3 if isinstance(layer, keras.layers.Concatenate) else tensor)
