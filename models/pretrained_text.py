"""A pretrained text encoder and a new head.

References: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding", NAACL 2019, https://aclanthology.org/N19-1423; Reimers and Gurevych,
"Sentence-BERT", EMNLP 2019, https://aclanthology.org/D19-1410, for mean pooling; Wang et al.,
"MiniLM", NeurIPS 2020, https://arxiv.org/abs/2002.10957.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from keras import layers, ops

from models.layers import MaskedMeanPooling
from models.layers.backbone import BACKBONE, WARM_START, warm_start_path
from pipelines.config.errors import UserError, one_of
from pipelines.spec import DataSpec

POOLINGS = ("mean", "cls")
WEIGHTS = ("random", WARM_START)


def pretrained_text(
    spec: DataSpec,
    *,
    weights: str = WARM_START,
    pooling: str = "mean",
    dropout: float = 0.1,
    backbone_kwargs: Mapping[str, Any] | None = None,
) -> keras.Model:
    """Linear classifier on the features of a pretrained Transformer encoder (Devlin 2019).

    An encoder that has read millions of sentences knows which words are alike, so a thousand
    labelled texts suffice for what takes a network from scratch many thousands. Phase one is a
    linear probe: the encoder is frozen and the head is fitted to its features, which are computed
    once. Phase two, with `fit.fine_tune`, trains the encoder's last blocks, or all of it, at a low
    learning rate (training/phases.py).

    Input: the spec's only field, (B, T) word pieces that the stage `warm_start` has written, 0 for
    padding. Output: (B, outputs) logits. The layers are a chain; the one named "backbone" is a
    model, with KerasHub's encoder in it.

    Differs from BERT: features are scaled to unit variance over their dimensions, without learned
    parameters, so that one learning rate of the head fits every encoder; the pooler, a dense layer
    for BERT's second pretraining task, is left out.

    Args:
        spec: of a text classification data set with a warm start.
        weights: "warm_start": what the data set's entry under `warm_starts` names; "random": an
            encoder with the layers of BERT, trained from scratch and not frozen.
        pooling: "mean" over word pieces, or "cls": the vector of the piece [CLS].
        dropout: rate on the features.
        backbone_kwargs: for random weights, arguments of keras_hub.models.BertBackbone:
            {num_layers: 2, num_heads: 2, hidden_dim: 64, intermediate_dim: 128,
            max_sequence_length: 128}.

    Raises:
        UserError: there is no warm start, or it was changed, or it is not a text encoder.
    """
    for name, value, accepted in (("pooling", pooling, POOLINGS), ("weights", weights, WEIGHTS)):
        if value not in accepted:
            raise UserError(
                f"{name}-unknown", f"no such {name}; {one_of(value, accepted)}",
                key=f"build.{name}", value=value,
            )  # fmt: skip
    if len(spec.inputs) > 1:
        raise UserError(
            "encoder-with-several-inputs",
            "an encoder reads one input; give the data set one, or use a warm start of an encoder",
            key="build", value=list(spec.inputs),
        )  # fmt: skip
    ((name, field),) = spec.inputs.items()
    ids = keras.Input(field.open_shape, dtype=field.dtype, name=name)  # (B, T)
    if weights == WARM_START:
        encoder = _load(warm_start_path(spec))
    else:
        encoder = _without_pooler(_hub().models.BertBackbone(field.size, **(backbone_kwargs or {})))
    extractor = _pooled(encoder, pooling)
    extractor.trainable = weights == "random"
    x = extractor(ids)  # (B, D)
    x = layers.LayerNormalization(center=False, scale=False, name="unit_variance")(x)
    x = layers.Dropout(dropout, name="head_dropout")(x)
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model({name: ids}, logits, name="pretrained_text")


def _hub():
    """KerasHub, imported where it is needed: it takes a second or two."""
    import keras_hub

    return keras_hub


def _load(folder: Path) -> keras.Model:
    """The encoder in a folder, by KerasHub. Nothing is downloaded.

    Raises:
        UserError: it is not an encoder of texts, or KerasHub cannot read it.
    """
    if not folder.is_dir():
        raise UserError(
            "encoder-missing",
            "the warm start is a file of weights, not a folder with a text encoder; name such a "
            "folder in its `weights`",
            path=folder, key="build.weights",
        )  # fmt: skip
    try:
        backbone = _hub().models.Backbone.from_preset(str(folder.resolve()))
    # What KerasHub raises on models that it does not convert, and on tensors that do not fit.
    except (ValueError, KeyError, TypeError, OSError, ImportError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            "encoder-unreadable",
            f"KerasHub cannot load it ({reason}); use the folder of another encoder",
            path=folder, value=reason,
        ) from error  # fmt: skip
    if not isinstance(backbone.input, dict) or "padding_mask" not in backbone.input:
        raise UserError(
            "encoder-unsupported",
            f"{type(backbone).__name__} is not an encoder of texts; use the folder of another one",
            path=folder, value=type(backbone).__name__,
        )  # fmt: skip
    return _without_pooler(backbone)


def _without_pooler(backbone: keras.Model) -> keras.Model:
    """{token_ids, padding_mask, maybe segment_ids}, each (B, T) -> (B, T, D)."""
    output = backbone.output
    sequence = output["sequence_output"] if isinstance(output, dict) else output
    return keras.Model(dict(backbone.input), sequence, name="encoder")


def _pooled(encoder: keras.Model, pooling: str) -> keras.Model:
    """(B, T) ids -> (B, D)."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    inputs = {"token_ids": ids, "padding_mask": ops.not_equal(ids, 0)}
    if "segment_ids" in encoder.input:
        inputs["segment_ids"] = ops.zeros_like(ids)
    sequence = encoder(inputs)  # (B, T, D)
    pooled = MaskedMeanPooling()(sequence, ids) if pooling == "mean" else sequence[:, 0]
    return keras.Model(ids, pooled, name=BACKBONE)
