"""Transfer learning: a pretrained backbone and a new head.

References: Yosinski et al., "How transferable are features in deep neural networks?", NIPS 2014,
https://arxiv.org/abs/1411.1792; Donahue et al., "DeCAF: A Deep Convolutional Activation Feature",
ICML 2014, https://arxiv.org/abs/1310.1531; the two phases as in
https://keras.io/guides/transfer_learning.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from keras import layers

from models.layers.application_scaling import ApplicationScaling, application_module
from models.layers.augmentation import augment_images
from models.layers.backbone import BACKBONE, WARM_START, warm_start_path
from models.layers.pretrained_files import downloads
from pipelines.config.errors import UserError, one_of
from pipelines.spec import DataSpec

WEIGHTS = ("imagenet", "random", WARM_START)


def transfer(
    spec: DataSpec,
    *,
    backbone: str | None = None,
    weights: str = WARM_START,
    backbone_kwargs: Mapping[str, Any] | None = None,
    size: int | None = None,
    feature_layer: str | None = None,
    dropout: float = 0.2,
    augment: Mapping[str, float] | None = None,
) -> keras.Model:
    """Linear classifier on the features of a pretrained network (Yosinski 2014, Donahue 2014).

    Early layers of a network learn features that are useful for other data as well, so a network
    trained on many images is a good start where there are few. Phase one is a linear probe: the
    backbone is frozen and the head is fitted to its features, which are computed once. Phase two,
    with `fit.fine_tune`, unfreezes the backbone's top layers and trains them at a low learning
    rate (training/phases.py).

    Input: the spec's only field, (B, H, W, C) uint8. Output: (B, outputs) logits. The layers are a
    chain; the one named "backbone" is a model.

    Differs from the papers: feature maps are averaged over all positions (global average
    pooling) instead of flattened; batch normalisation keeps its statistics in phase two.

    Args:
        spec: of an image classification data set.
        backbone: name of a network of keras.applications; null if the start is a whole model of
            this repository.
        weights: "warm_start": what the data set's entry under `warm_starts` names, a model of
            this repository or a weights file for `backbone`; "imagenet": downloaded by Keras;
            "random": trained from scratch, and not frozen.
        backbone_kwargs: further arguments of the network of keras.applications: {alpha: 0.75}.
        size: side to which images are resized before the backbone.
        feature_layer: without `backbone`, name of the layer whose output is taken as features; null
            for the input of the logits.
        dropout: rate on the features.
        augment: arguments of `RandomAugmentation`; only has an effect where the backbone is
            trained, as features are computed once and without it.

    Raises:
        UserError: there is no start, or it was changed, or it does not fit the other arguments.
    """
    ((name, field),) = spec.inputs.items()
    images = keras.Input(field.shape, dtype=field.dtype, name=name)
    x = augment_images(images, augment)  # (B, H, W, C)
    if size is not None:
        x = layers.Resizing(size, size, name="resize")(x)
    if backbone is None:
        extractor = _repository_model(warm_start_path(spec), feature_layer, tuple(x.shape[1:]))
    else:
        if x.shape[-1] == 1:
            x = layers.Concatenate(name="grey_to_rgb")([x, x, x])
        x = ApplicationScaling(backbone, name="scale")(x)
        extractor = _application(backbone, weights, backbone_kwargs or {}, tuple(x.shape[1:]), spec)
    extractor.trainable = weights == "random"
    x = layers.Dropout(dropout, name="head_dropout")(extractor(x))  # (B, D)
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model({name: images}, logits, name="transfer")


def _repository_model(file: Path, feature_layer: str | None, shape: tuple) -> keras.Model:
    """A model of this repository without its head: float images of 0 to 255 -> (B, D)."""
    if file.suffix != ".keras":
        raise UserError(
            "backbone-missing", "weights without a network; name their `backbone` in `build`",
            path=file, key="build.backbone",
        )  # fmt: skip
    trained = keras.saving.load_model(file, compile=False)
    trained_shape = tuple(trained.inputs[0].shape[1:])
    if trained_shape != shape:
        raise UserError(
            "image-size-mismatch",
            f"trained on images of {trained_shape}, and these are {shape}; set `size`, here or of "
            "the data set",
            path=file, key="build.size", value=shape,
        )  # fmt: skip
    features = _features(trained, feature_layer)
    extractor = keras.Model(trained.inputs, features, name=BACKBONE)
    if len(features.shape) == 2:
        return extractor
    pooled = layers.GlobalAveragePooling2D()(features)  # (B, H, W, D) -> (B, D)
    return keras.Model(extractor.inputs, pooled, name=BACKBONE)


def _features(trained: keras.Model, feature_layer: str | None) -> keras.KerasTensor:
    if feature_layer is None:
        return trained.get_layer("logits").input
    names = [layer.name for layer in trained.layers]
    if feature_layer not in names:
        raise UserError(
            "layer-unknown", f"the model has no such layer; {one_of(feature_layer, names)}",
            key="build.feature_layer", value=feature_layer,
        )  # fmt: skip
    return trained.get_layer(feature_layer).output


def _application(name: str, weights: str, kwargs, shape: tuple, spec: DataSpec) -> keras.Model:
    """A network of keras.applications without its head: (B, H, W, 3) -> (B, D)."""
    if weights not in WEIGHTS:
        raise UserError(
            "weights-unknown", f"no such weights; {one_of(weights, WEIGHTS)}",
            key="build.weights", value=weights,
        )  # fmt: skip
    source = {"imagenet": "imagenet", "random": None}
    file = source[weights] if weights in source else str(warm_start_path(spec))
    with downloads(weights):
        return getattr(application_module(name), name)(
            include_top=False, pooling="avg", input_shape=shape, name=BACKBONE, weights=file,
            **kwargs,
        )  # fmt: skip
