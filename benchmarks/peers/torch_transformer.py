"""models/transformer.py, from PyTorch's encoder and decoder layers."""

import math

import torch
from torch import nn


class Transformer(nn.Module):
    """(B, S) source ids and (B, T) target ids -> (B, T, V) logits; normalisation before each part.

    As in ours, one embedding serves source, target and output, and dropout acts on embeddings and
    on what each part adds, not on attention weights or inside the feed-forward part.
    """

    def __init__(self, spec, *, width, heads, depth, feed_forward, dropout):
        super().__init__()
        self.width = width
        self.embedding = nn.Embedding(spec.outputs, width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.drop = nn.Dropout(dropout)
        self.network = nn.Transformer(
            width, heads, depth, depth, feed_forward, dropout, batch_first=True, norm_first=True
        )
        for part in self.network.modules():
            if isinstance(part, nn.MultiheadAttention):
                part.dropout = 0.0
            elif isinstance(part, (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)):
                part.dropout = nn.Identity()
        self.register_buffer("waves", waves(max(f.shape[0] for f in spec.inputs.values()), width))

    def embed(self, ids):
        scaled = self.embedding(ids) * math.sqrt(self.width)
        return self.drop(scaled + self.waves[: ids.shape[1]])

    def forward(self, inputs):
        source, target = inputs["source"], inputs["target_in"]
        length = target.shape[1]
        later = torch.triu(torch.ones(length, length, dtype=torch.bool), 1)
        x = self.network(
            self.embed(source), self.embed(target), tgt_mask=later, tgt_is_causal=True,
            src_key_padding_mask=source == 0, memory_key_padding_mask=source == 0,
        )  # fmt: skip
        return x @ self.embedding.weight.T


def waves(length: int, width: int) -> torch.Tensor:
    """(T, C): all sines first, then all cosines."""
    rates = torch.exp(-torch.arange(width // 2) / (width // 2) * math.log(10000.0))
    angles = torch.arange(length)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
