"""Folders of movies: GIF and PNG animations, numbered frames, and each mistake by name."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.config.errors import UserError
from pipelines.datasets import frame_folders, moving_digits
from pipelines.preparation.labelled_videos import in_order
from pipelines.preprocessing import gif_files, image_decoding
from pipelines.preprocessing.video_decoding import VideoReader
from pipelines.storage import arrays
from tests.support.user_errors import user_error

pytestmark = pytest.mark.usefixtures("empty_folder")
RAW = Path("movies")
OPTIONS = {"frames": 4, "size": [8, 8], "split": {"val": 2, "test": 2}}


def frames(seed: int, count: int = 4, channels: int = 3) -> np.ndarray:
    """Few colours, so that a GIF file has them all."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4, (count, 8, 8, channels)).astype(np.uint8) * 80


def animated_png(shown: np.ndarray) -> bytes:
    images = [Image.fromarray(frame) for frame in shown]
    stream = io.BytesIO()
    images[0].save(stream, "PNG", save_all=True, append_images=images[1:], duration=100)
    return stream.getvalue()


def write(name: str, data: bytes) -> None:
    path = RAW / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def movies(count: int = 8) -> None:
    for label in ("left", "right"):
        for number in range(count):
            shown = frames(10 * number + len(label))
            write(f"{label}/{number}.gif", gif_files.encode(shown))


def prepare(**options):
    given = frame_folders.Options.model_validate({**OPTIONS, **options})
    Path("out").mkdir(exist_ok=True)
    return frame_folders.prepare(given, RAW, Path("out"), 1)


def rows(split: str) -> dict:
    return arrays.read(Path("out/repeat0") / split)


def test_every_kind_of_movie_becomes_the_same_frames():
    movies()
    for place, kind in enumerate(("gif", "png", "folder")):
        shown = frames(100 + place)
        if kind == "folder":
            for number in range(4):  # frame 10 is after frame 9
                write(f"left/walk/{number + 7}.png", image_decoding.png(shown[number]))
        else:
            write(f"left/x.{kind}",
                  gif_files.encode(shown) if kind == "gif" else animated_png(shown))  # fmt: skip
    spec = prepare()
    assert spec.inputs["frames"].shape == (4, 8, 8, 3) and spec.request_inputs == ("video_bytes",)
    every = {}
    reader = VideoReader.load(Path("out/repeat0/assets/video.json"))
    for split in ("train", "val", "test"):
        columns = rows(split)
        for number, name in enumerate(columns["file"]):
            every[name] = columns["frames"][number]
            np.testing.assert_array_equal(reader(columns["video_bytes"][number], name), every[name])
    assert len(every) == 19
    for place, name in enumerate(("left/x.gif", "left/x.png", "left/walk")):
        np.testing.assert_array_equal(every[name], frames(100 + place))
    found = {f["code"]: f for f in json.loads(Path("out/report.json").read_text())["findings"]}
    assert found["rows"]["count"] == 19 and found["converted"]["count"] == 2


def test_frames_are_counted_and_sampled_evenly():
    movies()
    write("left/long.gif", gif_files.encode(frames(50, count=8)))
    prepare()
    columns = [rows(split) for split in ("train", "val", "test")]
    names = [name for part in columns for name in part["file"]]
    every = np.concatenate([part["frames"] for part in columns])
    np.testing.assert_array_equal(every[names.index("left/long.gif")], frames(50, 8)[1::2])
    report = Path("out/report.txt").read_text()
    assert "4 to 8 frames" in report


def test_numbers_in_names_are_numbers():
    names = ["f10.png", "f9.png", "f1_2.png", "f1_10.png", "a.png"]
    assert sorted(names, key=in_order) == ["a.png", "f1_2.png", "f1_10.png", "f9.png", "f10.png"]


def test_equal_movies_are_there_once_and_never_under_two_labels():
    movies()
    write("left/again.gif", (RAW / "left/3.gif").read_bytes())
    prepare()
    assert sum(len(rows(split)["label"]) for split in ("train", "val", "test")) == 16
    write("right/again.gif", (RAW / "left/3.gif").read_bytes())
    with user_error("label-conflict", value="right/again.gif"):
        frame_folders.prepare(frame_folders.Options.model_validate(OPTIONS), RAW, Path("other"), 1)


