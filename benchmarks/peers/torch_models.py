"""The networks of models/ in PyTorch's own words: same layers, same number of parameters.

Channels come first, as PyTorch wants them. What a network starts from is PyTorch's default, except
embeddings, which start as ours do.
"""

import torch
from torch import nn
from torch.nn import functional

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
        self, spec, *, embedding_width, filters, widths, dropout, word_dropout=0.1
    ):  # fmt: skip
        super().__init__()
        ((self.name, field),) = spec.inputs.items()
        self.words = Words(field, embedding_width, dropout, word_dropout)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(embedding_width, filters, width, padding="same") for width in widths
        )
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(filters * len(widths), spec.outputs)

    def forward(self, inputs):
        ids = inputs[self.name]
        real = (ids != 0)[..., None]
        x = (self.words(ids) * real).transpose(1, 2)
        found = [functional.relu(layer(x)).transpose(1, 2) for layer in self.convolutions]
        return self.out(self.drop(torch.cat([peaks(each, real) for each in found], dim=1)))


NETWORKS = {"small_cnn": SmallCnn, "text_cnn": TextCnn}


def build(spec, experiment: dict) -> nn.Module:
    """The same network that models.build makes of the experiment."""
    chosen = dict(experiment["build"])
    return NETWORKS[chosen.pop("builder")](spec, **chosen)
