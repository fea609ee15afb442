"""Layers that Keras and KerasHub do not have."""

from models.layers.masking import MaskedMaxPooling, MaskPadding

__all__ = ["MaskPadding", "MaskedMaxPooling"]
