"""The phases of a fit: one, or two for a model with a pretrained backbone.

A model with a frozen sub-model named "backbone" has its head fitted first, on features that are
computed once; with `fit.fine_tune` the top of the backbone is then trained too, at a low rate.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import keras

from models.layers.backbone import BACKBONE, FEATURES, split_at_layer
from pipelines.config import schema
from pipelines.spec import DataSpec, Field

BATCH = 64


@dataclass(frozen=True)
class Phase:
    """One call of `fit`.

    Args:
        spec: of the columns that this phase reads.
        train, val: these columns.
        first_epoch: the number of epochs of the phases before.
    """

    model: keras.Model
    spec: DataSpec
    train: dict
    val: dict
    settings: schema.Fit
    first_epoch: int = 0


def phases(model, spec: DataSpec, train: dict, val: dict, settings) -> Iterator[Phase]:
    """The phases in order; each must be fitted before the next is requested."""
    names = [layer.name for layer in model.layers]
    if BACKBONE not in names or model.get_layer(BACKBONE).trainable:
        yield Phase(model, spec, train, val, settings)
        return
    body, head = split_at_layer(model, names.index(BACKBONE) + 1)
    yield Phase(
        head, replace(spec, inputs={FEATURES: Field(tuple(body.output.shape[1:]), "float32", "")}),
        features(body, spec, train), features(body, spec, val), settings,
    )  # fmt: skip
    if settings.fine_tune is not None:
        tune = settings.fine_tune
        unfreeze(model.get_layer(BACKBONE), tune.layers)
        fine_tuning = settings.model_copy(
            update={"epochs": tune.epochs, "learning_rate": tune.learning_rate}
        )
        yield Phase(model, spec, train, val, fine_tuning, first_epoch=settings.epochs)


def features(body: keras.Model, spec: DataSpec, part: dict) -> dict:
    """The columns that the head is fitted to; by inference, so without augmentation or dropout."""
    (name,) = spec.inputs
    values = body.predict(part[name], batch_size=BATCH, verbose=0)
    return {FEATURES: values, spec.target.name: part[spec.target.name]}


def unfreeze(backbone: keras.Model, count: int | None) -> None:
    """Makes the last `count` layers that have weights trainable; all of them with None.

    Batch normalisation stays frozen, which in Keras also means that it uses its moving mean and
    variance: statistics of a few small batches would destroy the pretrained features.
    """
    backbone.trainable = True
    weighted = [layer for layer in backbone.layers if layer.weights]
    top = weighted if count is None else weighted[-count:]
    for layer in backbone.layers:
        frozen = isinstance(layer, keras.layers.BatchNormalization) or layer not in top
        layer.trainable = not frozen
