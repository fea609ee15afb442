"""Layers that Keras and KerasHub do not have."""

from models.layers.attention import CachedAttention, SinePositions
from models.layers.branches import HalfwayTo, Vote
from models.layers.causal_conv import CausalConv1D
from models.layers.columns import Segments, StatesAhead, Together
from models.layers.dropout import WordDropout
from models.layers.masking import MaskedMaxPooling, MaskedMeanPooling, MaskPadding
from models.layers.ngrams import NgramSVM
from models.layers.patches import ClassToken, LearnedPositions, Patches
from models.layers.pictures import ApplicationScaling, Variation
from models.layers.recurrent_translator import RecurrentTranslator
from models.layers.residual import PaddedShortcut
from models.layers.transformer_blocks import DecoderBlock, EncoderBlock
from models.layers.transformer_translator import TransformerTranslator
from models.layers.windowed import RisingQuantiles

__all__ = [
    "ApplicationScaling",
    "CachedAttention",
    "CausalConv1D",
    "ClassToken",
    "DecoderBlock",
    "EncoderBlock",
    "HalfwayTo",
    "LearnedPositions",
    "MaskPadding",
    "MaskedMaxPooling",
    "MaskedMeanPooling",
    "NgramSVM",
    "PaddedShortcut",
    "Patches",
    "RecurrentTranslator",
    "RisingQuantiles",
    "Segments",
    "SinePositions",
    "StatesAhead",
    "Together",
    "TransformerTranslator",
    "Variation",
    "Vote",
    "WordDropout",
]
