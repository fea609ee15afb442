"""Animated GIF files: where their frames are in the file, and files made of frames.

pipelines/tasks/video_classification/graph_gif.py walks through the same blocks in TensorFlow.
The whole layout is known before a single pixel is decoded, so its cost is, too.
Reference: https://www.w3.org/Graphics/GIF/spec-gif89a.txt
"""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

SIGNATURES = (b"GIF87a", b"GIF89a")
EXTENSION, CONTROL, IMAGE, END = 0x21, 0xF9, 0x2C, 0x3B  # how blocks begin
HEAD = 13  # bytes of signature and screen
HAS_PALETTE, INTERLACED = 0x80, 0x40
KEEP, CLEAR, RESTORE = 1, 2, 3  # what becomes of a frame when the next one is drawn
OPAQUE = -1  # no colour is transparent
COLOURS = 256
# A palette in which each colour's number is its grey value: what is decoded with it are numbers.
NUMBERS = np.repeat(np.arange(COLOURS, dtype=np.uint8), 3).tobytes()
USUAL_DELAY = 10  # 1/100 s that programs take for a delay of 0
CLEAR_TABLE, END_OF_CODES = 256, 257
CODES = 250  # of nine bits, before the table must be emptied
LOOP = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
PROBLEMS = {
    "video-format": "not a GIF file; an animated GIF is read",
    "video-damaged": "a damaged GIF file",
    "video-frames": "a GIF file of a single frame; a movie has two or more",
    "video-outside": "a GIF file with a frame beyond its screen, or with one that has no colours",
    "video-too-large": "too many pixels in all frames together",
}  # what the served graph answers, too


class GifError(ValueError):
    """A file that is not read. code: a key of PROBLEMS."""

    def __init__(self, code: str):
        super().__init__(PROBLEMS[code])
        self.code = code


@dataclass(frozen=True)
class Frame:
    """One frame: a part of the screen.

    Args:
        left, top, width, height: in pixels of the screen.
        palette: where its colours begin in the file.
        colours: how many they are.
        interlaced: the flag of interlaced rows, or 0.
        data, end: where its compressed colour numbers begin and end in the file.
        delay: until the next frame, in 1/100 s.
        disposal: KEEP, CLEAR or RESTORE; others are KEEP.
        transparent: the number of the colour that leaves a pixel as it was, or OPAQUE.
    """

    left: int
    top: int
    width: int
    height: int
    palette: int
    colours: int
    interlaced: int
    data: int
    end: int
    delay: int
    disposal: int
    transparent: int


@dataclass(frozen=True)
class Layout:
    """The size of the screen in pixels, and the frames in the order in which they are shown."""

    width: int
    height: int
    frames: tuple[Frame, ...]


def layout(data: bytes, max_pixels: int) -> Layout:
    """Where the frames are.

    Args:
        data: the file.
        max_pixels: of the screen, times the number of frames.

    Raises:
        GifError: another kind of file, a damaged or too large one, or one of fewer than two frames.
    """
    if not data.startswith(SIGNATURES):
        raise GifError("video-format")
    if len(data) <= HEAD:
        raise GifError("video-damaged")
    width, height = _number(data, 6), _number(data, 8)
    shared = (HEAD, _colours(data[10]))
    position, control, frames = HEAD + 3 * shared[1], b"", []
    try:
        while data[position] != END:
            if data[position] == EXTENSION:
                if data[position + 1] == CONTROL:
                    control = data[position + 3 : position + 7]
                position = _end_of_chain(data, position + 2)
            elif data[position] == IMAGE:
                frames.append(_frame(data, position, shared, control))
                position, control = frames[-1].end, b""
            else:
                raise GifError("video-damaged")
            if len(frames) * width * height > max_pixels:
                raise GifError("video-too-large")
    except IndexError:
        raise GifError("video-damaged") from None
    if len(frames) < 2:
        raise GifError("video-frames")
    if not all(_is_whole(frame, width, height) for frame in frames):
        raise GifError("video-outside")
    return Layout(width, height, tuple(frames))


def _frame(data: bytes, at: int, shared: tuple[int, int], control: bytes) -> Frame:
    left, top, width, height = (_number(data, at + place) for place in (1, 3, 5, 7))
    local = _colours(data[at + 9])
    palette, colours = (at + 10, local) if local else shared
    start = at + 10 + 3 * local
    if not 2 <= data[start] <= 8:  # bits of the shortest code
        raise GifError("video-damaged")
    delay, disposal, transparent = 0, KEEP, OPAQUE
    if len(control) == 4:
        delay, disposal = _number(control, 1), control[0] >> 2 & 7
        transparent = control[3] if control[0] & 1 else OPAQUE
    return Frame(
        left, top, width, height, palette, colours, data[at + 9] & INTERLACED, start,
        _end_of_chain(data, start + 1), delay, disposal, transparent,
    )  # fmt: skip


