"""The arithmetic of vanishing and exploding gradients, and what clipping does about it."""

import numpy as np
import pytest

from benchmarks import vanishing_gradients as lesson


@pytest.mark.parametrize(("weight", "power"), [(0.9, 0.00515), (1.0, 1.0), (1.1, 117.4)])
def test_the_powers_of_the_slides(weight, power):
    gradients = lesson.gradients(weight)
    assert gradients[0] == pytest.approx(power, rel=1e-3) and gradients[-1] == 1
    np.testing.assert_allclose(gradients[:-1], gradients[1:] * weight)


@pytest.mark.parametrize("gradient", [-1e6, -0.5, 0.0, 0.5, 1e6])
def test_clipping_shortens_long_gradients_alone(gradient):
    clipped = lesson.clipped(gradient, 1.0)
    assert abs(clipped) <= 1 and np.sign(clipped) == np.sign(gradient)
    assert clipped == gradient or abs(gradient) > 1
    assert lesson.clipped(gradient, None) == gradient


def test_without_clipping_the_weight_explodes_and_with_it_the_target_is_learned():
    free, held = lesson.descend(None), lesson.descend(lesson.CLIP)
    assert len(free) < 5 and abs(free[-1]) > 100
    assert held[-1] == pytest.approx(1, abs=1e-6)
    steps = np.abs(np.diff(held))
    assert steps.max() <= lesson.RATE * lesson.CLIP * (1 + 1e-9)
