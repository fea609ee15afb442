"""Bag of n-grams and mean of embeddings: word order is seen only inside n-grams.

References: Wang and Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic
Classification", ACL 2012, https://aclanthology.org/P12-2018; Iyyer, Manjunatha, Boyd-Graber and
Daume, "Deep Unordered Composition Rivals Syntactic Methods for Text Classification", ACL 2015,
https://aclanthology.org/P15-1162.
"""

from collections.abc import Mapping

import keras
from keras import layers

from models.layers import LogProbEnsemble, MaskedMeanPooling, NgramSVM
from models.layers.text_inputs import concatenate_fields, embed_tokens
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec


def ngram_classifier(
    spec: DataSpec,
    *,
    max_ngram: int | Mapping[str, int] = 2,
    buckets: int = 2**22,
    penalty: float = 0.03,
    embedding_dim: int = 64,
    dropout: float = 0.5,
    word_dropout: float = 0.3,
) -> keras.Model:
    """Ensemble of NB-SVM on n-grams (Wang and Manning 2012) and a deep averaging network.

    NB-SVM is a linear SVM on the indicators f of the n-grams in a text, each multiplied by its
    log-count ratio between the classes,

        r = log((p / |p|) / (q / |q|)),    p, q = smoothed n-gram counts of the two classes.

    It is fitted before training and then frozen. The second member averages the embeddings of the
    tokens and classifies the mean with a linear layer (Iyyer et al. 2015, without hidden layers);
    it is trained. The output is the mean of their log-probabilities. The members make different
    errors: an SVM can weigh rare n-grams, embeddings are similar for words that occur in similar
    contexts.

    Inputs: every field of the spec, (B, T) token ids, each with an SVM and a mean of its own.
    Output: (B, outputs) log-probabilities, which are logits.

    Differs from the papers: the ensemble; n-grams are hashed, so no vocabulary of them is kept;
    a dropped word becomes the unknown token instead of being removed.

    Args:
        spec: of a text classification data set.
        max_ngram: tokens of the longest n-grams, for all fields or as {field: tokens}.
        buckets: hash buckets, that is weights of each SVM; several times as many as train has
            n-grams, so that few n-grams share one.
        penalty: the SVM's C; smaller is more regularisation.
        embedding_dim: D, dimension of a token's vector.
        dropout: rate on the mean embedding.
        word_dropout: probability of a token to be replaced by the unknown token.

    Raises:
        UserError: max_ngram names other fields than the data set has.
    """
    lengths = max_ngram if isinstance(max_ngram, Mapping) else dict.fromkeys(spec.inputs, max_ngram)
    if set(lengths) != set(spec.inputs):
        raise UserError(
            "fields-mismatch",
            f"set for {', '.join(lengths)}; the data set has the fields {', '.join(spec.inputs)}; "
            "give one number, or one for each field",
            key="build.max_ngram", value=dict(lengths),
        )  # fmt: skip
    inputs, pooled, svm_logits = {}, [], []
    for name, field in spec.inputs.items():
        ids, tokens = embed_tokens(name, field, embedding_dim, word_dropout, init_range=0.1)
        inputs[name] = ids  # (B, T)
        pooled.append(MaskedMeanPooling()(tokens, ids))  # (B, T, D) -> (B, D)
        svm = NgramSVM(
            spec.outputs, max_ngram=lengths[name], buckets=buckets, penalty=penalty,
            name=f"{name}_ngrams",
        )  # fmt: skip
        svm_logits.append(svm(ids))  # (B, outputs)
    x = concatenate_fields(pooled)
    logits = layers.Dense(spec.outputs, name="mean_logits")(layers.Dropout(dropout)(x))
    log_probs = LogProbEnsemble(name="ensemble")([logits, *svm_logits])
    return keras.Model(inputs, log_probs, name="ngram_classifier")
