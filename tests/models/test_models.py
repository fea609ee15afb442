"""Every builder passes the same checks and has the number of parameters computed by hand."""

import importlib
import inspect
from functools import partial
from itertools import pairwise

import keras
import numpy as np
import pytest

import models
from models.googlenet import STAGES as GOOGLENET_STAGES
from pipelines.config import signatures
from pipelines.config.errors import UserError
from pipelines.preparation import labelled_masks
from pipelines.tasks.captioning.example import example_spec as captions_spec
from pipelines.tasks.forecasting.example import example_spec as series_spec
from pipelines.tasks.sequence_memory.example import class_spec
from pipelines.tasks.signal_classification.example import example_spec as signal_spec
from pipelines.tasks.video_classification.example import example_spec as movies_spec
from pipelines.tasks.visual_question_answering.example import example_spec as questions_spec
from tests.support.model_checks import (
    Case,
    check_half_precision,
    check_interface,
    check_overfits,
    check_padding,
    check_padding_alone,
    check_padding_embedding,
    check_randomness,
    check_round_trips,
    check_step,
    image_spec,
    pairs_spec,
    text_spec,
)
from tests.support.sizes import one_of_each

text = partial(Case, "text_classification")
images = partial(Case, "image_classification")
series = partial(Case, "forecasting")
pairs = partial(Case, "translation")
memory = partial(Case, "sequence_memory")
masks = partial(Case, "segmentation")
signals = partial(Case, "signal_classification")
questions = partial(Case, "visual_question_answering")
codes = partial(Case, "image_reconstruction")
movies = partial(Case, "video_classification")
captions = partial(Case, "captioning")

WORDS = text_spec(words=(5, 12))
BOTH = text_spec(words=(5, 12), characters=(6, 9))
CNN = {
    "embedding_dim": 4,
    "filters": 5,
    "kernel_sizes": (1, 2),
    "dropout": 0.3,
    "word_dropout": 0.2,
}
LSTM = {"embedding_dim": 4, "units": 3, "dropout": 0.3, "word_dropout": 0.2}
NGRAMS = {"buckets": 97, "embedding_dim": 4, "dropout": 0.3, "word_dropout": 0.2}
ATTENTION = {"hidden_dim": 4, "num_heads": 2, "depth": 1, "mlp_dim": 6, "dropout": 0.2,
             "word_dropout": 0.2}  # fmt: skip
# Two norms 2*8; queries, keys, values, output 4*(4*4+4); feed-forward 4*6+6 + 6*4+4; a norm 8.
BLOCK = 16 + 80 + 58 + 8

# Without its pooler: embeddings of ids, positions and segments, a norm; a block of attention,
# feed-forward network and two norms as above; logits.
ENCODER_KWARGS = {"num_layers": 1, "num_heads": 2, "hidden_dim": 4, "intermediate_dim": 6,
                  "max_sequence_length": 14, "dropout": 0.0}  # fmt: skip
BERT = {"weights": "random", "backbone_kwargs": ENCODER_KWARGS}
BERT_SIZE = (12 + 14 + 2) * 4 + 8 + 80 + 58 + 16 + 15

IMAGE = image_spec(8, 8, 1, 3)
# (5*5*1+1)*6 and (5*5*6+1)*16 and (5*5*16+1)*120 in convolutions; 121*84.
LENET = 156 + 2416 + 48_120 + 10_164
RESNET = {"depth": 8, "filters": 4}
# Convolutions 3*3*in*out, each with 4*out of normalisation: 1 to 4; 4 to 4 twice; 4 to 8, 8 to 8;
# 8 to 16, 16 to 16. Logits 16*3+3.
RESNET8 = 52 + 2 * 160 + 320 + 608 + 1216 + 2368 + 51
VIT = {"hidden_dim": 4, "num_heads": 2, "depth": 1, "dropout": 0.2}
MOBILE = {"backbone": "MobileNet", "weights": "random"}

ONE = series_spec(history=6, horizon=2)
TWO = series_spec(history=6, horizon=3, columns=2, quantiles=(0.1, 0.5, 0.9))
SEGMENTS = {"units": 8, "segment_steps": 3, "dropout": 0.2}
# A linear map can memorise 8 windows of 2 columns if it has 16 weights or more.
LONG_ONE = series_spec(history=24, horizon=2)
LONG_TWO = series_spec(history=24, horizon=3, columns=2, quantiles=(0.1, 0.5, 0.9))
TCN = {"filters": 8, "kernel_size": 2, "dilations": (1, 2), "dropout": 0.2}

SIX_STEPS = class_spec(steps=6, classes=3)
PAIRS = pairs_spec(5, 12)
RECURRENT = {"embedding_dim": 8, "units": 8, "dropout": 0.2}
# Encoder, twice, and decoder: three gates of 8*(8+8+2), or four of 8*(8+8+1).
GRUS, LSTMS = 3 * 3 * 144, 3 * 4 * 136
TRANSFORMER = {"hidden_dim": 8, "num_heads": 2, "depth": 1, "mlp_dim": 12, "dropout": 0.2}
# Two norms 2*16; queries, keys, values, output 4*(8*8+8); feed-forward 8*12+12 + 12*8+8.
ENCODER = 32 + 288 + 212

