"""Layers that Keras and KerasHub do not have."""

from models.layers.dropout import WordDropout
from models.layers.masking import MaskedMaxPooling, MaskPadding

__all__ = ["MaskPadding", "MaskedMaxPooling", "WordDropout"]
