"""The decoder of every kind of language model: what is sampled from in `evaluate`, and served."""

from typing import TYPE_CHECKING

import keras

from models.layers.language_model_scores import LAYER
from pipelines.tasks.language_modeling.mixture_graph import MixtureGraph
from pipelines.tasks.language_modeling.ngram_decoder import NgramDecoder
from pipelines.tasks.language_modeling.ngram_graph import NgramGraph
from pipelines.tasks.language_modeling.recurrent_graph import RecurrentGraph
from pipelines.tasks.language_modeling.transformer_graph import TransformerGraph

if TYPE_CHECKING:
    from pipelines.tasks.language_modeling.served_model import ServedDecoder


def of_network(model: keras.Model) -> "ServedDecoder":
    """A recurrent network carries its state, a Transformer has a context."""
    has_context = hasattr(model.get_layer(LAYER), "context")
    return TransformerGraph(model) if has_context else RecurrentGraph(model)


def of_estimator(estimator) -> "ServedDecoder":
    """An n-gram model, or the mixture of one with a network."""
    if not hasattr(estimator, "network"):
        return NgramDecoder(NgramGraph(estimator.model))
    counts = NgramDecoder(NgramGraph(estimator.counts))
    return MixtureGraph(of_network(estimator.network), counts, estimator.weight)
