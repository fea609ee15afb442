"""Animated GIF files to arrays of frames, in integer arithmetic that a graph reproduces exactly.

Training and serving must see the same numbers, so the rule is written down here, and
`video_classification/graph_gif.py` follows it with TensorFlow's operations:

1. The screen is black at first. Each frame is drawn on what its predecessors left: a transparent
   colour leaves a pixel as it was. Then the frame stays, its part becomes black, or what was below
   it comes back, as the file says. A number without a colour is black.
2. T of the frames are selected, at the middles of T equal parts of the whole time. A delay of 0
   counts as 1/10 s, as it does in browsers. A frame that is shown longer can be there twice.
3. For one channel they become grey, and all are resized, as `image_decoding` does with images.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pipelines.config.errors import UserError
from pipelines.preprocessing import gif_files, image_decoding
from pipelines.preprocessing.gif_files import Frame, GifError, Layout

ASSET = "video.json"
MAX_PIXELS = 16_000_000  # of all frames: 208 of 320 x 240
CURES = {
    "video-format": "convert it, or save its frames as images in a folder",
    "video-damaged": "fetch it again, or remove it",
    "video-frames": "remove it",
    "video-outside": "redraw its frames: magick FILE -coalesce FILE",
    "video-too-large": "shrink or shorten it, or raise max_pixels",
}


@dataclass(frozen=True)
class VideoReader:
    """Encoded bytes -> (frames, height, width, channels) uint8.

    Args:
        frames: T.
        height, width: pixels to resize to.
        channels: 1 or 3.
        max_pixels: of all frames of a file; larger ones are refused before they are decoded.
    """

    frames: int
    height: int
    width: int
    channels: int
    max_pixels: int = MAX_PIXELS

    @property
    def shape(self) -> tuple[int, ...]:
        return self.frames, self.height, self.width, self.channels

    def __call__(self, data: bytes, name: str) -> np.ndarray:
        """name: of the file, for errors.

        Raises:
            UserError: another kind of file, a damaged or too large one, or a single frame.
        """
        try:
            layout = gif_files.layout(data, self.max_pixels)
            selected = moments([frame.delay for frame in layout.frames], self.frames)
            shown = {
                number: self.fit(screen)
                for number, screen in enumerate(screens(data, layout))
                if number in selected
            }
        except GifError as error:
            raise UserError(error.code, f"{error}; {CURES[error.code]}", path=name) from None
        return np.stack([shown[number] for number in selected.tolist()])

    def fit(self, image: np.ndarray) -> np.ndarray:
        """(h, w, 3) uint8 -> (height, width, channels) uint8."""
        if self.channels == 1:
            image = image_decoding.grey(image)
        return image_decoding.resize(image, self.height, self.width)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> "VideoReader":
        return cls(**json.loads(path.read_text("utf-8")))


def moments(delays: list[int], count: int) -> np.ndarray:
    """(count,) numbers of the frames that are shown at evenly spaced moments.

    Args:
        delays: of the frames, in 1/100 s.
        count: T.
    """
    ends = np.cumsum([delay or gif_files.USUAL_DELAY for delay in delays])
    middles = (2 * np.arange(count) + 1) * ends[-1]  # in units of 1 / (2 T)
    return np.searchsorted(2 * count * ends, middles, side="right")


def screens(data: bytes, layout: Layout) -> Iterator[np.ndarray]:
    """(height, width, 3) uint8: what is to be seen with each frame."""
    below = np.zeros((layout.height, layout.width, 3), np.uint8)
    for frame in layout.frames:
        screen = _drawn(data, frame, below)
        yield screen
        if frame.disposal != gif_files.RESTORE:
            below = screen
        if frame.disposal == gif_files.CLEAR:
            below = screen.copy()
            below[_part(frame)] = 0


def _drawn(data: bytes, frame: Frame, below: np.ndarray) -> np.ndarray:
    numbers = gif_files.colour_numbers(data, frame)
    palette = np.zeros((gif_files.COLOURS, 3), np.uint8)
    colours = np.frombuffer(data, np.uint8, 3 * frame.colours, frame.palette)
    palette[: frame.colours] = colours.reshape(-1, 3)
    screen, part = below.copy(), _part(frame)
    is_seen = (numbers != frame.transparent)[..., None]
    screen[part] = np.where(is_seen, palette[numbers], screen[part])
    return screen


def _part(frame: Frame) -> tuple[slice, slice]:
    return (
        slice(frame.top, frame.top + frame.height), slice(frame.left, frame.left + frame.width)
    )  # fmt: skip
