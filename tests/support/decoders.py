"""Decoders whose distributions are known."""

import tensorflow as tf


class Bigrams:
    """Row i of `logits` is for the token that follows token i, whatever the source is."""

    def __init__(self, logits):
        self.logits = tf.constant(logits, tf.float32)

    def start(self, source, length):
        return {"steps": tf.zeros((tf.shape(source)[0], 1))}

    def step(self, ids, index, state):
        return tf.gather(self.logits, ids), {"steps": state["steps"] + 1}
