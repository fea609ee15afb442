"""Global motion of movies, and the linear classifiers of it."""

import numpy as np
import pytest

from models.classical.linear_motion import FRAME, MOTION, linear_motion
from pipelines.classical.motion_features import MotionFeatures, displacements
from pipelines.tasks.video_classification.example import example_spec


def blobs(shift: tuple[float, float], frames: int = 5) -> np.ndarray:
    """(1, T, 32, 32): a smooth blob that moves by so many pixels (down, right) a frame."""
    row, column = np.mgrid[:32, :32]
    places = [(14 + shift[0] * t, 14 + shift[1] * t) for t in range(frames)]
    shown = [np.exp(-((row - y) ** 2 + (column - x) ** 2) / 18) for y, x in places]
    return np.stack(shown)[None]


@pytest.mark.parametrize("shift", [(0, 0), (0, 1), (-0.7, 0.4), (1, -1)])
def test_displacements_are_those_of_a_moving_blob(shift):
    moved = displacements(blobs(shift))
    assert moved.shape == (1, 4, 2)
    np.testing.assert_allclose(moved[0], np.tile(shift, (4, 1)), atol=0.06)


def test_a_screen_of_one_colour_does_not_move():
    features = MotionFeatures(2)(np.full((2, 4, 9, 9, 3), 200, np.uint8))
    assert features.shape == (2, 6 + 2 + 1 + 4) and not features.any()


def test_changes_are_averaged_where_they_are():
    movie = np.zeros((1, 3, 8, 8, 1), np.uint8)
    movie[0, 1, :4, 4:] = 255  # a flash above on the right, on and off
    changes = MotionFeatures(2)(movie)[0, -4:]
    np.testing.assert_allclose(changes, [0, 1, 0, 0])


def split(rows: int, seed: int) -> dict:
    """Blobs that go left or right from anywhere; one frame says nothing."""
    rng = np.random.default_rng(seed)
    label = (np.arange(rows) % 2).astype(np.int32)
    places = rng.integers(4, 20, (rows, 2))
    frames = np.zeros((rows, 4, 24, 24, 1), np.uint8)
    for row, (top, left) in enumerate(places):
        for step in range(4):
            x = left + (step - 2) * (1 if label[row] else -1)
            frames[row, step, top - 2 : top + 2, x - 2 : x + 2] = 220
    return {"frames": frames, "label": label}


def test_motion_is_seen_and_one_frame_is_not_enough(tmp_path):
    spec = example_spec(4, 24, 24, 1, 2)
    model = linear_motion(spec)
    model.fit(split(120, 1), split(40, 2), seed=1)
    test = split(200, 3)
    accuracy = {
        name: np.mean(part.predict(test)["predicted"] == test["label"])
        for name, part in model.components.items()
    }
    assert accuracy[MOTION] > 0.97 and accuracy[FRAME] < 0.65
    assert model.best == MOTION and MOTION in model.selection.settings
    assert model.parameters == 2 * (6 + 2 + 1 + 16 + 1)
    model.save(tmp_path)
    restored = linear_motion(spec)
    restored.restore(tmp_path)
    for name, values in model.predict(test).items():
        np.testing.assert_array_equal(restored.predict(test)[name], values)
    assert restored.selection == model.selection
