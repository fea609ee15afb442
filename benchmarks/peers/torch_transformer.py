"""models/transformer.py, from PyTorch's encoder and decoder layers."""

import math

import torch
from torch import nn


class Transformer(nn.Module):
    """(B, S) source ids and (B, T) target ids -> (B, T, V) logits; normalisation before each part.

    As in ours, one embedding serves source, target and output, and dropout acts on embeddings and
    on what each part adds, not on attention weights or inside the feed-forward part.
    """

    def __init__(self, spec, *, hidden_dim, num_heads, depth, mlp_dim, dropout):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.embedding = nn.Embedding(spec.outputs, hidden_dim)
        nn.init.normal_(self.embedding.weight, std=hidden_dim**-0.5)
        self.drop = nn.Dropout(dropout)
        self.network = nn.Transformer(
            hidden_dim,
            num_heads,
            depth,
            depth,
            mlp_dim,
            dropout,
            batch_first=True,
            norm_first=True,
        )
        for part in self.network.modules():
            if isinstance(part, nn.MultiheadAttention):
                part.dropout = 0.0
            elif isinstance(part, (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)):
                part.dropout = nn.Identity()
        longest = max(field.shape[0] for field in spec.inputs.values())
        self.register_buffer("waves", waves(longest, hidden_dim))

    def embed(self, ids):
        scaled = self.embedding(ids) * math.sqrt(self.hidden_dim)
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


def waves(length: int, hidden_dim: int) -> torch.Tensor:
    """(T, C): all sines first, then all cosines."""
    rates = torch.exp(-torch.arange(hidden_dim // 2) / (hidden_dim // 2) * math.log(10000.0))
    angles = torch.arange(length)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
