"""Principal components of images: the least squared error, saving, code sizes that cannot be."""

import numpy as np
import pytest

import models
from models.classical.pca_images import pca_images
from pipelines.config.errors import UserError
from tests.support.model_checks import image_spec

SPEC = image_spec(4, 3, 1, 2)


def images(rows: int, seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(rows, 12)) @ rng.normal(size=(12, 12)) * 15 + 128
    return {"image": np.clip(mixed, 0, 255).astype(np.uint8).reshape(rows, 4, 3, 1)}


def fitted(code_dim: int, rows: int = 40):
    pca = pca_images(SPEC, code_dim=code_dim)
    pca.fit(images(rows), images(10, seed=2), seed=1)
    return pca


@pytest.mark.parametrize("rows", [40, 9])  # more and fewer than pixels
def test_what_is_lost_on_train_is_the_variance_of_the_other_components(rows):
    pca, train = fitted(5, rows), images(rows)
    pixels = train["image"].reshape(rows, 12) / 255
    variances = np.linalg.eigvalsh(np.cov(pixels.T, bias=True))[::-1]
    code = (pixels - pca.mean) @ pca.directions.T
    lost = np.mean((code @ pca.directions + pca.mean - pixels) ** 2)
    assert lost == pytest.approx(variances[5:].sum() / 12, rel=1e-9)
    np.testing.assert_allclose(code.var(axis=0), variances[:5], rtol=1e-9)
    share = float(pca.selection.settings.split(", ")[1].split("%")[0])
    assert share == pytest.approx(100 * variances[:5].sum() / variances.sum(), abs=0.06)


def test_all_components_give_the_image_back():
    train = images(40)
    outputs = fitted(12).predict(train)
    np.testing.assert_allclose(outputs["reconstruction"], train["image"] / 255, atol=1e-6)
    assert outputs["code"].shape == (40, 12)


def test_with_few_rows_there_are_as_many_components():
    assert fitted(12, rows=4).predict(images(3))["code"].shape == (3, 4)


def test_it_is_restored(tmp_path):
    pca, val = fitted(3), images(10, seed=2)
    pca.save(tmp_path)
    again = models.build(SPEC, "classical/pca_images", "pca_images", code_dim=3)
    again.restore(tmp_path)
    for name, values in pca.predict(val).items():
        np.testing.assert_array_equal(again.predict(val)[name], values)
    assert again.selection == pca.selection and again.parameters == 12 + 3 * 12
    errors = (pca.predict(val)["reconstruction"] - val["image"] / 255) ** 2
    assert (pca.selection.metric, pca.selection.mode) == ("val/mse", "min")
    assert pca.selection.value == pytest.approx(errors.mean(), rel=1e-5)


@pytest.mark.parametrize("code_dim", [0, 13])
def test_a_code_has_at_most_as_many_numbers_as_pixels(code_dim):
    with pytest.raises(UserError) as error:
        models.build(SPEC, "classical/pca_images", "pca_images", code_dim=code_dim)
    assert (error.value.code, error.value.key) == ("code-dim-out-of-range", "build.code_dim")
