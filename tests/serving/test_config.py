"""The server's configuration file."""

import math

import pytest
import yaml

from pipelines.config.errors import UserError
from serving import config
from serving.version_policy import Policy


@pytest.mark.parametrize(
    ("text", "code", "key", "value"),
    [
        ("rest_port: 70000", "config-invalid", "rest_port", 70000),
        ("port: 1", "config-invalid", "port", 1),
        ("policy: {latest: 1, all: true}", "config-invalid", "policy", {"latest": 1, "all": True}),
        ("limits: {rows: 0}", "config-invalid", "limits.rows", 0),
        ("models: {m: {labels: {a: -1}}}", "config-invalid", "models.m.labels.a", -1),
        ("[1", "yaml-invalid", None, None),
        ("1", "config-not-mapping", None, 1),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, text, code, key, value):
    path = tmp_path / "serving.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as raised:
        config.build(config.read(path), str(path))
    error = raised.value
    assert (error.code, error.path, error.key, error.value) == (code, str(path), key, value)


def test_all_mistakes_of_a_file_are_listed():
    with pytest.raises(UserError) as raised:
        config.build({"rest_port": -1, "limits": {"rows": 0}}, "serving.yaml")
    assert raised.value.key == "rest_port"
    assert "limits.rows" in str(raised.value)


def test_the_example_at_the_head_of_config_is_accepted():
    text = config.__doc__.split("\n\n")[1]
    settings = config.build(yaml.safe_load(text), "docstring")
    assert settings.policy_of("spam_cnn") == Policy(latest=2)
    assert settings.policy_of("another") == Policy(latest=1)
    assert settings.labels_of("spam_cnn") == {"stable": 1, "canary": 2}
    assert math.isclose(settings.limits.timeout_s, 5)
