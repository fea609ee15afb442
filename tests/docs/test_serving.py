"""Commands and configuration in docs/serving.md work."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig
from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving import config, page
from tests.support import text_models
from tests.support.page_models import save_models
from tests.support.serving_trees import served

TEXT = (Path(__file__).parents[2] / "docs/serving.md").read_text("utf-8")
COMMANDS = re.findall(r"^curl (?:.|\n)+?(?=\n(?:curl|```))", TEXT, re.MULTILINE)
MODEL, WRITER = "spam_cnn", "plays_lstm"  # the examples in the document


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    save_models(root)
    (root / "mail").rename(root / MODEL)
    text_models.save(root / WRITER / "1")
    with served(
        root, extra_routes=page.routes, models={MODEL: {"labels": {"stable": 1}}}
    ) as server:
        yield server.addresses.rest


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_curl_line_works(base, command):
    command = command.replace("http://127.0.0.1:8501", base)
    assert base in command
    done = subprocess.run(
        command.replace("curl -s", "curl -s --fail-with-body", 1),
        shell=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    if WRITER in command:
        assert "text_output" in done.stdout
    elif "-d" in command:
        assert "ham" in done.stdout
    elif "metrics" not in command:
        assert json.loads(done.stdout) is not None or command.endswith("ready")


def test_both_protocols_have_commands():
    assert sum(":predict" in command for command in COMMANDS) == 3
    assert sum("/infer" in command for command in COMMANDS) == 1


def test_the_configuration_is_valid():
    (text,) = (block for block in blocks("yaml") if "batching" in block)
    settings = config.build(yaml.safe_load(text), "docs")
    assert settings.labels_of(MODEL) == {"stable": 1}
    assert settings.policy_of(MODEL).latest == 2


def test_the_defaults_are_those_of_the_code():
    cells = re.findall(r"\| `(\w+)`[^|]*\| ([\d.]+)( [KM]iB)? ", TEXT)
    units = {"": 1, " KiB": 1 << 10, " MiB": 1 << 20}
    documented = {name: float(value) * units[unit] for name, value, unit in cells}
    sections = config.Limits(), config.ConnectionLimits(), config.Batching()
    defaults = {name: value for section in sections for name, value in section}
    assert documented == {**defaults, "load_timeout_s": config.Config().load_timeout_s}


def test_the_manifest_is_yaml_of_kserve():
    (text,) = (block for block in blocks("yaml") if "InferenceService" in block)
    manifest = yaml.safe_load(text)
    assert manifest["spec"]["predictor"]["model"]["modelFormat"] == {"name": "tensorflow"}


def parsed(containing: str, message):
    (text,) = (block for block in blocks("textproto") if containing in block)
    return text_format.Parse(text, message)


def test_tensorflow_serving_reads_its_configuration():
    (model,) = parsed("model_config_list", ModelServerConfig()).model_config_list.config
    assert (model.name, dict(model.version_labels)) == (MODEL, {"stable": 1})
    assert set(model.version_labels.values()) <= set(model.model_version_policy.specific.versions)


def test_triton_reads_its_configuration():
    model = parsed("max_batch_size", ModelConfig())
    tensors = [*model.input, *model.output]
    signature = {"text", "label", "probabilities", "probability"}  # of a text classifier
    assert {tensor.name for tensor in tensors} == signature
    assert all(tensor.dims for tensor in tensors)  # Triton requires them
