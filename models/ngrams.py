"""Counting n-grams and averaging words: what order there is, lies within n-grams.

References: Wang and Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic
Classification", ACL 2012; Iyyer, Manjunatha, Boyd-Graber and Daume, "Deep Unordered Composition
Rivals Syntactic Methods for Text Classification", ACL 2015; Joulin, Grave, Bojanowski and Mikolov,
"Bag of Tricks for Efficient Text Classification", EACL 2017.
"""

import keras
from keras import layers

from models.layers import MaskedMeanPooling, NaiveBayesNgrams, Vote, WordDropout
from pipelines.spec import DataSpec


def ngram_classifier(
    spec: DataSpec,
    *,
    longest: int = 2,
    buckets: int = 2**22,
    learned_buckets: int = 2**18,
    strength: float = 0.1,
    ngram_dropout: float = 0.3,
    embedding_width: int = 64,
    dropout: float = 0.5,
    word_dropout: float = 0.3,
    alone: float = 1.0,
) -> keras.Model:
    """Two ways to count words answer with equal votes: a linear model of the n-grams that are
    there, which begins as naive Bayes on train's counts, and a linear model of the mean embedding.

    Inputs: every field of the spec, (B, T) token ids, each with the two voters of its own. Output:
    (B, outputs) log-probabilities, which are logits. `longest` counts the tokens of the longest
    n-grams. They are looked up in numbered places, so no list of them is kept: `buckets` for what
    was counted, several times as many as train has n-grams, `learned_buckets` for what is learned.
    `strength` is how sure naive Bayes is to begin with: the more n-grams a text has, the less.
    `alone` is the share of train's rows that one voter answers for both, so that each learns to.
    The voters err on different texts: the first remembers rare n-grams, the second finds words
    alike that stand in like texts. Differs from the papers: naive Bayes is where gradient descent
    begins, kept near by stopping early and by `ngram_dropout`; a dropped word becomes the unknown
    one, whose embedding is so trained.
    """
    inputs, voters = {}, []
    for name, field in spec.inputs.items():
        ids = inputs[name] = keras.Input(field.open_shape, dtype=field.dtype, name=name)
        voters.append(
            NaiveBayesNgrams(
                spec.outputs,
                longest=longest,
                buckets=buckets,
                learned_buckets=learned_buckets,
                strength=strength,
                dropout=ngram_dropout,
                name=f"{name}_ngrams",
            )(ids)  # fmt: skip
        )
        embedded = layers.Embedding(
            field.size, embedding_width, keras.initializers.RandomUniform(-0.1, 0.1),
            name=f"{name}_embedding",
        )(WordDropout(word_dropout)(ids))  # fmt: skip
        mean = MaskedMeanPooling()(embedded, ids)
        mean = layers.Dropout(dropout)(mean)
        voters.append(layers.Dense(spec.outputs, name=f"{name}_mean_logits")(mean))
    return keras.Model(inputs, Vote(alone, name="vote")(voters), name="ngram_classifier")
