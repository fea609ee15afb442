"""What order means to a network of movies."""

import keras
import numpy as np
import pytest

from models.video_networks import frame_cnn_gru
from pipelines.datasets import moving_digits
from pipelines.tasks.video_classification.example import example_batch, example_spec


def built(pooling: str, spec=None) -> keras.Model:
    keras.utils.set_random_seed(1)
    return frame_cnn_gru(spec or example_spec(), pooling=pooling, filters=(4,), frame_units=8)


def answers(model, frames: np.ndarray) -> np.ndarray:
    return model.predict({"frames": frames}, verbose=0)


@pytest.mark.parametrize(("pooling", "is_ordered"), [("mean", False), ("gru", True)])
def test_a_bag_of_frames_answers_the_same_in_any_order(pooling, is_ordered):
    frames = example_batch(example_spec())[0]["frames"]
    model = built(pooling)
    forwards, backwards = answers(model, frames), answers(model, frames[:, ::-1])
    assert np.allclose(forwards, backwards, atol=1e-5) != is_ordered


def test_each_frame_is_read_alone_and_by_the_same_network():
    """A movie of one frame, repeated, has one vector; it is that of the frame anywhere else."""
    spec = example_spec(frames=4)
    frames = example_batch(spec)[0]["frames"]
    model = built("gru", spec)
    reader = keras.Model(model.inputs, model.get_layer("dropout_frames").output)
    vectors = answers(reader, frames)  # (B, T, v)
    rolled = answers(reader, np.roll(frames, 1, axis=1))
    np.testing.assert_allclose(np.roll(vectors, 1, axis=1), rolled, rtol=1e-4, atol=1e-5)


def bars(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A bar of light that goes left or right, and comes back on the other side."""
    rng = np.random.default_rng(seed)
    classes = (np.arange(count) % 2).astype(np.int32)
    start = rng.integers(0, 8, count)
    places = (start[:, None] + np.where(classes, 1, -1)[:, None] * np.arange(6)) % 8  # (B, T)
    frames = np.zeros((count, 6, 8, 8, 1), np.uint8)
    row, step = np.arange(count)[:, None], np.arange(6)
    frames[row, step, :, places] = 255
    return frames, classes


@pytest.mark.slow
def test_left_and_right_are_told_apart_by_order_alone():
    spec = example_spec(classes=2)
    accuracy = {}
    for pooling in ("gru", "mean"):
        model = built(pooling, spec)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(1e-2), loss)
        model.fit(*bars(256, 1), batch_size=32, epochs=25, verbose=0)
        frames, classes = bars(200, 2)
        accuracy[pooling] = np.mean(answers(model, frames).argmax(axis=1) == classes)
    assert accuracy["gru"] > 0.95
    assert accuracy["mean"] < 0.65


def test_a_single_frame_of_moving_digits_says_nothing_of_the_motion():
    """Whatever the motion, the place in the middle frame is uniform on the canvas."""
    rng = np.random.default_rng(1)
    for motion in moving_digits.MOTIONS:
        paths = [moving_digits.path(motion, 12, 20, rng)[6] % 20 for _ in range(1000)]
        for place in np.array(paths).T:
            counts = np.histogram(place, 4, (0, 20))[0]
            assert abs(counts - 250).max() < 60  # over four standard deviations
