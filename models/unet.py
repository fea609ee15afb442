"""U-Net, a network that gives every pixel of an image a class.

Reference: Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image
Segmentation", MICCAI 2015, https://arxiv.org/abs/1505.04597.
"""

from dataclasses import dataclass
from typing import Literal

import keras
from keras import layers

from models.layers.augmentation import RandomAugmentation
from models.layers.symmetries import RandomSymmetry, UndoSymmetry, check_symmetry
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec

FIRST = "level1_conv1"
MOMENTUM = 0.9  # of the moving statistics: a fit may have few steps, each of many pixels


def unet(
    spec: DataSpec,
    *,
    filters: int = 16,
    depth: int = 3,
    padding: Literal["same", "valid"] = "same",
    normalization: bool = True,
    dropout: float = 0.2,
    symmetry: Literal["none", "flip", "square"] = "none",
    contrast: float = 0.0,
) -> keras.Model:
    """A contracting path that sees what is there, and an expanding one that finds where it is.

    Each level has two 3 x 3 convolutions with ReLU. On the way down, 2 x 2 max pooling halves the
    height and width, and the filters double; on the way up, a transposed 2 x 2 convolution doubles
    the height and width, and the result is joined with that of the contracting path at the same
    level, whose borders of objects are still sharp. A 1 x 1 convolution gives the logits.

    Input: the spec's only field, (B, H, W, C) uint8, of any size whose sides are multiples of
    2^depth. Output: (B, H, W, outputs) logits. With padding "valid", sides must be such that
    pooling never meets an odd number (572, of depth 4), and the output is smaller by
    `margin(depth)` on each side.

    filters 64, depth 4, padding "valid", normalization False is the paper's net: 31,030,658
    parameters with one channel and two classes.

    Differs from the paper by default: padded convolutions, so that a tile is predicted whole; batch
    normalisation, with which training needs neither the paper's initial weights nor its momentum;
    fewer filters and levels. Always: pixels are scaled to -1..1; there are no elastic deformations.

    Args:
        spec: of a segmentation data set.
        filters: of the first level; each level below has twice as many.
        depth: how many times height and width are halved.
        padding: "same" pads with zeros; "valid" computes only what the input determines.
        normalization: batch normalisation after each 3 x 3 convolution, which then has no bias.
        dropout: rate at the end of the contracting path.
        symmetry: random symmetries in training: "flip" mirrors left to right, "square" also turns
            by quarters and mirrors top to bottom. The prediction is moved back, see
            `layers/symmetries.py`.
        contrast: largest random change of the contrast in training, as a share of it.

    Raises:
        UserError: the tiles of the data set are not a multiple of 2^depth.
    """
    ((name, field),) = spec.inputs.items()
    check_symmetry(symmetry)
    _require_divisible(field.shape[0], depth, padding)
    images = keras.Input(field.open_shape, dtype=field.dtype, name=name)
    x = RandomAugmentation(contrast=contrast, name="augmentation")(images)
    if symmetry != "none":
        x, moves = RandomSymmetry(symmetry, name="symmetry")(x)
    x = layers.Rescaling(1 / 127.5, -1.0, name="scale")(x)  # (B, H, W, C)
    net = _Blocks(padding, normalization)
    skips = []
    for level in range(depth):
        x = net.level(x, filters * 2**level, f"level{level + 1}")
        skips.append(x)
        x = layers.MaxPooling2D(2, name=f"level{level + 1}_pool")(x)  # (B, H/2, W/2, D)
    x = net.level(x, filters * 2**depth, f"level{depth + 1}")
    x = layers.Dropout(dropout, name="features")(x)
    for level in reversed(range(depth)):
        up = f"level{level + 1}_up"
        x = layers.Conv2DTranspose(filters * 2**level, 2, 2, name=up)(x)  # (B, 2H, 2W, D/2)
        skip = skips[level]
        if padding == "valid":
            skip = layers.Cropping2D(2 * margin(depth - level - 1), name=f"{up}_crop")(skip)
        x = layers.Concatenate(name=f"{up}_join")([skip, x])
        x = net.level(x, filters * 2**level, up)
    x = layers.Conv2D(spec.outputs, 1, name="logits")(x)
    if symmetry != "none":
        x = UndoSymmetry(symmetry, name="undo_symmetry")([x, moves])
    return keras.Model({name: images}, x, name="unet")


def margin(depth: int) -> int:
    """Pixels on each side that the output of unpadded convolutions lacks; how far a pixel sees.

    Two convolutions lose 2 pixels. A level adds two on the way down and two on the way up, and what
    the level below loses counts twice: 2, 8, 20, 44, and 92 at depth 4, as 572 becomes 388.
    """
    return 2 if depth == 0 else 4 + 2 * margin(depth - 1)


@dataclass(frozen=True)
class Geometry:
    """Which windows of an image a U-Net can be given, so that their predictions fit together.

    Args:
        depth: of the net.
        padding: of the net.
    """

    depth: int
    padding: str

    @classmethod
    def of(cls, model: keras.Model) -> "Geometry":
        pools = [layer for layer in model.layers if isinstance(layer, layers.MaxPooling2D)]
        return cls(len(pools), model.get_layer(FIRST).padding)

    @property
    def multiple(self) -> int:
        """Windows begin at multiples of this, as the grid of the last pooling does."""
        return 2**self.depth

    @property
    def before(self) -> int:
        """Pixels of context above and left of what a window is to predict."""
        if self.padding == "valid":
            return margin(self.depth)
        # Padded, the grids of all poolings begin at 0, which may cost 2 pixels more.
        return -(-(margin(self.depth) + 2) // self.multiple) * self.multiple

    def after(self, core: int) -> int:
        """Pixels of context below and right of `core` pixels, a multiple of `multiple`."""
        if self.padding == "same":
            return self.before
        # The size at the bottom b gives 2^depth b + 4 (2^depth - 1) at the top.
        return margin(self.depth) + -(core + 2 * margin(self.depth) - self._least) % self.multiple

    @property
    def _least(self) -> int:
        return 4 * (self.multiple - 1)


class _Blocks:
    """The two convolutions of a level."""

    def __init__(self, padding: str, normalization: bool):
        self.padding, self.normalization = padding, normalization

    def level(self, x, filters: int, name: str):
        """(B, H, W, C) -> (B, H, W, filters); smaller by 2 on each side if not padded."""
        for number in (1, 2):
            x = layers.Conv2D(
                filters, 3, padding=self.padding, use_bias=not self.normalization,
                kernel_initializer="he_normal", name=f"{name}_conv{number}",
            )(x)  # fmt: skip
            if self.normalization:
                x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm{number}")(x)
            x = layers.ReLU(name=f"{name}_relu{number}")(x)
        return x


def _require_divisible(tile: int, depth: int, padding: str) -> None:
    multiple = 2**depth
    offset = 4 * (multiple - 1) if padding == "valid" else 0
    if tile % multiple != offset % multiple or tile <= 2 * margin(depth) * (padding == "valid"):
        smaller = tile // multiple * multiple
        raise UserError(
            "tile-not-divisible",
            f"the data set's tiles have {tile} pixels a side, and of depth {depth} with padding "
            f"{padding!r} a side must be a multiple of {multiple}"
            + (f" and {offset % multiple} more, above {2 * margin(depth)}" if offset else "")
            + f"; set the recipe's option `tile` to such a number, near {smaller}, or change depth",
            key="build.depth", value=depth,
        )  # fmt: skip
