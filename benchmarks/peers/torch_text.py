"""Text classifiers of models/ in PyTorch."""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.peers.torch_recurrent import one_bias

UNKNOWN = 1


class Words(nn.Module):
    """Ids -> (B, T, C) embeddings, with dropout of whole words and of whole channels."""

    def __init__(self, field, width, dropout, word_dropout):
        super().__init__()
        self.word_dropout = word_dropout
        self.embedding = nn.Embedding(field.size, width)
        nn.init.uniform_(self.embedding.weight, -0.5, 0.5)
        self.drop = nn.Dropout1d(dropout / 2)

    def forward(self, ids):
        if self.training:
            dropped = (torch.rand(ids.shape) < self.word_dropout) & (ids != 0)
            ids = ids.masked_fill(dropped, UNKNOWN)
        return self.drop(self.embedding(ids).transpose(1, 2)).transpose(1, 2)


def peaks(features, real):
    """(B, T, C) and (B, T, 1) -> (B, C): the maximum over real positions, 0 without any."""
    return features.masked_fill(~real, -1e9).amax(1) * real.any(1)


class TextCnn(nn.Module):
    """models/text_cnn.py: (B, T) ids -> (B, outputs) logits."""

    def __init__(
        self, spec, *, embedding_dim, filters, kernel_sizes, dropout, word_dropout=0.1
    ):  # fmt: skip
        super().__init__()
        ((self.name, field),) = spec.inputs.items()
        self.words = Words(field, embedding_dim, dropout, word_dropout)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(embedding_dim, filters, size, padding="same") for size in kernel_sizes
        )
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(filters * len(kernel_sizes), spec.outputs)

    def forward(self, inputs):
        ids = inputs[self.name]
        real = (ids != 0)[..., None]
        x = (self.words(ids) * real).transpose(1, 2)
        features = [functional.relu(layer(x)).transpose(1, 2) for layer in self.convolutions]
        return self.out(self.drop(torch.cat([peaks(feature, real) for feature in features], dim=1)))


class BiLstm(nn.Module):
    """models/recurrent.py: (B, T) ids -> (B, outputs) logits.

    packed: whether the LSTM is given packed sequences. For these PyTorch does not use its kernel
    for all steps on a CPU. Not packed, it is faster, but the backward direction reads the padding
    first, which ours never reads.
    """

    def __init__(
        self, spec, *, embedding_dim, units, dropout, word_dropout=0.1, packed=False
    ):  # fmt: skip
        super().__init__()
        ((self.name, field),) = spec.inputs.items()
        self.packed = packed
        self.words = Words(field, embedding_dim, dropout, word_dropout)
        self.lstm = nn.LSTM(embedding_dim, units, batch_first=True, bidirectional=True)
        one_bias(self.lstm)
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(2 * units, spec.outputs)

    def forward(self, inputs):
        ids = inputs[self.name]
        real, x = ids != 0, self.words(ids)
        states = self.read_packed(x, real.sum(1)) if self.packed else self.lstm(x)[0]
        return self.out(self.drop(peaks(states, real[..., None])))

    def read_packed(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(
            x, lengths.clamp(min=1), batch_first=True, enforce_sorted=False
        )
        states, _ = nn.utils.rnn.pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, total_length=x.shape[1]
        )
        return states