QUESTIONS = questions_spec(side=8, max_tokens=5, words=12)
ANSWERER = {"filters": (3, 4), "hidden_dim": 4, "num_heads": 2, "dropout": 0.2}
# Convolutions 3*3*3*3 and 3*3*3*4, norms of two a channel; embedding 12*4; logits 4*3+3.
ASKED = 87 + 116 + 48 + 15
MOVIES = movies_spec(frames=4, height=8, width=8, channels=1, classes=3)
FRAMES = {"filters": (3, 4), "frame_units": 6, "units": 5}
MASKS = labelled_masks.data_spec(("a", "b", "c"), 8, 1)
SENSORS = signal_spec()
SOUND = signal_spec(400, rate_hz=800.0, is_sound=True)
SECOND = signal_spec(8000, rate_hz=8000.0, is_sound=True)


def unet_size(channels: int, filters: int, depth: int, classes: int, normalization: bool) -> int:
    """Parameters of a U-Net: 3 * 3 convolutions with a bias, or 4 of normalisation for each filter;
    2 * 2 transposed ones with a bias; 1 * 1 to the classes."""

    def level(inputs: int, outputs: int) -> int:
        return 9 * outputs * (inputs + outputs) + 2 * outputs * (4 if normalization else 1)

    sizes = [filters * 2**number for number in range(depth + 1)]
    down = level(channels, filters) + sum(level(a, b) for a, b in pairwise(sizes))
    up = sum(4 * b * a + a + level(2 * a, a) for a, b in pairwise(sizes))
    return down + up + classes * (filters + 1)


def alexnet_size(channels: int, filters, units: int, flat: int, classes: int) -> int:
    """Parameters of AlexNet with filters of 3 * 3, 5 * 5 and three times 3 * 3; `flat` features
    before the dense layers."""
    convolutions = zip((9, 25, 9, 9, 9), pairwise((channels, *filters)), strict=True)
    dense = pairwise((flat, units, units, classes))
    return sum((area * a + 1) * b for area, (a, b) in convolutions) + sum(
        (a + 1) * b for a, b in dense
    )


def googlenet_size(first: int, width: float, blocks, classes: int) -> int:
    """Parameters of blocks of the paper's table 1, with a convolution of `first` before them."""
    total, channels = first, round(64 * width)
    stages = zip(blocks, GOOGLENET_STAGES, strict=False)
    for block in (block for count, stage in stages for block in stage[:count]):
        one, reduce3, three, reduce5, five, pool = (max(1, round(size * width)) for size in block)
        total += (channels + 1) * (one + reduce3 + reduce5 + pool)
        total += (9 * reduce3 + 1) * three + (25 * reduce5 + 1) * five
        channels = one + three + five + pool
    return total + (channels + 1) * classes


def vit_size(pixels: int, patches: int, dim: int, depth: int, classes: int) -> int:
    """Parameters of a Vision Transformer with a class token and mlp_dim = 4 dim.

    A block: queries, keys, values and output, a feed-forward network, all with biases, and two
    norms. The rest: patch embedding, class token, positions of it and all patches, the last norm,
    the logits.
    """
    block = 4 * dim * (dim + 1) + (8 * dim + 5) * dim + 4 * dim
    rest = (pixels + 1) * dim + dim + (patches + 1) * dim + 2 * dim
    return depth * block + rest + classes * (dim + 1)


def mobilenet_size(first: int) -> int:
    """Parameters of MobileNet (Howard et al. 2017) without its head.

    A convolution of RGB to `first` channels, then 13 depthwise separable convolutions; batch
    normalisation, 4 a channel, after each convolution.
    """
    channels = [first * factor for factor in (1, 2, 4, 4, 8, 8, *[16] * 6, 32, 32)]
    separable = sum(9 * c + 4 * c + c * d + 4 * d for c, d in pairwise(channels))
    return 27 * first + 4 * first + separable