STILL = image_decoding.png(frames(1)[0])
MISTAKES = {
    "left/a.gif": ("video-format", b""),
    "left/b.mp4": ("video-format", b"\0\0\0\x18ftypmp42"),
    "left/c.gif": ("video-frames", gif_files.encode(frames(1, count=1))),
    "left/d.gif": ("video-damaged", gif_files.encode(frames(1))[:-60]),
    "left/e.png": ("video-frames", STILL),
    "left/one/1.png": ("video-frames", STILL),
    "left/f.png": ("video-damaged", animated_png(frames(1))[:-200]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_no_movie_is_refused_by_name_or_skipped(name, capsys):
    code, data = MISTAKES[name]
    movies()
    write(name, data)
    with pytest.raises(UserError) as raised:
        frame_folders.read(
            frame_folders.Options.model_validate(OPTIONS), RAW, VideoReader(4, 8, 8, 3), 1
        )
    assert raised.value.code == code and Path(str(raised.value.path)).is_relative_to(RAW / "left")
    prepare(bad_files="skip")
    assert "skipped" in capsys.readouterr().out
    assert sum(len(rows(split)["label"]) for split in ("train", "val", "test")) == 16


def test_an_animation_among_frames_is_not_taken_for_one():
    movies()
    for number in range(3):
        write(f"left/walk/{number}.png", animated_png(frames(number)))
    with user_error("video-nested"):
        prepare()


@pytest.mark.parametrize("name", ["left/long.gif", "left/long.png"])
def test_too_many_pixels_are_refused_before_they_are_decoded(name):
    movies()
    shown = frames(9, count=40)
    write(name, gif_files.encode(shown) if name.endswith("gif") else animated_png(shown))
    with user_error("video-too-large"):
        prepare(max_pixels=39 * 64)
    prepare(max_pixels=40 * 64)


def test_moving_digits_are_the_same_from_the_same_seed():
    options = moving_digits.Options(frames=4, movies={"train": 12, "val": 6, "test": 6})
    reader = VideoReader(4, 20, 20, 1)
    first, again, other = (moving_digits.read(options, RAW, reader, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.images, again.images)
    assert list(first.files) == list(again.files)
    assert (first.images != other.images).any()
    assert first.images.shape == (24, 4, 20, 20, 1)
    for split, count in (("train", 12), ("val", 6), ("test", 6)):
        classes = first.targets[first.given_splits == split]
        assert (np.bincount(classes, minlength=6) == count // 6).all()


def test_a_digit_between_pixels_keeps_its_ink_and_comes_back_on_the_other_side():
    ink = np.full((8, 8), 16.0)
    whole = moving_digits.draw(ink, np.array([3.0, 4.0]), 20)
    assert (whole[3:11, 4:12] == 255).all() and (whole == 255).sum() == 64
    shifted = moving_digits.draw(ink, np.array([3.0, 17.25]), 20).astype(float)
    assert (shifted[3:11, [18, 19, 0, 1]] == 255).all()
    total = (shifted - moving_digits.GROUND).sum() / (255 - moving_digits.GROUND)
    assert total == pytest.approx(64, abs=0.2)


@pytest.mark.parametrize(("motion", "way"), [("left", (0, -1)), ("up", (-1, 0)), ("down", (1, 0))])
def test_straight_motions_go_their_way(motion, way):
    path = moving_digits.path(motion, 100, 20, np.random.default_rng(1))
    step = (path[-1] - path[0]) / 99
    speed = float(step @ np.array(way))
    assert 0.5 < speed < 1.5 and abs(step - speed * np.array(way)).max() < 0.05


def test_clockwise_on_a_screen_whose_rows_go_down():
    """From the right, clockwise goes down: the cross product of right and down."""
    for motion, sign in (("clockwise", 1), ("anticlockwise", -1)):
        path = moving_digits.path(motion, 60, 20, np.random.default_rng(1))
        around = path - path.mean(axis=0)
        down, right = around.T
        turned = right[:-3] * down[3:] - down[:-3] * right[3:]
        assert sign * np.median(turned) > 0
