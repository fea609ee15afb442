"""Recurrent text classifier.

References: Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997,
https://doi.org/10.1162/neco.1997.9.8.1735; Graves and Schmidhuber, "Framewise phoneme
classification with bidirectional LSTM", Neural Networks 18, 2005,
https://doi.org/10.1016/j.neunet.2005.06.042.
"""

import keras
from keras import layers

from models.layers import LSTM, MaskedMaxPooling
from models.layers.lstm import short_steps
from models.layers.text_inputs import concatenate_fields, embed_tokens
from pipelines.spec import DataSpec


@short_steps
def bilstm_classifier(
    spec: DataSpec,
    *,
    embedding_dim: int = 64,
    units: int = 64,
    dropout: float = 0.5,
    word_dropout: float = 0.1,
) -> keras.Model:
    """Bidirectional LSTM with max pooling over time, after Graves and Schmidhuber 2005.

    One LSTM reads the tokens from left to right, another from right to left, so the state at each
    token depends on the whole text. The forget, input and output gates of an LSTM are explained in
    recurrent_forecasters.py. The maximum over time of each state component is a feature of the
    text, and a linear layer classifies the features.

    Inputs: every field of the spec, (B, T) token ids, each read by a pair of LSTMs of its own.
    Output: (B, outputs) logits. Masks keep padding from both directions.

    Differs from the paper: one label for a text instead of one for each time step.

    Args:
        spec: of a text classification data set.
        embedding_dim: D, dimension of a token's vector.
        units: U, state size of each direction.
        dropout: rate on the pooled features; half of it drops whole channels of the embeddings.
        word_dropout: probability of a token to be replaced by the unknown token.
    """
    inputs, pooled = {}, []
    for name, field in spec.inputs.items():
        ids, x = embed_tokens(name, field, embedding_dim, word_dropout, mask_zero=True)
        inputs[name] = ids  # (B, T)
        x = layers.SpatialDropout1D(dropout / 2)(x)  # (B, T, D)
        lstm = LSTM(units, return_sequences=True)
        states = layers.Bidirectional(lstm, name=f"{name}_bilstm")(x)  # (B, T, 2 U)
        pooled.append(MaskedMaxPooling()(states, ids))  # (B, 2 U)
    x = layers.Dropout(dropout)(concatenate_fields(pooled))
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model(inputs, logits, name="bilstm_classifier")
