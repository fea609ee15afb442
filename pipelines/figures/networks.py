"""What a network of pictures has learned: its first filters, and what it makes of one picture.

Networks that begin with a "backbone" (see `fitting`) are looked at inside it. A network without
convolutions has no such figures, and then nothing is written.
"""

from pathlib import Path

import keras
import numpy as np

from models.layers import backbone
from pipelines.figures import images, style

DEPTHS, CHANNELS = 5, 8
MOST_KERNELS = 64
COMPONENTS = 28  # of a patch projection, as in figure 7 of Dosovitskiy et al. 2021
DIVERGING = "RdBu_r"


def kernels(model: keras.Model, folder: Path) -> None:
    """figures/kernels.png: the filters that touch the pixels.

    Of three channels in colour; else red for positive and blue for negative weights, each filter
    at its own scale. A Vision Transformer's projection of patches is shown by its principal
    components, because its columns mean little one by one.
    """
    found = first_filters(model)
    if found is None:
        return
    filters, what = found
    columns = min(8, len(filters))
    lines = -(-len(filters) // columns)

    def paint(figure):
        figure.suptitle(what, x=0.01, ha="left")
        for number, axes in enumerate(figure.subplots(lines, columns, squeeze=False).flat):
            axes.axis("off")
            if number < len(filters):
                weights, reach = filters[number], np.abs(filters[number]).max() or 1.0
                if weights.shape[2] == 3:
                    axes.imshow(0.5 + weights / (2 * reach))
                else:
                    mean = weights.mean(axis=2)
                    axes.imshow(mean, cmap=DIVERGING, vmin=-reach, vmax=reach)

    style.draw(folder / "figures/kernels.png", (0.85 * columns + 0.4, 0.85 * lines + 0.6), paint)


def first_filters(model) -> tuple[np.ndarray, str] | None:
    """(filters, height, width, channels) and a title."""
    if any(layer.name == "patches" for layer in model.layers):
        layer = model.get_layer("tokens")
        side = int(round((np.prod(layer.kernel.shape[:-1]) / _channels(model)) ** 0.5))
        flat = keras.ops.convert_to_numpy(layer.kernel).reshape(-1, layer.kernel.shape[-1])
        left, strength, _ = np.linalg.svd(flat - flat.mean(axis=1, keepdims=True))
        count = min(COMPONENTS, len(strength), flat.shape[0])
        shape = (count, side, side, _channels(model))
        title = f"The patch projection's first {count} principal components"
        return left[:, :count].T.reshape(shape), title
    layers = _network(model).layers
    first = next((layer for layer in layers if isinstance(layer, keras.layers.Conv2D)), None)
    if first is None:
        return None
    weights = keras.ops.convert_to_numpy(first.kernel).transpose(3, 0, 1, 2)[:MOST_KERNELS]
    height, width = weights.shape[1:3]
    return weights, f"Filters of the first convolution: {len(weights)} of {height} x {width}"


def feature_maps(model: keras.Model, picture: np.ndarray, folder: Path) -> None:
    """figures/feature_maps.png: one picture, and what convolutions of rising depth answer to it.

    Five layers, evenly spaced; of each the eight channels that vary most over the picture, each at
    its own scale (dark: nothing, bright: most).
    """
    network = _network(model)
    layers = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    layers = [layer for layer in layers if layer.output.shape[1] > 1]
    if not layers:
        return
    places = np.unique(np.linspace(0, len(layers) - 1, DEPTHS).round().astype(int))
    chosen = [layers[place] for place in places]
    probe = keras.Model(network.inputs, [layer.output for layer in chosen])
    answers = probe.predict(_entering(model, picture[None]), verbose=0)
    answers = answers if isinstance(answers, list) else [answers]

    def paint(figure):
        figure.suptitle("What layers of rising depth make of one picture", x=0.01, ha="left")
        grid = figure.subplots(len(chosen), 1 + CHANNELS, squeeze=False)
        for axes in grid.flat:
            axes.axis("off")
        images.picture(grid[0, 0], picture)
        for row, (layer, maps) in enumerate(zip(chosen, answers, strict=True)):
            maps = maps[0]
            height, width, channels = maps.shape
            label = f"{style.cut(layer.name, 18)}\n{height} x {width}, {channels} maps"
            at = (0.5, -0.05) if row == 0 else (0.5, 0.5)
            grid[row, 0].text(*at, label, transform=grid[row, 0].transAxes, ha="center",
                              va="top" if row == 0 else "center", fontsize=8)  # fmt: skip
            liveliest = np.argsort(-maps.std(axis=(0, 1)), kind="stable")[:CHANNELS]
            for axes, channel in zip(grid[row, 1:], liveliest, strict=False):
                axes.imshow(maps[..., channel], cmap="viridis")

    style.draw(folder / "figures/feature_maps.png", (10, 1.15 * len(chosen) + 0.6), paint)


def _channels(model) -> int:
    return int(model.inputs[0].shape[-1])


def _place(model) -> int | None:
    names = [layer.name for layer in model.layers]
    return names.index(backbone.BACKBONE) if backbone.BACKBONE in names else None


def _network(model) -> keras.Model:
    """The model itself or its backbone: where the convolutions are."""
    return model if _place(model) is None else model.get_layer(backbone.BACKBONE)


def _entering(model, pictures: np.ndarray) -> np.ndarray:
    """What `_network` is given of (n, H, W, C) pictures."""
    place = _place(model)
    if place is None:
        return pictures
    return backbone.split_at_layer(model, place)[0].predict(pictures, verbose=0)
