"""Folders of encoders: what is read from them, and which are refused."""

import json

import numpy as np
import pytest

from pipelines.preparation import encoder_folder
from tests.support.encoders import POSITIONS, VOCABULARY, preset, published, safetensors
from tests.support.user_errors import user_error

INDEX = {"weight_map": {"a": "part1.safetensors", "b": "part2.safetensors"}}


def test_a_published_folder(tmp_path):
    encoder = encoder_folder.read(published(tmp_path))
    assert encoder.vocabulary == VOCABULARY
    assert (encoder.lowercase, encoder.positions) == (True, POSITIONS)
    files = {"config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"}
    assert {*encoder.files} == files


@pytest.mark.parametrize("lowercase", [True, False])
def test_a_preset_of_keras_hub(tmp_path, lowercase):
    encoder = encoder_folder.read(preset(tmp_path, lowercase))
    assert encoder.vocabulary == VOCABULARY
    assert (encoder.lowercase, encoder.positions) == (lowercase, POSITIONS)
    assert all((tmp_path / name).is_file() for name in encoder.files)


@pytest.mark.parametrize("extra", ["", "Word"])
def test_without_a_configuration_the_vocabulary_shows_the_case(tmp_path, extra):
    published(tmp_path, vocab_size=len(VOCABULARY) + 1)
    (tmp_path / "tokenizer_config.json").unlink()
    pieces = [*VOCABULARY, *([extra] if extra else [])]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces) + "\n", "utf-8")
    assert encoder_folder.read(tmp_path).lowercase == (not extra)


def test_weights_in_parts(tmp_path):
    published(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "part1.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(INDEX))
    with user_error("weights-missing", path=str(tmp_path / "part2.safetensors")):
        encoder_folder.read(tmp_path)
    (tmp_path / "part2.safetensors").write_bytes(safetensors({"b": np.ones(2, np.float32)}))
    assert {"part1.safetensors", "part2.safetensors"} < {*encoder_folder.read(tmp_path).files}


@pytest.mark.parametrize(
    ("name", "code"),
    [("vocab.txt", "vocabulary-missing"), ("model.safetensors", "weights-missing")],
)
def test_a_file_that_is_missing(tmp_path, name, code):
    published(tmp_path)
    (tmp_path / name).unlink()
    with user_error(code, path=str(tmp_path / name)):
        encoder_folder.read(tmp_path)


@pytest.mark.parametrize(
    "name", ["model.weights.h5", "tokenizer.json", "assets/tokenizer/vocabulary.txt"]
)
def test_a_preset_without_a_file(tmp_path, name):
    preset(tmp_path)
    (tmp_path / name).unlink()
    code = "weights-missing" if "weights" in name else "vocabulary-missing"
    with user_error(code, path=str(tmp_path / name)):
        encoder_folder.read(tmp_path)


@pytest.mark.parametrize("size", [0, 5, 8, 20, -1])
def test_half_a_file_of_weights(tmp_path, size):
    path = published(tmp_path) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with user_error("weights-damaged", path=str(path)):
        encoder_folder.read(tmp_path)


@pytest.mark.parametrize(
    "data", [b"<html>moved</html> and more of it", b"\x02" + bytes(7) + b"[]", bytes(8)]
)
def test_a_file_of_another_kind(tmp_path, data):
    path = published(tmp_path) / "model.safetensors"
    path.write_bytes(data)
    with user_error("weights-damaged", path=str(path)):
        encoder_folder.read(tmp_path)


def test_half_a_file_of_a_preset(tmp_path):
    path = preset(tmp_path) / "model.weights.h5"
    path.write_bytes(path.read_bytes()[:4000])
    with user_error("weights-damaged", path=str(path)):
        encoder_folder.read(tmp_path)


@pytest.mark.parametrize(
    "pieces",
    [
        [piece for piece in VOCABULARY if piece != "[CLS]"],
        VOCABULARY[1:],
        [*VOCABULARY[:-1], "win"],
        ["[UNK]", "[PAD]", *VOCABULARY[2:]],
        [*VOCABULARY, "more"],
    ],
)
def test_a_vocabulary_that_does_not_fit(tmp_path, pieces):
    published(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(pieces) + "\n", "utf-8")
    with user_error("vocabulary-invalid"):
        encoder_folder.read(tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        {"do_lower_case": True, "strip_accents": False},
        {"do_lower_case": False, "strip_accents": True},
        {"do_lower_case": True, "tokenize_chinese_chars": False},
    ],
)
def test_a_tokenization_that_cannot_be_served(tmp_path, settings):
    published(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    with user_error("tokenization-unsupported", path=str(tmp_path / "tokenizer_config.json")):
        encoder_folder.read(tmp_path)


def test_a_configuration_of_something_else(tmp_path):
    published(tmp_path)
    for text, code in (
        ("{", "config-invalid"),
        ("[]", "config-invalid"),
        ('{"architecture": "resnet50"}', "encoder-unsupported"),
    ):
        (tmp_path / "config.json").write_text(text)
        with user_error(code, path=str(tmp_path / "config.json")):
            encoder_folder.read(tmp_path)
