"""The networks of models/ in PyTorch: same layers, same number of parameters.

Channels come first, as PyTorch wants them. Initial weights are PyTorch's defaults, except
embeddings, which are initialized as in models/.
"""

from torch import nn

from benchmarks.peers.torch_recurrent import GruForecaster, LstmForecaster, LstmLanguageModel
from benchmarks.peers.torch_text import BiLstm, TextCnn
from benchmarks.peers.torch_transformer import Transformer
from benchmarks.peers.torch_vit import Vit


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


NETWORKS = {
    "small_cnn": SmallCnn,
    "vit": Vit,
    "text_cnn": TextCnn,
    "bilstm_classifier": BiLstm,
    "gru_forecaster": GruForecaster,
    "lstm_forecaster": LstmForecaster,
    "lstm_language_model": LstmLanguageModel,
    "transformer": Transformer,
}


def build(spec, experiment: dict, **choices) -> nn.Module:
    """The same network that models.build makes of the experiment.

    choices: of PyTorch's ways to compute it, such as `packed`.
    """
    arguments = dict(experiment["build"])
    return NETWORKS[arguments.pop("builder")](spec, **arguments, **choices)