CAPTIONS = captions_spec()
CAPTIONER = {"filters": (3,), "hidden_dim": 4, "dropout": 0.2}
CELLS = 93 + 16 + 64 + 8
CASES = [
    # Embedding 12*4; convolutions 1*4*5+5 and 2*4*5+5; logits (5+5)*3+3.
    text("text_cnn", "text_cnn", WORDS, 48 + 25 + 45 + 33, CNN),
    # Also 9*4 and the same convolutions; logits 20*3+3.
    text("text_cnn", "text_cnn", BOTH, 48 + 36 + 2 * (25 + 45) + 63, CNN),
    # Embedding 12*4; two directions of four gates with 3*(4+3)+3; logits 6*3+3.
    text("recurrent", "bilstm_classifier", WORDS, 48 + 2 * 4 * 24 + 21, LSTM),
    # Also 9*4 and the same LSTMs; logits 12*3+3.
    text("recurrent", "bilstm_classifier", BOTH, 48 + 36 + 2 * 192 + 39, LSTM),
    # 97 weights and a bias for each of 3 classes; embedding 12*4; logits 4*3+3.
    text("ngrams", "ngram_classifier", WORDS, 98 * 3 + 48 + 15, NGRAMS),
    # Two SVMs, also 9*4; logits 8*3+3.
    text("ngrams", "ngram_classifier", BOTH, 2 * 98 * 3 + 48 + 36 + 27, NGRAMS),
    # Embeddings as above, the block; logits 4*3+3 and 8*3+3.
    text("transformer_classifier", "transformer_classifier", WORDS, 48 + BLOCK + 15,
         {**ATTENTION, "pooling": "mean"}),
    text("transformer_classifier", "transformer_classifier", BOTH, 84 + 2 * BLOCK + 27, ATTENTION),
    # After the sum, so there is no last norm of 2*4.
    text("transformer_classifier", "transformer_classifier", WORDS, 48 + BLOCK - 8 + 15,
         {**ATTENTION, "norm_first": False}),
    # Images of every size are brought to 32 x 32; logits 84*3+3.
    text("pretrained_text", "pretrained_text", WORDS, BERT_SIZE, {**BERT, "dropout": 0.2}),
    text("pretrained_text", "pretrained_text", WORDS, BERT_SIZE,
         {**BERT, "dropout": 0.2, "pooling": "cls"}),
    images("lenet", "lenet5", IMAGE, LENET + 255),
    images("lenet", "lenet5", IMAGE, LENET + 255, {"fit_input": "resize", "pooling": "max"}),
    images("lenet", "lenet5", IMAGE, LENET + 255, {"activation": "sigmoid"}),
    # Pixels 64*6+6, 6*5+5; logits 5*3+3.
    images("mlp", "mlp", IMAGE, 390 + 35 + 18, {"units": (6, 5), "dropout": 0.2}),
    # Convolutions 3*3*3+3 and 3*3*3*4+4; 2*2*4 features to 6, 16*6+6; logits 6*3+3.
    images("small_cnn", "small_cnn", IMAGE, 30 + 112 + 102 + 21,
             {"filters": (3, 4), "units": 6}),
    # Without the hidden layer, logits 16*3+3.
    images("small_cnn", "small_cnn", IMAGE, 30 + 112 + 51,
             {"filters": (3, 4), "units": None, "dropout": 0.0}),
    images("alexnet", "alexnet", IMAGE, alexnet_size(1, (4, 6, 6, 6, 8), 7, 8, 3),
             {"filters": (4, 6, 6, 6, 8), "units": 7}),
    # With groups, the second, fourth and fifth convolution have half the weights.
    images("alexnet", "alexnet", image_spec(17, 17, 1, 3),
             alexnet_size(1, (4, 6, 6, 6, 8), 7, 8, 3) - 25 * 2 * 6 - 9 * 3 * 6 - 9 * 3 * 8,
             {"filters": (4, 6, 6, 6, 8), "units": 7, "groups": 2, "padding": "valid"}),
    # A convolution 3*3*1*6+6 before the blocks.
    images("googlenet", "googlenet", IMAGE, googlenet_size(60, 0.1, (1, 1), 3),
           {"width": 0.1, "blocks": (1, 1)}),
    # Convolutions 3*3*1*3, 3*3*3*4 and 3*3*4*4, each with 4*out of normalisation; logits 4*3+3.
    images("vgg", "vgg", IMAGE, 39 + 124 + 160 + 15,
             {"filters": (3, 4), "convolutions": (1, 2), "dropout": 0.2}),
    images("resnet", "resnet", IMAGE, RESNET8, RESNET),
    # Also 1*1 convolutions, 4 to 8 and 8 to 16, with their normalisation.
    images("resnet", "resnet", IMAGE, RESNET8 + 64 + 192, {**RESNET, "shortcut": "projection"}),
    # 1 to 4; 4 to 4 twice; 4 to 8, 8 to 8 and a projection 4 to 8; logits 8*3+3.
    images("resnet", "imagenet_resnet", IMAGE, 52 + 2 * 160 + 320 + 608 + 64 + 27,
             {"blocks": (1, 1), "filters": 4}),
    # The first convolution is 7*7*1*4.
    images("resnet", "imagenet_resnet", IMAGE, 212 + 2 * 160 + 320 + 608 + 64 + 27,
             {"blocks": (1, 1), "filters": 4, "stem": "7x7"}),
    images("vit", "vit", IMAGE, vit_size(16, 4, 4, 1, 3), {**VIT, "patch_size": 4}),
    # A hidden layer 4*5+5 in the head, logits 5*3+3 instead of 4*3+3, and no last norm 2*4.
    images("vit", "vit", IMAGE, vit_size(16, 4, 4, 1, 3) + 25 + 3 - 8,
             {**VIT, "patch_size": 4, "head_units": 5, "norm_first": False}),
    # Without the class token and its position.
    images("vit", "vit", IMAGE, vit_size(4, 16, 4, 1, 3) - 2 * 4,
             {**VIT, "patch_size": 2, "pooling": "mean", "patchify": "convolution"}),
    # Convolutions 3*3*1*3 and 3*3*3*5, with 4*out of normalisation; 2 * 2 tokens.
    images("vit", "vit", IMAGE, vit_size(5, 4, 4, 1, 3) + 27 + 12 + 135 + 20,
             {**VIT, "patch_size": 1, "stem": (3, 5)}),
    # A quarter of 32 channels to begin with, so of 1024 in the end; logits 256*3+3.
    images("transfer", "transfer", IMAGE, mobilenet_size(8) + 771,
             {**MOBILE, "backbone_kwargs": {"alpha": 0.25}, "size": 32}),
    masks("unet", "unet", MASKS, unet_size(1, 4, 1, 3, True), {"filters": 4, "depth": 1}),
    # Convolutions 3*2*4 and 3*4*6, each with 4*out of normalisation; logits 6*3+3.
    signals("signal_networks", "signal_cnn", SENSORS, 24 + 16 + 72 + 24 + 21,
            {"filters": (4, 6), "kernel_size": 3}),
    # Patches 8*2*4+4; the block, with the last norm; logits 4*3+3.
    signals("signal_networks", "signal_transformer", SENSORS, 68 + BLOCK + 15,
            {"hidden_dim": 4, "num_heads": 2, "depth": 1, "mlp_dim": 6}),
    # 17 frequencies to 8 bands; a convolution 3*3*1*4, with normalisation; logits 4*4*3+3.
    signals("spectrogram_networks", "log_mel_cnn", SOUND, 136 + 36 + 16 + 51, {"filters": (4,)}),
    # Also 3*3*4*4; two directions of three gates, 3*(2*4+3+2), as of a GRU; logits 6*3+3.
    signals("spectrogram_networks", "log_mel_crnn", SOUND, 136 + 52 + 160 + 2 * 3 * 39 + 21,
            {"filters": (4, 4), "units": 3}),
    # Two directions of three gates, 2*(4+2+2); 2 * 2 cells 4*4+4, their positions; queries, keys,
    # values, output 4*(4*4+4); a norm; hidden 8*4+4.
    # Convolutions 3*3*3+3 and 3*3*3*4+4; 2*2*4 numbers a frame to 6, 16*6+6. GRU, three gates of
    # 5*(6+5+2); logits 5*3+3, or of the mean 6*3+3.
    movies("video_networks", "frame_cnn_gru", MOVIES, 30 + 112 + 102 + 195 + 18, FRAMES),
    movies("video_networks", "frame_cnn_gru", MOVIES, 30 + 112 + 102 + 21,
           {**FRAMES, "pooling": "mean"}),
    questions("visual_questions", "visual_question_answerer", QUESTIONS,
              ASKED + 96 + 20 + 16 + 80 + 8 + 36, ANSWERER),
    questions("visual_questions", "visual_question_answerer", QUESTIONS,
              ASKED + 20 + 16 + 80 + 8 + 36, {**ANSWERER, "question_encoder": "bag_of_words"}),
    # All cells to a vector 16*4+4, the question's 4*4+4; hidden 8*4+4.
    questions("visual_questions", "visual_question_answerer", QUESTIONS, ASKED + 96 + 68 + 20 + 36,
              {**ANSWERER, "fusion": "product"}),
    questions("visual_questions", "visual_question_answerer", QUESTIONS, ASKED + 96 + 68 + 36,
              {**ANSWERER, "fusion": "concatenation"}),
    # 3*3*3*3, four numbers a filter; 4 * 4 cells 3*4+4, their positions, a norm. Embedding 12*4;
    # first state 4*3+3; keys 4*4, query 3*4+4, gate 3+1; three gates of 3*(8+3+2); to the embedding
    # 11*4+4, a norm.
    captions("captioning", "attention_captioner", CAPTIONS,
             CELLS + 48 + 15 + 16 + 16 + 4 + 117 + 48 + 8,
             {**CAPTIONER, "embedding_dim": 4, "units": 3}),
    # As above with cells of 8: 3*8+8, positions, norm. Embedding 12*8; three norms, two attentions
    # of 4*(8*8+8), 8*16+16 and 16*8+8; a norm.
    captions("captioning", "transformer_captioner", CAPTIONS,
             93 + 32 + 128 + 16 + 96 + 48 + 576 + 280 + 16,
             {**CAPTIONER, "hidden_dim": 8, "num_heads": 2, "depth": 1, "mlp_dim": 16}),
    # 24 weights and a bias for each of 2 steps; of 3 steps' 3 quantiles, whatever the columns.
    series("linear", "linear_forecaster", LONG_ONE, 25 * 2),
    series("linear", "linear_forecaster", LONG_TWO, 25 * 9),
    # 8*(1+8+1); outputs 8*2+2.
    series("recurrent_forecasters", "elman_forecaster", ONE, 80 + 18, {"units": 8}),
    # Three gates of 8*(2+8+2), a bias before and one after the recurrent matrix; outputs 8*18+18.
    series("recurrent_forecasters", "gru_forecaster", TWO, 3 * 96 + 162, {"units": 8}),
    # Two directions of four gates; 8*(2+8+1), and 8*(16+8+1) above; outputs 16*18+18.
    series("recurrent_forecasters", "lstm_forecaster", TWO, 2 * 4 * (88 + 200) + 306,
           {"units": 8, "depth": 2, "bidirectional": True}),
    # Kernel, gain and bias, 2*in*8 + 8 + 8, of 1 column, then three times of 8; skip 1*8+8.
    series("tcn", "tcn_forecaster", ONE, 32 + 3 * 144 + 16 + 18, TCN),
    series("tcn", "tcn_forecaster", TWO, 48 + 3 * 144 + 24 + 162, TCN),
    # Ridge 6*2+2 a column; segments 3*8+8; three gates of 8*(8+8+2), and again in the decoder, with
    # 4 for each segment ahead and each column; outputs of 3 steps 8*3+3, for 3 quantiles 8*9+9.
    series("segment_gru", "ridge_gru_forecaster", ONE, 14 + 32 + 432 + 440 + 27, SEGMENTS),
    series("segment_gru", "ridge_gru_forecaster", TWO, 42 + 32 + 432 + 444 + 81, SEGMENTS),
    # One, three and four gates, of 8*(1+8+1), or 8*(1+8+2) with two biases; outputs 8*3+3.
    memory("recurrent_sequence_models", "elman_sequence_model", SIX_STEPS, 80 + 27, {"units": 8}),
    memory("recurrent_sequence_models", "elman_sequence_model", SIX_STEPS, 80 + 27,
           {"units": 8, "activation": "relu", "recurrent_initializer": "identity"}),
    memory("recurrent_sequence_models", "gru_sequence_model", SIX_STEPS, 3 * 88 + 27,
           {"units": 8, "chrono": True}),
    memory("recurrent_sequence_models", "lstm_sequence_model", SIX_STEPS, 4 * 80 + 27,
           {"units": 8}),
    # As the forecaster's blocks; outputs 8*3+3. Batch normalisation has four numbers a filter, and
    # takes the place of the bias.
    memory("tcn", "tcn_sequence_model", SIX_STEPS, 32 + 3 * 144 + 16 + 27, TCN),
    memory("tcn", "tcn_sequence_model", SIX_STEPS, 48 + 3 * 160 + 16 + 27,
           {**TCN, "norm": "batch"}),
    # Embedding 12*8; bridges 16*8+8 for the two states of an LSTM; to the embedding 8*8+8, and its
    # norm 2*8.
    pairs("seq2seq", "seq2seq", PAIRS, 96 + LSTMS + 2 * 136 + 88, {**RECURRENT, "cell": "lstm"}),
    # One state and bridge; the memory's projection 16*8; to the embedding 16*8+8, and its norm.
    pairs("seq2seq", "seq2seq_attention", PAIRS, 96 + GRUS + 136 + 128 + 152, RECURRENT),
    # Embedding 12*8; the decoder's block has a second attention and norm; a last norm either side.
    pairs("transformer", "transformer", PAIRS, 96 + 2 * ENCODER + 288 + 16 + 2 * 16, TRANSFORMER),
    # No last norms.
    pairs("transformer", "transformer", PAIRS, 96 + 2 * ENCODER + 288 + 16,
          {**TRANSFORMER, "norm_first": False}),
    # Pixels 64*12+12, code 12*8+8, 8*12+12, 12*64+64.
    codes("image_autoencoders", "dense_autoencoder", IMAGE, 780 + 104 + 108 + 832,
          {"code_dim": 8, "units": (12,)}),
    # 3*3*1*8+8, 3*3*8*16+16; code of 2*2*16 features, 64*8+8, 8*64+64; 3*3*16*16+16, 3*3*16*8+8;
    # 3*3*8+1.
    codes("image_autoencoders", "conv_autoencoder", IMAGE,
          80 + 1168 + 520 + 576 + 2320 + 1160 + 73, {"code_dim": 8, "filters": (8, 16)}),
]  # fmt: skip
# With the default arguments. Only `transfer` has no default for what it starts from.
DEFAULTS = [
    # 12*64; w*64*64+64 for w = 2, 3, 4; 192*3+3.
    text("text_cnn", "text_cnn", WORDS, 768 + 9 * 4096 + 192 + 579),
    # 12*64; 2*4*(64*(64+64)+64); 128*3+3.
    text("recurrent", "bilstm_classifier", WORDS, 768 + 8 * (8192 + 64) + 387),
    # (2^22 + 1)*3; 12*64; 64*3+3.
    text("ngrams", "ngram_classifier", WORDS, 3 * (2**22 + 1) + 768 + 195),
    # 12*64; twice 4*64 + 4*(64*64+64) + 64*128+128 + 128*64+64; 2*64; 64*3+3.
    text("transformer_classifier", "transformer_classifier", WORDS,
         768 + 2 * (256 + 16640 + 16576) + 128 + 195),
    text("pretrained_text", "pretrained_text", WORDS, BERT_SIZE, BERT),
    images("lenet", "lenet5", IMAGE, LENET + 255),
    # 64*128+128; 128*3+3.
    images("mlp", "mlp", IMAGE, 8320 + 387),
    images("alexnet", "alexnet", IMAGE, alexnet_size(1, (24, 64, 96, 96, 64), 256, 64, 3)),
    images("googlenet", "googlenet", IMAGE, googlenet_size(160, 0.25, (2, 2), 3)),
    # 3*3*10+10; 3*3*10*20+20; 2*2*20*64+64; 64*3+3.
    images("small_cnn", "small_cnn", IMAGE, 100 + 1820 + 5184 + 195),
    # 1 to 32, 32 to 32, 32 to 64, 64 to 64; 64*3+3.
    images("vgg", "vgg", IMAGE, 416 + 9344 + 18_688 + 37_120 + 195),
    # 1 to 16; six times 16 to 16; 16 to 32, five times 32 to 32; 32 to 64, five times 64 to 64;
    # 64*3+3.
    images("resnet", "resnet", IMAGE,
             208 + 6 * 2368 + 4736 + 5 * 9344 + 18_688 + 5 * 37_120 + 195),
    # 1 to 16; four times 16 to 16; then 32, 64 and 128 filters: half to all, three times all to
    # all, and a projection; 128*3+3.
    images("resnet", "imagenet_resnet", IMAGE, 208 + 4 * 2368 + 387 + sum(
        9 * n * n // 2 + 27 * n * n + n * n // 2 + 5 * 4 * n for n in (32, 64, 128))),
    images("vit", "vit", IMAGE, vit_size(16, 4, 64, 4, 3)),
    # 1024*3+3.
    images("transfer", "transfer", image_spec(32, 32, 3, 3), mobilenet_size(32) + 3075, MOBILE),
    masks("unet", "unet", MASKS, unet_size(1, 16, 3, 3, True)),
    # 7*2*32, 7*32*64 and 7*64*128, with normalisation; logits 128*3+3.
    signals("signal_networks", "signal_cnn", SENSORS, 448 + 14_336 + 57_344 + 4 * 224 + 387),
    # Patches 8*2*64+64; twice 4*64 + 4*(64*64+64) + 64*128+128 + 128*64+64; 2*64; 64*3+3.
    signals("signal_networks", "signal_transformer", SENSORS,
            1088 + 2 * (256 + 16_640 + 16_576) + 128 + 195),
    # 129 frequencies to 40 bands; 1 to 16 to 32 to 64 to 64, with normalisation; of 2 bands logits
    # 128*3+3.
    signals("spectrogram_networks", "log_mel_cnn", SECOND,
            5160 + 9 * (16 + 512 + 2048 + 4096) + 4 * 176 + 387),
    # 1 to 16 to 32 to 48; 5 bands of 48 to twice three gates of 40*(240+40+2); logits 80*3+3.
    signals("spectrogram_networks", "log_mel_crnn", SECOND,
            5160 + 9 * (16 + 512 + 1536) + 4 * 96 + 6 * 11_280 + 243),
    # 3 to 16, 16 to 32, 32 to 64; 12*64; two directions of three gates,
    # 32*(64+32+2); a cell 64*64+64, its position; 4*(64*64+64); a norm 2*64; 128*64+64; 64*3+3.
    questions("visual_questions", "visual_question_answerer", QUESTIONS,
              464 + 4672 + 18_560 + 768 + 18_816 + 4160 + 64 + 16_640 + 128 + 8256 + 195),
    # 3 to 24, 24 to 48, 48 to 64, with normalisation; a cell 64*64+64, its position and norm.
    # Embedding 12*64; first state 64*96+96; 64*64, 96*64+64, 96+1; three gates of 96*(128+96+2);
    # 224*64+64, a norm.
    captions("captioning", "attention_captioner", CAPTIONS,
             648 + 10_368 + 27_648 + 4 * 136 + 4160 + 192
             + 768 + 6240 + 4096 + 6208 + 97 + 65_088 + 14_400 + 128),
    # Two blocks of three norms 2*64, two attentions 4*(64*64+64), 64*128+128 and 128*64+64; a norm.
    captions("captioning", "transformer_captioner", CAPTIONS,
             648 + 10_368 + 27_648 + 4 * 136 + 4160 + 192
             + 768 + 2 * (384 + 33_280 + 16_576) + 128),
    series("linear", "linear_forecaster", ONE, 7 * 2),
    # One, three and four gates: 32*(1+32+1), with two biases 32*(1+32+2); outputs 32*2+2.
    series("recurrent_forecasters", "elman_forecaster", ONE, 1088 + 66),
    series("recurrent_forecasters", "gru_forecaster", ONE, 3 * 1120 + 66),
    series("recurrent_forecasters", "lstm_forecaster", ONE, 4 * 1088 + 66),
    # Dilations 1 and 2 see 6 steps: 3*1*32+64, three times 3*32*32+64; 1*32+32; 32*2+2.
    series("tcn", "tcn_forecaster", ONE, 160 + 3 * 3136 + 64 + 66),
    # 64*(1+64+1), three gates of 64*(1+64+2), four of 64*(1+64+1); outputs 64*3+3.
    memory("recurrent_sequence_models", "elman_sequence_model", SIX_STEPS, 4224 + 195),
    memory("recurrent_sequence_models", "gru_sequence_model", SIX_STEPS, 3 * 4288 + 195),
    memory("recurrent_sequence_models", "lstm_sequence_model", SIX_STEPS, 4 * 4224 + 195),
    # One block sees 13 steps: 7*1*32+64, 7*32*32+64; 1*32+32; outputs 32*3+3.
    memory("tcn", "tcn_sequence_model", SIX_STEPS, 288 + 7232 + 64 + 99),
    # Ridge 24*2+2; segments 24*128+128; three gates of 128*(128+128+2), and again in the decoder,
    # with 64 for one segment ahead and one column; outputs 128*24+24.
    series("segment_gru", "ridge_gru_forecaster", LONG_ONE, 50 + 3200 + 99_072 + 99_200 + 3096),
    # 12*96; three times three gates of 128*(96+128+2); 256*128+128; 128*96+96, 2*96.
    pairs("seq2seq", "seq2seq", PAIRS, 1152 + 9 * 28_928 + 32_896 + 12_576),
    # Also 256*128, and 256*96+96.
    pairs("seq2seq", "seq2seq_attention", PAIRS,
          1152 + 9 * 28_928 + 32_896 + 32_768 + 24_864),
    # 12*128; twice two blocks of 4*128 + 4*(128*128+128) + 128*512+512 + 512*128+128 and another
    # 4*(128*128+128) + 2*128; 2*2*128.
    pairs("transformer", "transformer", PAIRS,
          1536 + 2 * (2 * (512 + 66_048 + 131_712) + 66_048 + 256) + 512),
    # 64*128+128, 128*16+16, 16*128+128, 128*64+64.
    codes("image_autoencoders", "dense_autoencoder", IMAGE, 8320 + 2064 + 2176 + 8256),
    # 3*3*32+32, 3*3*32*64+64; 256*16+16, 16*256+256; 3*3*64*64+64, 3*3*64*32+32; 3*3*32+1.
    codes("image_autoencoders", "conv_autoencoder", IMAGE,
          320 + 18_496 + 4112 + 4352 + 36_928 + 18_464 + 289),
    # 3*3*8+8, 3*3*8*16+16; 2*2*16*32+32; 3*(32*32+32*32+2*32); 32*3+3.
    movies("video_networks", "frame_cnn_gru", MOVIES, 80 + 1168 + 2080 + 6336 + 99),
]  # fmt: skip
# As the authors, or Keras, count them.
VIT_B16 = {"patch_size": 16, "hidden_dim": 768, "depth": 12, "num_heads": 12}
ALEXNET = {"units": 4096, "first_size": 11, "first_stride": 4, "padding": "valid"}
PUBLISHED = [
    # LeNet-5: 84*10+10 for ten digits.
    images("lenet", "lenet5", image_spec(32, 32, 1, 10), 61_706),
    # "0.27M" in the paper, where normalisation counts 2 a channel; 4 here.
    images("resnet", "resnet", image_spec(32, 32, 3, 10), 271_098, {"depth": 20}),
    images("vit", "vit", image_spec(224, 224, 3, 1000), 86_567_656, VIT_B16),
    # The paper's, as bvlc_alexnet of Caffe, and Krizhevsky 2014, as torchvision's alexnet, which
    # reads 224 x 224 padded by 2.
    images("alexnet", "alexnet", image_spec(227, 227, 3, 1000), 60_965_224,
             {**ALEXNET, "filters": (96, 256, 384, 384, 256), "groups": 2}),
    images("alexnet", "alexnet", image_spec(227, 227, 3, 1000), 61_100_840,
             {**ALEXNET, "filters": (64, 192, 384, 256, 256)}),
    # Caffe's bvlc_googlenet without its auxiliary classifiers.
    images("googlenet", "googlenet", image_spec(224, 224, 3, 1000), 6_998_552,
             {"width": 1, "stem": "7x7", "blocks": (2, 5, 2)}),
    # As torchvision's resnet18 and resnet34, and two statistics for each normalised channel.
    images("resnet", "imagenet_resnet", image_spec(224, 224, 3, 1000), 11_689_512 + 2 * 4800,
             {"filters": 64, "stem": "7x7"}),
    images("resnet", "imagenet_resnet", image_spec(224, 224, 3, 1000), 21_797_672 + 2 * 8512,
             {"filters": 64, "stem": "7x7", "blocks": (3, 4, 6, 3)}),
    images("transfer", "transfer", image_spec(32, 32, 3, 5), 2_257_984 + 5 * 1280 + 5,
             {**MOBILE, "backbone": "MobileNetV2"}),
    # Figure 1 of the paper. Keras code that many copy has 31,031,685: of its last convolutions, 64
    # to 2 of 3 * 3 and 2 to 1, there is here one, 64 to 2 of 1 * 1.
    masks("unet", "unet", labelled_masks.data_spec(("cell", "membrane"), 572, 1),
          31_031_685 - (9 * 64 * 2 + 2) - (2 + 1) + (64 * 2 + 2),
          {"filters": 64, "depth": 4, "padding": "valid", "normalization": False}),
]  # fmt: skip
BUILDERS = one_of_each(CASES, lambda case: case.builder)


def each(cases: list[Case]):
    """Every case, all of its tests in one worker, which builds its model once.

    Among the fast tests one configuration of each builder is enough.
    """

    def param(case: Case):
        slow = [] if case in BUILDERS else [pytest.mark.slow]
        marks = [pytest.mark.xdist_group(case.name), *slow]
        return pytest.param(case, id=case.name, marks=marks)

    return pytest.mark.parametrize("case", map(param, cases))


ALL, ONE_EACH = each(CASES), each(BUILDERS)
PADDED = each([case for case in CASES if case.padded])


def test_the_tables_have_every_builder_and_no_other():
    modules = [
        path.stem for path in (signatures.ROOT / "models").glob("*.py") if path.stem != "__init__"
    ]
    # Carry a state, compute their cost themselves, or judge every step: test files of their own.
    elsewhere = {
        *("recurrent_language_models", "transformer_language_model", "word_embeddings"),
        *("autoencoders", "step_forecasters", "step_labellers"),
    }
    modules = sorted({*modules} - elsewhere)
    builders = {(module, builder) for module in modules for builder in signatures.builders(module)}
    assert builders
    for table in (CASES, DEFAULTS):
        assert {(case.module, case.builder) for case in table} == builders


def test_every_module_has_a_builder():
    for path in (signatures.ROOT / "models").glob("*.py"):
        assert path.stem == "__init__" or signatures.builders(path.stem), path.name


@pytest.mark.parametrize("case", DEFAULTS, ids=lambda case: case.name)
def test_every_argument_is_documented(case):
    """In an `Args:` block; the paper is linked in the docstring of the builder or its module."""
    module = importlib.import_module(f"models.{case.module}")
    text = inspect.getdoc(getattr(module, case.builder))
    arguments = text.split("Args:")[1]
    assert [name for name in case.accepted if f"    {name}: " not in arguments] == []
    assert "https://" in module.__doc__ + text


@pytest.mark.parametrize("case", DEFAULTS + PUBLISHED, ids=lambda case: case.name)
def test_size(case):
    with keras.StatelessScope(initialize_variables=False):  # counts without allocating
        assert case.build().count_params() == case.parameters
    # Otherwise the next scope would allocate the variables that this one left out.
    keras.backend.clear_session(free_memory=False)


def test_vit_size_is_the_published_one():
    assert vit_size(16 * 16 * 3, 14 * 14, 768, 12, 1000) == 86_567_656


@ALL
def test_interface(case):
    check_interface(case)


@ALL
def test_round_trips(case, tmp_path):
    check_round_trips(case, tmp_path)


@ALL
def test_one_step_changes_every_weight(case):
    check_step(case)


@pytest.mark.slow
@ALL
def test_randomness_is_for_training(case):
    check_randomness(case)


@PADDED
@pytest.mark.filterwarnings("ignore:You are using a softmax")  # over a source of one word
def test_padding_does_not_change_outputs(case):
    check_padding(case)


@PADDED
def test_the_embedding_of_padding_is_not_used(case):
    check_padding_embedding(case)


@PADDED
def test_a_text_of_padding_alone(case):
    check_padding_alone(case)


@pytest.mark.slow
@ONE_EACH
def test_one_batch_is_memorised(case):
    check_overfits(case)


@ALL
def test_equal_seeds_give_equal_weights(case):
    one, same, other = (
        model.get_weights() for model in (case.model(), case.build(1), case.build(2))
    )
    for first, second in zip(one, same, strict=True):
        np.testing.assert_array_equal(first, second)
    assert any((first != second).any() for first, second in zip(one, other, strict=True))


@ALL
def test_an_unknown_argument(case):
    """A typo is reported with the file, the key, the value, and the arguments that exist."""
    correct = case.accepted[0]
    misspelt = f"{correct}s"
    with pytest.raises(UserError) as error:
        models.build(case.spec, case.module, case.builder, **{misspelt: 4})
    assert error.value.code == "argument-unknown"
    assert error.value.path == f"models/{case.module}.py"
    assert (error.value.key, error.value.value) == (f"build.{misspelt}", 4)
    assert all(argument in error.value.message for argument in case.accepted)


def test_the_second_of_two_arguments_is_unknown():
    with pytest.raises(UserError) as error:
        models.build(WORDS, "recurrent", "bilstm_classifier", units=4, unitss=5)
    assert error.value.code == "argument-unknown"
    assert (error.value.key, error.value.value) == ("build.unitss", 5)


def test_a_missing_argument(monkeypatch):
    def required(spec, *, units): ...

    monkeypatch.setattr("models.recurrent.required", required, raising=False)
    with pytest.raises(UserError) as error:
        models.build(WORDS, "recurrent", "required")
    assert (error.value.code, error.value.key) == ("argument-missing", "build.units")


@pytest.mark.parametrize(
    ("module", "builder", "arguments", "code", "key"),
    [
        ("text_cnn", "text_cnn", {"word_dropout": 1.5}, "rate-out-of-range", "build.word_dropout"),
        # Keras's own layers raise ValueError, which does not name the argument.
        ("text_cnn", "text_cnn", {"dropout": 3.0}, "value-rejected", "build"),
        ("transformer_classifier", "transformer_classifier", {"pooling": "sum"},
         "pooling-unknown", "build.pooling"),
        ("transformer_classifier", "transformer_classifier", {"hidden_dim": 5, "num_heads": 1},
         "hidden-dim-odd", "build.hidden_dim"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used(module, builder, arguments, code, key):
    with pytest.raises(UserError) as error:
        models.build(WORDS, module, builder, **arguments)
    assert (error.value.code, error.value.key) == (code, key)
    assert error.value.path == f"models/{module}.py"


@pytest.mark.parametrize(
    ("spec", "module", "builder"),
    [
        (WORDS, "transformer_classifier", "transformer_classifier"),
        (PAIRS, "transformer", "transformer"),
        (IMAGE, "vit", "vit"),
    ],
)
@pytest.mark.parametrize(("hidden_dim", "num_heads"), [(6, 4), (8, 3), (4, 0)])
def test_hidden_dim_must_be_a_multiple_of_num_heads(spec, module, builder, hidden_dim, num_heads):
    """An even hidden_dim is not enough, so the message must not advise one."""
    with pytest.raises(UserError) as error:
        models.build(spec, module, builder, hidden_dim=hidden_dim, num_heads=num_heads)
    assert error.value.code == "heads-mismatch"
    assert (error.value.key, error.value.value) == ("build.num_heads", num_heads)
    assert "even" not in error.value.message and "multiple" in error.value.message


@pytest.mark.slow
@ALL
def test_mixed_precision_is_near_full_precision(case):
    check_half_precision(case)
