"""Layers that Keras and KerasHub do not have. Importing this package registers all of them."""

from models.layers.application_scaling import ApplicationScaling
from models.layers.attention import CachedAttention, SinePositions
from models.layers.augmentation import RandomAugmentation
from models.layers.causal_conv import CausalConv1D
from models.layers.ensembles import BlendWithFixed, LogProbEnsemble
from models.layers.masking import MaskedMaxPooling, MaskedMeanPooling, MaskPadding
from models.layers.ngrams import NgramSVM
from models.layers.patches import ClassToken, LearnedPositions, Patches
from models.layers.recurrent_language_model import RecurrentLanguageModel
from models.layers.recurrent_translator import RecurrentTranslator
from models.layers.residual import PaddedShortcut
from models.layers.segrnn import MergeChannels, ParallelDecoderStates, Segments
from models.layers.standardization import SortQuantiles
from models.layers.transformer_blocks import CausalBlock, DecoderBlock, EncoderBlock
from models.layers.transformer_language_model import TransformerLanguageModel
from models.layers.transformer_translator import TransformerTranslator
from models.layers.word_dropout import WordDropout

__all__ = [
    "ApplicationScaling",
    "BlendWithFixed",
    "CachedAttention",
    "CausalBlock",
    "CausalConv1D",
    "ClassToken",
    "DecoderBlock",
    "EncoderBlock",
    "LearnedPositions",
    "LogProbEnsemble",
    "MaskPadding",
    "MaskedMaxPooling",
    "MaskedMeanPooling",
    "MergeChannels",
    "NgramSVM",
    "PaddedShortcut",
    "ParallelDecoderStates",
    "Patches",
    "RandomAugmentation",
    "RecurrentLanguageModel",
    "RecurrentTranslator",
    "Segments",
    "SinePositions",
    "SortQuantiles",
    "TransformerLanguageModel",
    "TransformerTranslator",
    "WordDropout",
]
