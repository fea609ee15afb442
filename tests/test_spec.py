"""The contract file: what is saved is what is loaded, and other versions are refused."""

import json

import pytest

from pipelines.config.errors import UserError
from pipelines.spec import SCHEMA_VERSION, DataSpec, Field, Target

SPEC = DataSpec(
    inputs={"words": Field.token_ids(5, 9), "level": Field((), "float32", "m")},
    target=Target.class_id("tag", 3, shape=(5,)),
    outputs=3,
    request_inputs=("text", "level"),
    labels=("a", "b", "c"),
    repeats=2,
    digests={"repeat0/train": "0" * 64},
    task_metadata={"stride": 2},
)


def test_what_is_saved_is_what_is_loaded(tmp_path):
    SPEC.save(tmp_path / "spec.json")
    assert DataSpec.load(tmp_path / "spec.json") == SPEC
    assert json.loads((tmp_path / "spec.json").read_text())["schema_version"] == SCHEMA_VERSION


@pytest.mark.parametrize("version", [None, 0, 2, "1"])
def test_another_schema_version_is_refused(tmp_path, version):
    path = tmp_path / "spec.json"
    SPEC.save(path)
    values = json.loads(path.read_text())
    values.pop("schema_version")
    path.write_text(json.dumps(values | ({} if version is None else {"schema_version": version})))
    with pytest.raises(UserError) as error:
        DataSpec.load(path)
    assert (error.value.code, error.value.path) == ("schema-version-unknown", str(path))
    assert (error.value.key, error.value.value) == ("schema_version", version)


def test_a_spec_that_is_not_there(tmp_path):
    with pytest.raises(UserError) as error:
        DataSpec.load(tmp_path / "spec.json")
    assert (error.value.code, error.value.path) == ("file-missing", str(tmp_path / "spec.json"))


def test_only_padded_ids_are_open():
    assert SPEC.inputs["words"].open_shape == (None,)
    assert SPEC.target.open_shape == (5,)
    assert Field((7, 2), "float32", "m").open_shape == (7, 2)


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "smell"},
        {"kind": "ids"},
        {"kind": "class"},
        {"padded": True},
        {"kind": "class", "size": 3, "padded": True},
    ],
)
def test_a_field_that_contradicts_itself(options):
    with pytest.raises(ValueError, match="kind|padded|size"):
        Field((4,), "int32", "token id", **options)
