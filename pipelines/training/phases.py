"""The phases of a fit: one, or two for a model with a pretrained backbone.

A model with a frozen sub-model named "backbone" has its head fitted first, on features that are
computed once; with `fit.fine_tune` the top of the backbone is then trained too, at a low rate.

References: Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL
2018, https://aclanthology.org/P18-1031, for rates that decay from layer to layer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import keras
import numpy as np

from models.layers.backbone import BACKBONE, FEATURES, split_at_layer, weighted_layers
from pipelines.config import schema
from pipelines.spec import DataSpec, Field
from pipelines.storage import trials
from pipelines.training import batches
from pipelines.training.length_buckets import LengthBuckets

BATCH = 64
BUCKETS = 6  # lengths to which rows of token ids are padded when features are computed


@dataclass(frozen=True)
class Phase:
    """One call of `fit`.

    Args:
        spec: of the columns that this phase reads.
        train, val: these columns.
        first_epoch: the number of epochs of the phases before.
        rates: path of a weight -> factor on the learning rate; 1 for weights that are not here.
    """

    model: keras.Model
    spec: DataSpec
    train: dict
    val: dict
    settings: schema.Fit
    first_epoch: int = 0
    rates: Mapping[str, float] = field(default_factory=dict)


def phases(model, spec: DataSpec, train: dict, val: dict, settings) -> Iterator[Phase]:
    """The phases in order; each must be fitted before the next is requested."""
    names = [layer.name for layer in model.layers]
    if BACKBONE not in names or model.get_layer(BACKBONE).trainable:
        yield Phase(model, spec, train, val, settings)
        return
    body, head = split_at_layer(model, names.index(BACKBONE) + 1)
    yield Phase(
        head, replace(spec, inputs={FEATURES: Field(tuple(body.output.shape[1:]), "float32", "")}),
        features(body, spec, train), features(body, spec, val),
        settings.model_copy(update={"length_buckets": None}),  # features have no length
    )  # fmt: skip
    if settings.fine_tune is not None:
        tune = settings.fine_tune
        backbone = model.get_layer(BACKBONE)
        unfreeze(backbone, tune.layers)
        changes = tune.model_dump(exclude={"layers", "layer_decay"}, exclude_none=True)
        yield Phase(
            model, spec, train, val, settings.model_copy(update=changes),
            first_epoch=settings.epochs, rates=layer_rates(backbone, tune.layer_decay),
        )  # fmt: skip


def features(body: keras.Model, spec: DataSpec, part: dict) -> dict:
    """The columns that the head is fitted to; by inference, so without augmentation or dropout."""
    ((name, column),) = spec.inputs.items()
    target = part[spec.target.name]
    if not column.padded:
        values = body.predict(part[name], batch_size=BATCH, verbose=0)
        return {FEATURES: values, spec.target.name: target}
    inputs = trials.inputs(part, spec)
    buckets = LengthBuckets.fit(inputs, BUCKETS)
    fed = batches.Batches(inputs, np.asarray(target), buckets, BATCH)
    rows = np.concatenate(fed.rows)
    ids = [fed[number][0][name] for number in range(len(fed))]
    values = np.concatenate([keras.ops.convert_to_numpy(body.predict_on_batch(i)) for i in ids])
    return {FEATURES: values[np.argsort(rows)], spec.target.name: target}


def unfreeze(backbone: keras.Model, count: int | None) -> None:
    """Makes the last `count` layers that have weights trainable; all of them with None.

    Batch normalisation stays frozen, which in Keras also means that it uses its moving mean and
    variance: statistics of a few small batches would destroy the pretrained features.
    """
    backbone.trainable = True
    weighted = weighted_layers(backbone)
    top = weighted if count is None else weighted[-count:]
    for layer in weighted:
        frozen = isinstance(layer, keras.layers.BatchNormalization) or layer not in top
        layer.trainable = not frozen


def layer_rates(backbone: keras.Model, decay: float) -> dict[str, float]:
    """Path of each trainable weight -> decay ** (how many trained layers are after its layer).

    Layers of one kind of input, such as embeddings of tokens and of positions, count one by one, in
    the order of the model.
    """
    if decay == 1:
        return {}
    trained = [layer for layer in weighted_layers(backbone) if layer.trainable_weights]
    return {
        weight.path: decay**depth
        for depth, layer in enumerate(reversed(trained), 1)
        for weight in layer.trainable_weights
    }
