"""The networks of models/ in PyTorch: same layers, same number of parameters.

Channels come first, as PyTorch wants them. Initial weights are PyTorch's defaults, except
embeddings, which are initialized as in models/.
"""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.peers.torch_transformer import Transformer

UNKNOWN = 1


class SmallCnn(nn.Module):
    """models/small_cnn.py: (B, H, W, C) bytes -> (B, outputs) logits."""

    def __init__(self, spec, *, filters, units, dropout, kernel_size=3):
        super().__init__()
        ((self.name, field),) = spec.inputs.items()
        height, width, channels = field.shape
        parts = []
        for before, after in zip((channels, *filters), filters, strict=False):
            parts += [nn.Conv2d(before, after, kernel_size, padding="same"), nn.ReLU()]
            parts += [nn.MaxPool2d(2, ceil_mode=True)]
            height, width = -(-height // 2), -(-width // 2)
        parts += [nn.Flatten(), nn.Linear(height * width * filters[-1], units), nn.ReLU()]
        self.layers = nn.Sequential(*parts, nn.Dropout(dropout), nn.Linear(units, spec.outputs))

    def forward(self, inputs):
        return self.layers(inputs[self.name].permute(0, 3, 1, 2).float() / 255)


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
    """models/recurrent.py: (B, T) ids -> (B, outputs) logits."""

    def __init__(self, spec, *, embedding_dim, units, dropout, word_dropout=0.1):
        super().__init__()
        ((self.name, field),) = spec.inputs.items()
        self.words = Words(field, embedding_dim, dropout, word_dropout)
        self.lstm = nn.LSTM(embedding_dim, units, batch_first=True, bidirectional=True)
        one_bias(self.lstm)
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(2 * units, spec.outputs)

    def forward(self, inputs):
        ids = inputs[self.name]
        real = ids != 0
        packed = nn.utils.rnn.pack_padded_sequence(
            self.words(ids), real.sum(1).clamp(min=1), batch_first=True, enforce_sorted=False
        )
        states, _ = nn.utils.rnn.pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, total_length=ids.shape[1]
        )
        return self.out(self.drop(peaks(states, real[..., None])))


def one_bias(lstm: nn.LSTM) -> None:
    """PyTorch adds two biases in every gate; the second is left at zero, untrained."""
    for name, weight in lstm.named_parameters():
        if name.startswith("bias_hh"):
            nn.init.zeros_(weight)
            weight.requires_grad_(False)


class GruForecaster(nn.Module):
    """models/recurrent_forecasters.py: (B, H, C) history -> (B, F, C), physical units."""

    def __init__(self, spec, *, units, dropout):
        super().__init__()
        columns = len(spec.task_metadata["columns"])
        self.shape = (spec.task_metadata["horizon_steps"], columns)
        self.register_buffer("mean", torch.tensor(spec.task_metadata["mean"]))
        self.register_buffer("std", torch.tensor(spec.task_metadata["std"]))
        self.gru = nn.GRU(columns, units, batch_first=True)
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(units, spec.outputs)

    def forward(self, inputs):
        scaled = (inputs["history"] - self.mean) / self.std
        level = scaled.mean(1, keepdim=True)
        _, last = self.gru(scaled - level)
        forecast = self.out(self.drop(last[-1])).unflatten(1, self.shape)
        return (forecast + level) * self.std + self.mean


NETWORKS = {
    "small_cnn": SmallCnn,
    "text_cnn": TextCnn,
    "bilstm_classifier": BiLstm,
    "gru_forecaster": GruForecaster,
    "transformer": Transformer,
}


def build(spec, experiment: dict) -> nn.Module:
    """The same network that models.build makes of the experiment."""
    arguments = dict(experiment["build"])
    return NETWORKS[arguments.pop("builder")](spec, **arguments)
