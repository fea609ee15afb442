"""Transfer: what was learned on many pictures is the start for few.

References: Yosinski et al., "How transferable are features in deep neural networks?", NIPS 2014;
Donahue et al., "DeCAF", ICML 2014; the two phases as in F. Chollet's guide
https://keras.io/guides/transfer_learning.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from keras import layers

from models.layers.pictures import ApplicationScaling, application_module, varied
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec
from pipelines.storage.arrays import digest

START = (
    "start"  # in the spec's task_metadata: where `pipelines/stages/start.py` has put the weights
)


def transfer(
    spec: DataSpec,
    *,
    backbone: str | None = None,
    weights: str = START,
    arguments: Mapping[str, Any] | None = None,
    size: int | None = None,
    cut: str | None = None,
    dropout: float = 0.2,
    augment: Mapping[str, float] | None = None,
) -> keras.Model:
    """A backbone that gives each picture a vector, and a new linear layer on it, the head.

    Input: the spec's only field, (B, H, W, C) uint8. Output: (B, outputs) logits. All layers stand
    one after the other; the one named "backbone" is a model and is frozen, unless it begins with
    random weights: `training/phases.py` trains the head on its features, and unfreezes its top
    where the experiment has `fit.fine_tune`.

    weights: `start`: what the data set's entry under `starts` names, which is a model of ours (then
        `backbone` is left out: it is the whole model up to its logits, or up to layer `cut`) or a
        weights file for `backbone`. `imagenet`: downloaded by Keras. `random`: from scratch.
    backbone: a name of keras.applications, with its own scaling and, for one channel, the picture
        in all three colours. arguments: more of its own, such as {alpha: 0.75}. size: side to
        stretch pictures to before it. augment: see layers/pictures.py; it acts where the backbone
        is trained, as features are computed once.

    UserError: no start where one is needed, a size that our own backbone was not trained for.
    """
    ((name, field),) = spec.inputs.items()
    pictures = keras.Input(field.shape, dtype=field.dtype, name=name)
    x = varied(pictures, augment)
    if size is not None:
        x = layers.Resizing(size, size, name="resize")(x)
    if backbone is None:
        body = _own(_start(spec), cut, tuple(x.shape[1:]))
    else:
        if x.shape[-1] == 1:
            x = layers.Concatenate(name="colours")([x, x, x])
        x = ApplicationScaling(backbone, name="scale")(x)
        body = _application(backbone, weights, arguments or {}, tuple(x.shape[1:]), spec)
    body.trainable = weights == "random"
    x = layers.Dropout(dropout, name="head_dropout")(body(x))
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model({name: pictures}, logits, name="transfer")


def _own(file: Path, cut: str | None, shape: tuple) -> keras.Model:
    """A model of ours without its head, taking float pictures of 0 to 255."""
    if file.suffix != ".keras":
        raise UserError(f"transfer: {file} holds weights alone; name their `backbone`")
    trained = keras.saving.load_model(file, compile=False)
    if tuple(trained.inputs[0].shape[1:]) != shape:
        raise UserError(
            f"transfer: {file} was trained on pictures of {trained.inputs[0].shape[1:]}, these are "
            f"{shape}; set `size`, here or of the data set"
        )
    end = trained.get_layer(cut).output if cut else trained.get_layer("logits").input
    body = keras.Model(trained.inputs, end, name="backbone")
    if len(end.shape) == 2:
        return body
    return keras.Model(body.inputs, layers.GlobalAveragePooling2D()(end), name="backbone")


def _application(name: str, weights: str, arguments, shape: tuple, spec: DataSpec) -> keras.Model:
    chosen = {"imagenet": "imagenet", "random": None}.get(weights, START)
    if chosen == START and weights != START:
        raise UserError(f"transfer: weights: {weights!r}; accepted: imagenet, random, start")
    return getattr(application_module(name), name)(
        include_top=False, pooling="avg", input_shape=shape, name="backbone",
        weights=str(_start(spec)) if chosen == START else chosen, **arguments,
    )  # fmt: skip


def _start(spec: DataSpec) -> Path:
    if START not in spec.task_metadata:
        raise UserError(
            "transfer: the data set has no start; add an entry under `starts` that names a data "
            "set and weights, and make it the experiment's `dataset`"
        )
    file = Path(spec.task_metadata[START])
    if digest(file.parent) != spec.digests[START]:
        raise UserError(
            f"{file}: not what the stage `start` has put there; it is not loaded; run that stage "
            "again: dvc repro"
        )
    return file
