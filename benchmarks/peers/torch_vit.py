"""models/vit.py, from PyTorch's encoder layers."""

import torch
from torch import nn


class Vit(nn.Module):
    """(B, H, W, C) bytes -> (B, outputs) logits of the class token."""

    def __init__(self, spec, *, patch_size, hidden_dim, depth, num_heads, dropout):
        super().__init__()
        ((self.name, field),) = spec.inputs.items()
        height, width, channels = field.shape
        tokens = 1 + (height // patch_size) * (width // patch_size)
        self.patches = nn.Conv2d(channels, hidden_dim, patch_size, patch_size)
        self.token = nn.Parameter(torch.zeros(1, 1, hidden_dim))
        self.positions = nn.Parameter(0.02 * torch.randn(tokens, hidden_dim))
        self.drop = nn.Dropout(dropout)
        block = nn.TransformerEncoderLayer(
            hidden_dim, num_heads, 4 * hidden_dim, dropout, "gelu",
            layer_norm_eps=1e-6, batch_first=True, norm_first=True,
        )  # fmt: skip
        norm = nn.LayerNorm(hidden_dim, eps=1e-6)
        self.blocks = nn.TransformerEncoder(block, depth, norm, enable_nested_tensor=False)
        self.out = nn.Linear(hidden_dim, spec.outputs)

    def forward(self, inputs):
        images = inputs[self.name].permute(0, 3, 1, 2).float() / 127.5 - 1
        patches = self.patches(images).flatten(2).transpose(1, 2)  # (B, T, D)
        x = torch.cat([self.token.expand(len(patches), -1, -1), patches], dim=1)
        return self.out(self.blocks(self.drop(x + self.positions))[:, 0])