def _is_whole(frame: Frame, width: int, height: int) -> bool:
    has_pixels = frame.width and frame.height and frame.colours
    inside = frame.left + frame.width <= width and frame.top + frame.height <= height
    return bool(has_pixels and inside)


def _end_of_chain(data: bytes, position: int) -> int:
    """Behind a chain of blocks, each with its length before it; the last one has length 0."""
    while length := data[position]:
        position += 1 + length
    return position + 1


def _number(data: bytes, at: int) -> int:
    """Of two bytes, the low one first."""
    return data[at] | data[at + 1] << 8


def _colours(flags: int) -> int:
    return 2 << (flags & 7) if flags & HAS_PALETTE else 0


def colour_numbers(data: bytes, frame: Frame) -> np.ndarray:
    """(height, width) uint8: the numbers of a frame's colours.

    Raises:
        GifError: the compressed numbers are damaged.
    """
    size = frame.width.to_bytes(2, "little") + frame.height.to_bytes(2, "little")
    single = single_frame(size, frame.interlaced, data[frame.data : frame.end])
    try:
        with Image.open(io.BytesIO(single), formats=("GIF",)) as image:
            return np.asarray(image)
    except (OSError, SyntaxError, ValueError, EOFError):
        raise GifError("video-damaged") from None


def single_frame(size: bytes, interlaced: int, compressed: bytes) -> bytes:
    """A GIF file of one frame, whose grey values are the numbers of its colours.

    Args:
        size: width and height, two bytes each.
        interlaced: the flag.
        compressed: the numbers.
    """
    head = SIGNATURES[1] + size + bytes([HAS_PALETTE | 0x77, 0, 0]) + NUMBERS
    return head + bytes([IMAGE, 0, 0, 0, 0]) + size + bytes([interlaced]) + compressed + b";"


def encode(frames: np.ndarray) -> bytes:
    """(T, height, width, 1 or 3) uint8 as an animated GIF that shows ten frames a second.

    Each frame has colours of its own; those of one with more than 256 are brought to so many. It is
    not compressed.
    """
    height, width = frames.shape[1:3]
    size = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    is_grey = frames.shape[3] == 1  # then all frames share one palette, that of grey values
    screen = (HAS_PALETTE | 0x77, NUMBERS) if is_grey else (0x70, b"")
    parts = [SIGNATURES[1], size, bytes([screen[0], 0, 0]), screen[1], LOOP]
    for frame in frames:
        numbers, palette = (frame, b"") if is_grey else _indexed(frame)
        parts += [
            bytes([EXTENSION, CONTROL, 4, KEEP << 2, USUAL_DELAY, 0, 0, 0]),
            bytes([IMAGE, 0, 0, 0, 0]), size, bytes([HAS_PALETTE | 7 if palette else 0]), palette,
            _packed(numbers.ravel()),
        ]  # fmt: skip
    return b"".join(parts) + bytes([END])


def _packed(numbers: np.ndarray) -> bytes:
    """Colour numbers as codes of nine bits, which any reader of GIF files understands.

    The table of a reader is emptied before it has 512 entries and codes have ten bits,
    so there is nothing to search for, as there is in compression.
    """
    pieces = np.array_split(numbers, -(-len(numbers) // CODES))
    codes = [np.concatenate([[CLEAR_TABLE], piece]) for piece in pieces]
    every = np.concatenate([*codes, [END_OF_CODES]]).astype("<u2")
    bits = np.unpackbits(every.view(np.uint8).reshape(-1, 2), axis=1, bitorder="little")
    data = np.packbits(bits[:, :9], bitorder="little").tobytes()
    blocks = (data[start : start + 255] for start in range(0, len(data), 255))
    return bytes([8]) + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def _indexed(frame: np.ndarray) -> tuple[np.ndarray, bytes]:
    """((height, width) uint8 numbers, 256 colours) of (height, width, 3)."""
    colours, numbers = np.unique(frame.reshape(-1, 3), axis=0, return_inverse=True)
    if len(colours) > COLOURS:
        reduced = Image.fromarray(frame).quantize(COLOURS, dither=Image.Dither.NONE)
        colours = np.array(reduced.getpalette(), np.uint8).reshape(-1, 3)
        numbers = np.asarray(reduced)
    return numbers.astype(np.uint8), colours.astype(np.uint8).tobytes().ljust(3 * COLOURS, b"\0")
