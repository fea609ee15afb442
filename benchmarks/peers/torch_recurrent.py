"""Recurrent forecasters and language models of models/ in PyTorch."""

import torch
from torch import nn


class Forecaster(nn.Module):
    """models/recurrent_forecasters.py: (B, H, C) history -> (B, F, C), physical units."""

    def __init__(self, recurrent, spec, *, units, dropout):
        super().__init__()
        columns = len(spec.task_metadata["columns"])
        self.shape = (spec.task_metadata["horizon_steps"], columns)
        self.register_buffer("mean", torch.tensor(spec.task_metadata["mean"]))
        self.register_buffer("std", torch.tensor(spec.task_metadata["std"]))
        self.recurrent = recurrent(columns, units, batch_first=True)
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(units, spec.outputs)

    def forward(self, inputs):
        scaled = (inputs["history"] - self.mean) / self.std
        level = scaled.mean(1, keepdim=True)
        states, _ = self.recurrent(scaled - level)
        forecast = self.out(self.drop(states[:, -1])).unflatten(1, self.shape)
        return (forecast + level) * self.std + self.mean


class GruForecaster(Forecaster):
    def __init__(self, spec, **arguments):
        super().__init__(nn.GRU, spec, **arguments)


class LstmForecaster(Forecaster):
    def __init__(self, spec, **arguments):
        super().__init__(nn.LSTM, spec, **arguments)
        one_bias(self.recurrent)


class LstmLanguageModel(nn.Module):
    """models/recurrent_language_models.py: (B, T) ids -> (B, T, V) logits, tied; one layer.

    The states of a window are those of the window before, except in rows that begin a document.
    """

    def __init__(self, spec, *, embedding_dim, units, dropout):
        super().__init__()
        (self.name,) = spec.inputs
        self.units = units
        self.embedding = nn.Embedding(spec.outputs, embedding_dim)
        nn.init.normal_(self.embedding.weight, std=embedding_dim**-0.5)
        self.drop = nn.Dropout(dropout)
        self.lstm = nn.LSTM(embedding_dim, units, batch_first=True)
        one_bias(self.lstm)
        self.bias = nn.Parameter(torch.zeros(spec.outputs))
        self.reset()

    def reset(self) -> None:
        self.states = None

    def forward(self, inputs):
        ids = inputs[self.name]
        going = (ids[:, :1] != 0).float()
        before = self.states or [torch.zeros(len(ids), self.units)] * 2
        states = [(state * going)[None] for state in before]
        x, after = self.lstm(self.drop(self.embedding(ids)), tuple(states))
        self.states = [state[0].detach() for state in after]
        return self.drop(x) @ self.embedding.weight.T + self.bias


def one_bias(lstm: nn.LSTM) -> None:
    """PyTorch adds two biases in every gate; the second is left at zero, untrained."""
    for name, weight in lstm.named_parameters():
        if name.startswith("bias_hh"):
            nn.init.zeros_(weight)
            weight.requires_grad_(False)
