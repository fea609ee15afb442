"""What an image network has learned: its first filters and its feature maps of one image.

Of networks with a backbone (see `models.layers.backbone`) the backbone is drawn. A network without
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

    In colour with three channels; else red for positive and blue for negative weights, each filter
    at its own scale. A Vision Transformer's patch projection is shown by its principal components
    (Dosovitskiy et al. 2021, figure 7), because single columns are hard to interpret.
    """
    first = first_filters(model)
    if first is None:
        return
    filters, title = first
    columns = min(8, len(filters))
    lines = -(-len(filters) // columns)

    def paint(figure):
        figure.suptitle(title, x=0.01, ha="left")
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


def feature_maps(model: keras.Model, image: np.ndarray, folder: Path) -> None:
    """figures/feature_maps.png: one image and its feature maps at increasing depth.

    Five layers, evenly spaced; of each the eight channels with the highest variance over the image,
    each at its own scale (dark: lowest, bright: highest).
    """
    network = _network(model)
    layers = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    layers = [layer for layer in layers if layer.output.shape[1] != 1]  # None: of any size
    if not layers:
        return
    depths = np.unique(np.linspace(0, len(layers) - 1, DEPTHS).round().astype(int))
    shown = [layers[depth] for depth in depths]
    probe = keras.Model(network.inputs, [layer.output for layer in shown])
    activations = probe.predict(_network_input(model, image[None]), verbose=0)
    if not isinstance(activations, list):
        activations = [activations]

    def paint(figure):
        figure.suptitle("Feature maps of one image at increasing depth", x=0.01, ha="left")
        grid = figure.subplots(len(shown), 1 + CHANNELS, squeeze=False)
        for axes in grid.flat:
            axes.axis("off")
        images.show(grid[0, 0], image)
        for row, (layer, maps) in enumerate(zip(shown, activations, strict=True)):
            maps = maps[0]
            height, width, channels = maps.shape
            label = f"{style.cut(layer.name, 18)}\n{height} x {width}, {channels} maps"
            at = (0.5, -0.05) if row == 0 else (0.5, 0.5)
            grid[row, 0].text(*at, label, transform=grid[row, 0].transAxes, ha="center",
                              va="top" if row == 0 else "center", fontsize=8)  # fmt: skip
            most_varied = np.argsort(-maps.std(axis=(0, 1)), kind="stable")[:CHANNELS]
            for axes, channel in zip(grid[row, 1:], most_varied, strict=False):
                axes.imshow(maps[..., channel], cmap="viridis")

    style.draw(folder / "figures/feature_maps.png", (10, 1.15 * len(shown) + 0.6), paint)


def _channels(model) -> int:
    return int(model.inputs[0].shape[-1])


def _backbone_index(model) -> int | None:
    names = [layer.name for layer in model.layers]
    return names.index(backbone.BACKBONE) if backbone.BACKBONE in names else None


def _network(model) -> keras.Model:
    """The model itself or its backbone: where the convolutions are."""
    return model if _backbone_index(model) is None else model.get_layer(backbone.BACKBONE)


def _network_input(model, pixels: np.ndarray) -> np.ndarray:
    """(n, H, W, C) images after the layers before `_network`."""
    index = _backbone_index(model)
    if index is None:
        return pixels
    return backbone.split_at_layer(model, index)[0].predict(pixels, verbose=0)
