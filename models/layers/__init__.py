"""Layers that Keras and KerasHub do not have. Importing this package registers all of them."""

from models.layers.application_scaling import ApplicationScaling
from models.layers.attention import CachedAttention, SinePositions
from models.layers.augmentation import RandomAugmentation
from models.layers.causal_conv import CausalConv1D
from models.layers.chrono import ChronoBias
from models.layers.ensembles import BlendWithFixed, LogProbEnsemble
from models.layers.local_response import LocalResponseNormalization
from models.layers.lstm import LSTM
from models.layers.masking import MaskedMaxPooling, MaskedMeanPooling, MaskPadding
from models.layers.ngrams import NgramSVM
from models.layers.patches import ClassToken, LearnedPositions, Patches
from models.layers.recurrent_captioner import RecurrentCaptioner
from models.layers.recurrent_language_model import RecurrentLanguageModel
from models.layers.recurrent_translator import RecurrentTranslator
from models.layers.residual import PaddedShortcut
from models.layers.segrnn import MergeChannels, ParallelDecoderStates, Segments
from models.layers.shared_images import ImageAttention, RepeatRows
from models.layers.standardization import SortQuantiles
from models.layers.symmetries import RandomSymmetry, UndoSymmetry
from models.layers.transformer_blocks import CausalBlock, DecoderBlock, EncoderBlock
from models.layers.transformer_captioner import TransformerCaptioner
from models.layers.transformer_language_model import TransformerLanguageModel
from models.layers.transformer_translator import TransformerTranslator
from models.layers.word_dropout import WordDropout
from models.layers.word_vectors import (
    ContinuousBagOfWords,
    HierarchicalSoftmax,
    OneWordContext,
    SkipGram,
)

__all__ = [
    "ApplicationScaling",
    "BlendWithFixed",
    "CachedAttention",
    "CausalBlock",
    "CausalConv1D",
    "ChronoBias",
    "ClassToken",
    "ContinuousBagOfWords",
    "DecoderBlock",
    "EncoderBlock",
    "HierarchicalSoftmax",
    "ImageAttention",
    "LSTM",
    "LearnedPositions",
    "LocalResponseNormalization",
    "LogProbEnsemble",
    "MaskPadding",
    "MaskedMaxPooling",
    "MaskedMeanPooling",
    "MergeChannels",
    "NgramSVM",
    "OneWordContext",
    "PaddedShortcut",
    "ParallelDecoderStates",
    "Patches",
    "RandomAugmentation",
    "RandomSymmetry",
    "RecurrentCaptioner",
    "RecurrentLanguageModel",
    "RecurrentTranslator",
    "RepeatRows",
    "Segments",
    "SinePositions",
    "SkipGram",
    "SortQuantiles",
    "TransformerCaptioner",
    "TransformerLanguageModel",
    "TransformerTranslator",
    "UndoSymmetry",
    "WordDropout",
]
