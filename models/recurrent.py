"""Recurrent classifiers.

References: Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997;
Graves and Schmidhuber, "Framewise phoneme classification with bidirectional LSTM", Neural
Networks 18, 2005.
"""

import keras
from keras import layers

from models.layers import MaskedMaxPooling, WordDropout
from pipelines.spec import DataSpec


def bilstm_classifier(
    spec: DataSpec,
    *,
    embedding_width: int = 64,
    units: int = 64,
    dropout: float = 0.5,
    word_dropout: float = 0.1,
) -> keras.Model:
    """Two LSTMs read the text, one from each end; the maximum over time of what they remember
    at each token is classified by a linear layer.

    Inputs: every field of the spec, (B, T) token ids, each read by its own pair of `units` wide
    LSTMs. Output: (B, outputs) logits. The masks make padding invisible to both directions.
    """
    inputs, features = {}, []
    for name, field in spec.inputs.items():
        ids = inputs[name] = keras.Input(field.open_shape, dtype=field.dtype, name=name)
        embedded = layers.Embedding(
            field.size, embedding_width, keras.initializers.RandomUniform(-0.5, 0.5),
            mask_zero=True, name=f"{name}_embedding",
        )(WordDropout(word_dropout)(ids))  # fmt: skip
        embedded = layers.SpatialDropout1D(dropout / 2)(embedded)
        states = layers.Bidirectional(
            layers.LSTM(units, return_sequences=True), name=f"{name}_bilstm"
        )(embedded)
        features.append(MaskedMaxPooling()(states, ids))
    merged = layers.Concatenate()(features) if len(features) > 1 else features[0]
    merged = layers.Dropout(dropout)(merged)
    logits = layers.Dense(spec.outputs, name="logits")(merged)
    return keras.Model(inputs, logits, name="bilstm_classifier")
