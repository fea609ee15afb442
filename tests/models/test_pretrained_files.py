"""Without the internet, a download of weights ends in one sentence with the address and a cure."""

from urllib.error import URLError

import pytest
from keras.src.utils import file_utils

import models
from pipelines.config.errors import UserError
from tests.support.model_checks import image_spec


def test_the_address_and_the_folder_are_given(monkeypatch, tmp_path):
    def refuse(*_arguments, **_more):
        raise URLError("no network")

    monkeypatch.setattr(file_utils, "urlretrieve", refuse)
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path))
    with pytest.raises(UserError) as error:
        models.build(
            image_spec(32, 32, 3, 3), "transfer", "transfer", backbone="MobileNet",
            weights="imagenet", size=128, backbone_kwargs={"alpha": 0.25},
        )  # fmt: skip
    assert (error.value.code, error.value.key) == ("download-failed", "build.weights")
    for part in ("https://", "mobilenet_2_5_128_tf_no_top.h5", "no network", ".keras/models"):
        assert part in error.value.message
