"""A language model that counts, served."""

import tensorflow as tf

from pipelines.inference.beam_search import NEG_INF
from pipelines.tasks.language_modeling.ngram_graph import NgramGraph
from pipelines.tasks.language_modeling.recurrent_graph import CONTEXT


class NgramDecoder(tf.Module):
    """A decoder over an n-gram model; its ids are those of the data set, with 0 for BEGIN.

    The state is the ids before the last token, plus one, (B, order - 2), so that 0 is for none. (A
    bigram model needs none; a state of no columns could not be written as JSON.)
    """

    context = CONTEXT

    def __init__(self, graph: NgramGraph):
        super().__init__()
        self.graph = graph
        self.columns = max(graph.order - 2, 1)
        self.state_specs = (tf.TensorSpec((None, self.columns), tf.int32, name="state"),)

    def start(self, ids: tf.RaggedTensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """(state, last token) of prompts, (B, None) int32 ids."""
        longest = self.columns + 1
        nothing = tf.zeros((ids.nrows(), longest), tf.int32)  # comes before BEGIN
        begun = tf.concat([nothing, tf.ones((ids.nrows(), 1), tf.int32), ids + 1], axis=1)
        history = begun[:, -longest:].to_tensor(shape=(None, longest))
        return {"state": history[:, :-1]}, history[:, -1] - 1

    def step(self, ids: tf.Tensor, state: dict[str, tf.Tensor]):
        """(B, V + 1) logits of the next token, and the state one token later."""
        history = tf.concat([state["state"], ids[:, None] + 1], axis=1)
        tokens, begin = tf.cast(history, tf.int64) - 2, tf.constant(self.graph.size, tf.int64)
        tokens = tf.where(tokens == -1, begin, tf.maximum(tokens, -1))
        needed = self.columns + 1 - (self.graph.order - 1)
        probability = self.graph.distribution(tokens[:, needed:])  # (B, V) float64
        padding = tf.fill((tf.shape(ids)[0], 1), NEG_INF)  # JSON has no infinity
        logits = tf.concat([padding, tf.cast(tf.math.log(probability), tf.float32)], axis=1)
        return logits, {"state": history[:, 1:]}

    def nats(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """(B,) sums of -log p over the tokens of (B, None) documents."""
        return tf.reduce_sum(self.token_nats(ids), axis=1)

    def token_nats(self, ids: tf.RaggedTensor) -> tf.RaggedTensor:
        """(B, None) float64, -log p of each token of (B, None) documents."""
        return self.graph.token_nats(tf.cast(ids, tf.int64) - 1)
