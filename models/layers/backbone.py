"""Splitting a model with a pretrained sub-model into feature extractor and head."""

import keras

BACKBONE, FEATURES = "backbone", "features"  # names of the sub-model and of the head's input


def split_at_layer(model: keras.Model, index: int) -> tuple[keras.Model, keras.Model]:
    """The model as two models that share its layers, so that features can be computed once.

    Args:
        model: a chain of layers, each with the one before it as its only input.
        index: number of the first layer that belongs to the head.

    Returns:
        The feature extractor, which ends with layer `index - 1`, and the head, whose only input
        is named "features".
    """
    tensor = model.inputs[0]
    for layer in model.layers[1:index]:
        tensor = _apply(layer, tensor)
    feature_extractor = keras.Model(model.inputs, tensor)
    head_input = tensor = keras.Input(tensor.shape[1:], name=FEATURES)
    for layer in model.layers[index:]:
        tensor = _apply(layer, tensor)
    return feature_extractor, keras.Model({FEATURES: head_input}, tensor)


def _apply(layer, tensor):
    """Concatenate is the only layer with several inputs: a grey image as three channels."""
    return layer([tensor] * 3 if isinstance(layer, keras.layers.Concatenate) else tensor)
