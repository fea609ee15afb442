"""What is fitted to what, in which order: one phase, or two where a backbone was trained before.

A model with a frozen sub-model named "backbone" has its head fitted first, on features that are
computed once; with `fit.fine_tune` the backbone's top is then trained along at a low rate.
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
    """spec: of the columns that this phase reads. first_epoch: how many there were before."""

    model: keras.Model
    spec: DataSpec
    train: dict
    val: dict
    settings: schema.Fit
    first_epoch: int = 0


def phases(model, spec: DataSpec, train: dict, val: dict, settings) -> Iterator[Phase]:
    """Each phase is to be fitted before the next is asked for."""
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
        chosen = settings.model_copy(
            update={"epochs": tune.epochs, "learning_rate": tune.learning_rate}
        )
        yield Phase(model, spec, train, val, chosen, first_epoch=settings.epochs)


def features(body: keras.Model, spec: DataSpec, part: dict) -> dict:
    """The columns that the head is fitted to: inference, so without augmentation or dropout."""
    (name,) = spec.inputs
    found = body.predict(part[name], batch_size=BATCH, verbose=0)
    return {FEATURES: found, spec.target.name: part[spec.target.name]}


def unfreeze(backbone: keras.Model, count: int | None) -> None:
    """The last `count` layers that have weights (all of them: None) become trainable.

    Batch normalisation stays frozen, which in Keras also means that it uses the mean and spread it
    has learned: those of a few small batches would undo what the backbone knows.
    """
    backbone.trainable = True
    weighted = [layer for layer in backbone.layers if layer.weights]
    top = weighted if count is None else weighted[-count:]
    for layer in backbone.layers:
        frozen = isinstance(layer, keras.layers.BatchNormalization) or layer not in top
        layer.trainable = not frozen
