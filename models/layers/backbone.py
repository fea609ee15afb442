"""Pretrained sub-models: where their weights are, and how features and head are separated."""

from pathlib import Path

import keras

from pipelines.config.errors import UserError
from pipelines.spec import DataSpec
from pipelines.storage.arrays import digest

BACKBONE, FEATURES = "backbone", "features"  # names of the sub-model and of the head's input
# Key of the weights' path in the spec's task_metadata, written by stages/warm_start.py.
WARM_START = "warm_start"


def warm_start_path(spec: DataSpec) -> Path:
    """The file or folder of weights that the stage `warm_start` has written, if it is unchanged."""
    if WARM_START not in spec.task_metadata:
        raise UserError(
            "warm-start-missing",
            "the data set has no warm start; add an entry under `warm_starts` that names a "
            "data set and weights, and make it the experiment's `dataset`",
            key="build.weights", value=WARM_START,
        )  # fmt: skip
    path = Path(spec.task_metadata[WARM_START])
    if digest(path.parent) != spec.digests[WARM_START]:
        raise UserError(
            "warm-start-changed",
            "the files are not those that the stage `warm_start` wrote, so they are not loaded; "
            "run that stage again: dvc repro",
            path=path,
        )  # fmt: skip
    return path


def weighted_layers(backbone: keras.Model) -> list[keras.layers.Layer]:
    """Its layers that have weights, in order; those of models in it one by one."""
    inner = [
        weighted_layers(layer) if isinstance(layer, keras.Model) else [layer]
        for layer in backbone.layers
    ]
    return [layer for layers in inner for layer in layers if layer.weights]


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
