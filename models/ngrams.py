"""Counting n-grams and averaging tokens: what order there is, lies within n-grams.

References: Wang and Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic
Classification", ACL 2012; Iyyer, Manjunatha, Boyd-Graber and Daume, "Deep Unordered Composition
Rivals Syntactic Methods for Text Classification", ACL 2015.
"""

from collections.abc import Mapping

import keras
from keras import layers

from models.layers import MaskedMeanPooling, NgramSVM, Vote, WordDropout
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec


def ngram_classifier(
    spec: DataSpec,
    *,
    longest: int | Mapping[str, int] = 2,
    buckets: int = 2**22,
    penalty: float = 0.03,
    embedding_width: int = 64,
    dropout: float = 0.5,
    word_dropout: float = 0.3,
) -> keras.Model:
    """Two ways to count answer with equal votes: NB-SVM on the n-grams that are there, solved for
    before training, and a linear model of the mean embedding, which is trained.

    Inputs: every field of the spec, (B, T) token ids, each with a machine and a mean of its own.
    Output: (B, outputs) log-probabilities, which are logits. `longest` counts the tokens of the
    longest n-grams, of every field or {field: tokens}; UserError where it names other fields. Their
    weights stand in `buckets` places, several times as many as train has n-grams, so no list of
    them is kept. `penalty` is the machine's C. The voters err on different texts: the machine
    remembers rare n-grams, of characters also parts of words, the embedding finds words alike that
    stand in like texts. Differs from the papers: the vote; and a dropped word becomes the unknown
    one, whose embedding is so trained.
    """
    lengths = longest if isinstance(longest, Mapping) else dict.fromkeys(spec.inputs, longest)
    if set(lengths) != set(spec.inputs):
        raise UserError(
            f"ngram_classifier: longest is for {', '.join(lengths)}, the data set has "
            f"{', '.join(spec.inputs)}"
        )
    inputs, means, machines = {}, [], []
    for name, field in spec.inputs.items():
        ids = inputs[name] = keras.Input(field.open_shape, dtype=field.dtype, name=name)
        embedded = layers.Embedding(
            field.size, embedding_width, keras.initializers.RandomUniform(-0.1, 0.1),
            name=f"{name}_embedding",
        )(WordDropout(word_dropout)(ids))  # fmt: skip
        means.append(MaskedMeanPooling()(embedded, ids))
        machine = NgramSVM(
            spec.outputs, longest=lengths[name], buckets=buckets, penalty=penalty,
            name=f"{name}_ngrams",
        )  # fmt: skip
        machines.append(machine(ids))
    mean = layers.Concatenate()(means) if len(means) > 1 else means[0]
    learned = layers.Dense(spec.outputs, name="mean_logits")(layers.Dropout(dropout)(mean))
    return keras.Model(inputs, Vote(name="vote")([learned, *machines]), name="ngram_classifier")
