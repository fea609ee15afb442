"""word2vec: vectors of words, learned from the words around them; similar words get similar ones.

The networks have no hidden layer but the vectors. Input: (B, T) ids, a window of text. Output:
(B, T), what predicting at each token costs in nats; the loss is their mean. What is used afterwards
is the matrix of vectors alone.

References: Mikolov, Chen, Corrado and Dean, "Efficient Estimation of Word Representations in Vector
Space", https://arxiv.org/abs/1301.3781; Mikolov et al., "Distributed Representations of Words and
Phrases and their Compositionality", https://arxiv.org/abs/1310.4546; Rong, "word2vec Parameter
Learning Explained", https://arxiv.org/abs/1411.2738.

All differ from the papers in this: Adam on batches of windows instead of gradient descent pair by
pair; each distance counts by its probability instead of windows of random size; and pairs across
the border of two windows of text are lost.
"""

import keras

from models.layers import word_vectors
from pipelines.spec import DataSpec

LAYER = "words"


def one_word_context(spec: DataSpec, *, embedding_dim: int = 100) -> keras.Model:
    """The word before predicts a word: the smallest word2vec, with the full softmax.

        p(w_t | w_(t-1)) = softmax(U v(w_(t-1)))

    A step costs V products, of which negative sampling and the Huffman tree are the cures.

    Reference: Rong, section 1, https://arxiv.org/abs/1411.2738.

    Args:
        spec: of a data set of documents.
        embedding_dim: D, size of a word's vector.
    """
    return _model(spec, word_vectors.OneWordContext(spec.outputs, embedding_dim, 1, name=LAYER))


def skip_gram(
    spec: DataSpec, *, embedding_dim: int = 100, window: int = 5, negatives: int = 5
) -> keras.Model:
    """A word predicts each of the words around it, by negative sampling.

    Reference: Mikolov et al. 2013, https://arxiv.org/abs/1310.4546.

    Args:
        spec: of a data set of documents.
        embedding_dim: D, size of a word's vector.
        window: how many words on either side are its context.
        negatives: k, how much noise words count.
    """
    layer = word_vectors.SkipGram(spec.outputs, embedding_dim, window, negatives, name=LAYER)
    return _model(spec, layer)


def cbow(
    spec: DataSpec, *, embedding_dim: int = 100, window: int = 5, negatives: int = 5
) -> keras.Model:
    """Continuous bag of words: the mean of the words around it predicts a word.

    Reference: Mikolov et al. 2013, https://arxiv.org/abs/1301.3781; negative sampling as in
    https://arxiv.org/abs/1310.4546.

    Args:
        spec: of a data set of documents.
        embedding_dim: D, size of a word's vector.
        window: how many words on either side are its context.
        negatives: k, how much noise words count.
    """
    layer = word_vectors.ContinuousBagOfWords(
        spec.outputs, embedding_dim, window, negatives, name=LAYER
    )
    return _model(spec, layer)


def cbow_huffman(spec: DataSpec, *, embedding_dim: int = 100, window: int = 5) -> keras.Model:
    """Continuous bag of words with the hierarchical softmax over a Huffman tree.

    Reference: Mikolov et al. 2013, https://arxiv.org/abs/1301.3781.

    Args:
        spec: of a data set of documents.
        embedding_dim: D, size of a word's vector.
        window: how many words on either side are its context.
    """
    layer = word_vectors.HierarchicalSoftmax(
        spec.outputs, embedding_dim, window, spec.task_metadata["tokens"]["train"], name=LAYER
    )
    return _model(spec, layer)


def _model(spec: DataSpec, layer) -> keras.Model:
    (name,) = spec.inputs
    ids = keras.Input((None,), dtype="int32", name=name)
    return keras.Model({name: ids}, layer(ids), name="word_embedding")
