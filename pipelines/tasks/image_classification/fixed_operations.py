"""What convolution and pooling do to a photograph, with kernels that nobody learned.

The figures of docs/convolution.md, drawn by benchmarks/convolution.py.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from pipelines.figures import style

KERNELS = {
    "edges": np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float64),
    "sharpen": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float64),
    "box blur": np.full((3, 3), 1 / 9),
}
POOLINGS: Mapping[str, Callable] = {
    "maximum": np.max, "mean": np.mean, "minimum": np.min, "median": np.median
}  # fmt: skip
SIZES = (2, 4)
SIGNED = "RdBu_r"  # red is positive, blue negative, white 0
WHITE = 255
CROP = 96  # side of the details that are drawn


def convolve(image: np.ndarray, kernel: np.ndarray, stride: int = 1, padding: int = 0):
    """(h, w) -> ((h + 2 p - k) / s + 1, ...): the dot product of the kernel and each window.

    As in all networks this is the cross-correlation: the kernel is not turned around.

    Args:
        image: (h, w).
        kernel: (k, k).
        stride: s, from one window to the next.
        padding: p, zeros on each side.
    """
    padded = np.pad(image, padding)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return np.tensordot(windows[::stride, ::stride], kernel, axes=2)


def pool(image: np.ndarray, size: int, function: Callable) -> np.ndarray:
    """(h, w) -> (h // size, w // size): `function` of each window; a rest at the border is left."""
    height, width = (side // size * size for side in image.shape)
    blocks = image[:height, :width].reshape(height // size, size, width // size, size)
    windows = blocks.transpose(0, 2, 1, 3).reshape(height // size, width // size, size**2)
    return function(windows, axis=2)


def toeplitz(kernel: np.ndarray, length: int) -> np.ndarray:
    """(length, length) matrix of a convolution over a sequence with zeros behind it.

    Row i has the kernel from place i on, so its product with the sequence is the convolution: a
    sparse linear map whose rows share their weights.
    """
    rows, columns = np.indices((length, length))
    places = columns - rows
    inside = (places >= 0) & (places < len(kernel))
    return np.where(inside, kernel[np.clip(places, 0, len(kernel) - 1)], 0)


def kernels(photographs: Mapping[str, np.ndarray], path: Path) -> None:
    """Each photograph, and the response to each kernel, in signed colours where it has a sign."""

    def paint(figure):
        grid = figure.subplots(len(photographs), 1 + len(KERNELS), squeeze=False)
        for line, (name, image) in zip(grid, photographs.items(), strict=True):
            _show(line[0], image, name)
            for axes, (label, kernel) in zip(line[1:], KERNELS.items(), strict=True):
                response = convolve(image, kernel, padding=1)
                _show(axes, response, label, signed=label == "edges")

    style.draw(path, (11.0, 2.1 * len(photographs) + 0.3), paint)


def poolings(image: np.ndarray, path: Path) -> None:
    """Pooling of a detail by 2 and by 4: of the image itself, and of its edges."""
    detail = image[:CROP, :CROP]
    rows = [(f"{name}, {size} x {size}", source, size)
            for name, source in (("image", detail), ("edges", convolve(detail, KERNELS["edges"])))
            for size in SIZES]  # fmt: skip

    def paint(figure):
        grid = figure.subplots(len(rows), 1 + len(POOLINGS), squeeze=False)
        for line, (name, source, size) in zip(grid, rows, strict=True):
            signed = name.startswith("edges")
            _show(line[0], source, name.split(",")[0], signed)
            for axes, (label, function) in zip(line[1:], POOLINGS.items(), strict=True):
                _show(axes, pool(source, size, function), f"{label}, {size} x {size}", signed)

    style.draw(path, (9.5, 2.0 * len(rows) + 0.3), paint)


def shifts(image: np.ndarray, path: Path) -> dict[str, float]:
    """Edges of a detail and of the same one pixel to the right: how far apart they are.

    Returns:
        What is done -> mean absolute difference between the two, as a share of the mean response.
    """
    edges = np.abs(convolve(image, KERNELS["edges"]))[: CROP + 1, : CROP + 1]
    first, second = edges[:CROP, :CROP], edges[:CROP, 1 : CROP + 1]
    steps: dict[str, tuple[np.ndarray, np.ndarray]] = {"edges": (first, second)}
    for size in SIZES:
        label = f"maximum, {size} x {size}"
        steps[label] = pool(first, size, np.max), pool(second, size, np.max)
        steps[f"one pixel of {size} x {size}"] = first[::size, ::size], second[::size, ::size]
    differences = {
        name: float(np.mean(np.abs(a - b)) / np.mean(a)) for name, (a, b) in steps.items()
    }

    def paint(figure):
        grid = figure.subplots(len(steps), 3, squeeze=False)
        for line, (name, (a, b)) in zip(grid, steps.items(), strict=True):
            _show(line[0], a, name)
            _show(line[1], b, "one pixel to the right")
            _show(line[2], b - a, f"difference {differences[name]:.2f}", signed=True)

    style.draw(path, (6.4, 2.1 * len(steps) + 0.3), paint)
    return differences


def sizes(image: np.ndarray, path: Path) -> None:
    """Stride and padding: what size the response has."""
    edges, detail = KERNELS["edges"], image[:12, :12]
    panels = {
        "12 x 12 pixels": detail,
        "no padding": convolve(detail, edges),
        "padding 1": convolve(detail, edges, padding=1),
        "stride 2": convolve(detail, edges, stride=2),
        "padding 1, stride 2": convolve(detail, edges, stride=2, padding=1),
    }

    def paint(figure):
        for axes, (name, values) in zip(figure.subplots(1, len(panels)), panels.items(),
                                        strict=True):  # fmt: skip
            height, width = values.shape
            caption = name if values is detail else f"{name}: {height} x {width}"
            _show(axes, values, caption, signed=values is not detail)
            axes.set(xlim=(-1, 12), ylim=(12, -1))

    style.draw(path, (11.0, 2.4), paint)


def _show(axes, values: np.ndarray, caption: str, signed: bool = False) -> None:
    if signed:
        reach = np.percentile(np.abs(values), 99) or 1.0
        axes.imshow(values, cmap=SIGNED, vmin=-reach, vmax=reach)
    else:
        axes.imshow(values, cmap="gray", vmin=0, vmax=WHITE)
    axes.axis("off")
    axes.set_title(caption, fontsize=8.5, fontweight="normal", pad=3)
