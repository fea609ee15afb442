"""The served graph of word vectors that were counted."""

from pathlib import Path

from pipelines.spec import DataSpec
from pipelines.tasks.word_embedding.word_graph import endpoints_of


def estimator_endpoints(estimator, spec: DataSpec, assets: Path):
    """(module to save, {signature name: function})."""
    return endpoints_of(estimator.vectors, assets)
