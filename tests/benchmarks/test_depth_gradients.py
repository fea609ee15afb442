"""Skips keep the gradient of a deep network; without them it vanishes, faster with each block."""

import numpy as np
import pytest

from benchmarks import depth_gradients


@pytest.mark.parametrize(("skips", "low", "high"), [(False, 0, 1e-4), (True, 0.2, 20)])
def test_the_share_of_the_gradient_that_reaches_the_first_block(skips, low, high):
    norms = depth_gradients.norms(skips, blocks=8)
    assert norms.shape == (9,) and (norms > 0).all()
    assert low < norms[0] / norms[-1] < high
    if not skips:
        assert (np.diff(norms) > 0).all()
