"""Files that were made to run code, or to reach outside: refused, and what they would do not done.

Archives, which come from outside more often, are in test_fetch.py.
"""

import ast
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from pipelines.config import loader
from pipelines.config.errors import UserError
from pipelines.evaluation import load_model
from pipelines.stages import verify
from pipelines.storage import arrays, keras_file
from pipelines.training import checkpoints
from tests.support.project import CNN, ROOT
from tests.support.user_errors import user_error

TRACKED = subprocess.run(
    ["git", "ls-files", "-co", "--exclude-standard"],
    cwd=ROOT, capture_output=True, text=True, check=True,
).stdout.splitlines()  # fmt: skip
SOURCES = [name for name in TRACKED if name.endswith(".py") and not name.startswith("tests/")]
UNSAFE = re.compile(
    r"^\s*(import|from) (pickle|cloudpickle|dill|joblib|shelve|marshal)\b"
    r"|allow_pickle\s*=\s*True|safe_mode\s*=\s*False|enable_unsafe_deserialization"
    r"|yaml\.(load|full_load|unsafe_load)\(|(?<![.\w])(eval|exec)\(|shell\s*=\s*True|verify\s*=\s*False"
    r"|read_pickle|torch\.load|0\.0\.0\.0",
    re.MULTILINE,
)
# Where pickles of plain arrays are read, with every other name refused: test_watch_streams.py.
MAY_NAME = {"pipelines/preparation/restricted_pickle.py": ["import pickle"]}


@pytest.fixture
def canary(tmp_path):
    """A file that hostile code would write. Afterwards it is not there."""
    path = tmp_path / "canary"
    yield path
    assert not path.exists(), "the hostile file's code was run"


class Bomb:
    """Unpickling it writes the canary."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


def model() -> keras.Model:
    inputs = keras.Input((3,), name="x")
    return keras.Model(inputs, keras.layers.Dense(2, name="logits")(inputs))


def save(folder: Path, made: keras.Model) -> Path:
    folder.mkdir()
    made.save(folder / load_model.FILE)
    return folder


def altered(folder: Path, **members) -> Path:
    """A good .keras file of which some members were replaced: each a function of the old bytes."""
    path = save(folder, model()) / load_model.FILE
    with zipfile.ZipFile(path) as source:
        old = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w") as target:
        for name, data in old.items():
            target.writestr(name, members.get(name.partition(".")[0], lambda same: same)(data))
    return folder


def load(folder: Path) -> keras.Model:
    """As if this very file had been trained."""
    return load_model.load(
        folder, {"models": {folder.name: keras_file.digest(folder / load_model.FILE)}}
    )


def layer(**entry):
    """Puts another layer into config.json in place of the last one."""

    def change(data: bytes) -> bytes:
        config = json.loads(data)
        config["config"]["layers"][-1] |= entry
        return json.dumps(config).encode()

    return change


# Nothing in the code could load them


@pytest.mark.parametrize("name", SOURCES)
def test_no_source_unpickles_or_runs_what_it_reads(name):
    text = (ROOT / name).read_text("utf-8")
    matches = [match.group().strip() for match in UNSAFE.finditer(text)]
    assert matches == MAY_NAME.get(name, [])


def test_the_search_finds_what_it_looks_for():
    for text in (
        *("import pickle", "from joblib import load", "np.load(p, allow_pickle=True)"),
        *("keras.saving.load_model(p, safe_mode=False)", "yaml.load(f)", "eval(text)"),
    ):
        assert UNSAFE.search(text), text
    assert not UNSAFE.search('yaml.safe_load(text); "MLFLOW_ALLOW_PICKLE"; np.load(p)')


def test_what_listens_listens_to_this_machine_only():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for line in makefile.splitlines():
        if re.search(r"mlflow (ui|server)", line):
            assert "--host 127.0.0.1" in line
    for name in SOURCES:
        for node in ast.walk(ast.parse((ROOT / name).read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value.strip() not in ("0.0.0.0", "::"), f"{name}:{node.lineno}"


# Models


def test_a_good_model_is_loaded(tmp_path):
    made = model()
    loaded = load(save(tmp_path / "good", made))
    assert np.array_equal(loaded.layers[-1].kernel, made.layers[-1].kernel)


def test_a_lambda_layer_is_refused(tmp_path, canary):
    inputs = keras.Input((3,), name="x")
    command = f"touch {canary}"
    outputs = keras.layers.Lambda(
        lambda x, command=command: [__import__("os").system(command), x][1], output_shape=(3,)
    )(inputs)
    folder = save(tmp_path / "lambda", keras.Model(inputs, outputs))
    canary.unlink(missing_ok=True)  # building the model has run it, once
    with pytest.raises(UserError) as error:
        load(folder)
    assert (error.value.code, Path(error.value.path).name) == ("model-unreadable", "model.keras")
    assert "lambda" in error.value.value.lower()


@pytest.mark.parametrize(
    ("module", "name", "options"),
    [
        ("os", "system", {"command": "touch {canary}"}),
        ("builtins", "exec", {"source": "open('{canary}', 'w')"}),
        ("subprocess", "Popen", {"args": ["touch", "{canary}"]}),
        ("keras.utils", "get_file", {"origin": "file:///etc/passwd", "fname": "{canary}"}),
        ("pipelines.stages.export", "write_json", {"path": "{canary}", "values": {}}),
    ],
)
def test_a_layer_that_is_another_function_is_refused(tmp_path, canary, module, name, options):
    options = json.loads(json.dumps(options).replace("{canary}", str(canary)))
    entry = layer(module=module, class_name=name, registered_name=None, config=options)
    with pytest.raises(UserError) as error:
        load(altered(tmp_path / "altered", config=entry))
    assert error.value.code == "model-unreadable"


def test_a_layer_that_loads_a_saved_model_from_a_path_is_refused(tmp_path):
    module = tf.Module()
    module.serve = tf.function(lambda x: x, input_signature=[tf.TensorSpec((None, 3))])
    tf.saved_model.save(module, str(tmp_path / "elsewhere"))
    options = {"name": "t", "filepath": str(tmp_path / "elsewhere"), "call_endpoint": "serve"}
    entry = layer(module="keras.layers", class_name="TFSMLayer", config=options)
    with pytest.raises(UserError) as error:
        load(altered(tmp_path / "altered", config=entry))
    assert error.value.code == "model-unreadable"


def test_a_layer_that_reads_a_file_of_this_machine_is_refused(tmp_path):
    options = {"name": "words", "vocabulary": "/etc/hostname", "dtype": "string"}
    entry = layer(module="keras.layers", class_name="StringLookup", config=options)
    with pytest.raises(UserError) as error:
        load(altered(tmp_path / "altered", config=entry))
    assert error.value.code == "model-unreadable"


def test_weights_that_lie_in_another_file_are_refused(tmp_path):
    """HDF5 can name a data set in another file, which would be read in its place."""
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = np.ones((3, 2), np.float32)

    def link(data: bytes) -> bytes:
        stream = io.BytesIO(data)
        with h5py.File(stream, "r+") as file:
            (group,) = [g for g in file["layers"].values() if len(g["vars"])]
            del group["vars/0"]
            group["vars/0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "secret")
        return stream.getvalue()

    with pytest.raises(UserError) as error:
        load(altered(tmp_path / "altered", model=link))
    assert error.value.code == "model-unreadable"


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_half_a_model_is_refused(tmp_path, share):
    path = save(tmp_path / "half", model()) / load_model.FILE
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UserError) as error:
        load(path.parent)
    assert (error.value.code, error.value.path) == ("model-unreadable", str(path))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_refused_by_layer(tmp_path, value):
    made = model()
    kernel = np.ones((3, 2), np.float32)
    kernel[1, 0] = value
    made.layers[-1].kernel.assign(kernel)
    with pytest.raises(UserError) as error:
        load(save(tmp_path / "nan", made))
    assert (error.value.code, error.value.value) == ("weights-not-finite", "logits/kernel")


def test_a_model_that_is_not_the_one_that_was_trained_is_not_opened(tmp_path, monkeypatch):
    folder = save(tmp_path / "good", model())
    record = {"models": {"good": keras_file.digest(folder / load_model.FILE)}}
    model().save(folder / load_model.FILE)  # as good a file, and another one
    monkeypatch.setattr("keras.saving.load_model", lambda *_, **__: pytest.fail("opened"))
    with pytest.raises(UserError) as error:
        load_model.load(folder, record)
    assert error.value.code == "model-changed"
    assert error.value.path == str(folder / load_model.FILE)


# Arrays and checkpoints


def test_an_array_of_objects_is_not_unpickled(tmp_path, canary):
    (tmp_path / "train").mkdir()
    bombs = np.array([Bomb(canary)], dtype=object)
    np.save(tmp_path / "train/words.npy", bombs, allow_pickle=True)
    with user_error("array-damaged", path=str(tmp_path / "train/words.npy")):
        arrays.read(tmp_path / "train")


def test_a_checkpoint_with_an_object_is_not_unpickled(tmp_path, canary):
    plain = np.frombuffer(b'{"count": {"variables": 1, "optimizer": 0, "best": 0}}', np.uint8)
    bombs = np.array([Bomb(canary)], dtype=object)
    np.savez(tmp_path / "fit.npz", plain=plain, variables0=bombs)
    with pytest.raises(UserError) as error:
        checkpoints.Checkpoint.load(tmp_path / "fit.npz")
    assert (error.value.code, error.value.path) == (
        "checkpoint-damaged", str(tmp_path / "fit.npz"),
    )  # fmt: skip


@pytest.mark.parametrize("size", [0, 60, 150])
def test_half_an_array_is_refused(tmp_path, size):
    arrays.write(tmp_path / "part", {"x": np.arange(100)})
    path = tmp_path / "part/x.npy"
    path.write_bytes(path.read_bytes()[:size])
    with user_error("array-damaged", path=str(path)):
        arrays.read(tmp_path / "part")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_half_a_checkpoint_is_refused(tmp_path, share):
    path = tmp_path / "fit.npz"
    checkpoints.Checkpoint(epoch=3, variables=[np.arange(100.0)]).save(path)
    assert checkpoints.Checkpoint.load(path).epoch == 3
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UserError) as error:
        checkpoints.Checkpoint.load(path)
    assert (error.value.code, error.value.path) == ("checkpoint-damaged", str(path))


# Parameters


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.system ['touch {canary}']",
        "!!python/object/new:os.system ['touch {canary}']",
        "!!python/name:os.system",
    ],
)
def test_a_params_file_cannot_name_code(tmp_path, canary, value):
    path = tmp_path / "params.yaml"
    path.write_text(f"seed: {value.replace('{canary}', str(canary))}\n")
    with pytest.raises(UserError, match=r"params\.yaml"):
        loader.load(path)


# What is served and registered


def exported(folder: Path) -> Path:
    """A SavedModel with the signature.json that export writes beside it, as far as verify reads."""
    module = tf.Module()
    module.serve = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec((None, 3))])
    tf.saved_model.save(module, str(folder / "model"))
    contract = {
        "schema_version": 1,
        "experiment": "tiny",
        "digest": arrays.digest(folder / "model"),
    }
    (folder / "signature.json").write_text(json.dumps(contract))
    return folder


@pytest.mark.parametrize("change", ["swap", "cut", "add"])
def test_a_saved_model_that_is_not_the_one_described_is_not_loaded(tmp_path, monkeypatch, change):
    monkeypatch.setattr(
        "tensorflow.saved_model.load", lambda *_: pytest.fail("it must not be loaded")
    )
    folder = exported(tmp_path / "exported")
    graph = folder / "model/saved_model.pb"
    if change == "swap":
        (folder / "model").rename(tmp_path / "aside")
        (folder / "model").symlink_to(exported(tmp_path / "hostile") / "model")
    elif change == "cut":
        graph.write_bytes(graph.read_bytes()[:-1])
    else:
        (folder / "model/assets").mkdir(exist_ok=True)
        (folder / "model/assets/words.txt").write_text("free\n")
    with pytest.raises(UserError) as error:
        verify.run(tmp_path / "params.yaml", str(folder))
    assert (error.value.code, error.value.path) == ("model-altered", str(folder / "model"))


MLFLOW = """
import os, sys
from pipelines import tracking
import mlflow
try:
    mlflow.pyfunc.load_model(sys.argv[1])
except mlflow.MlflowException as error:
    print("refused:", error)
"""


@pytest.mark.slow
def test_a_pickled_mlflow_model_is_not_unpickled(tmp_path, canary):
    """With what tracking sets before MLflow is imported; by default MLflow would unpickle it."""
    import cloudpickle

    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "python_model.pkl").write_bytes(cloudpickle.dumps(Bomb(canary)))
    (folder / "MLmodel").write_text(
        "flavors:\n  python_function:\n    cloudpickle_version: 3.1.2\n    code: null\n"
        "    loader_module: mlflow.pyfunc.model\n    python_model: python_model.pkl\n"
        f"    python_version: {sys.version.split()[0]}\n"
    )
    environ = {n: v for n, v in os.environ.items() if not n.startswith("MLFLOW_")}
    done = subprocess.run(
        [sys.executable, "-c", MLFLOW, str(folder)],
        cwd=ROOT, env=environ, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.startswith("refused: "), done.stderr
    assert "MLFLOW_ALLOW_PICKLE_DESERIALIZATION" in done.stdout


# By the pipeline


@pytest.mark.slow
def test_a_model_that_was_swapped_is_put_right_by_dvc_and_never_evaluated(copy_of, built):
    """dvc.lock, which is in git, holds its hash: DVC compares before it runs what depends on it."""
    project = copy_of(built)
    path = project.path("data/trained", CNN, "repeat0_seed1", load_model.FILE)
    before = path.read_bytes()
    path.unlink()  # it may be a link into DVC's cache
    path.write_bytes(before[:-1] + b"?")
    assert project.repro(f"export@{CNN}") == []
    assert path.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["evaluate", "export"])
def test_a_poisoned_model_is_refused_in_one_sentence(copy_of, built, stage):
    project = copy_of(built)
    path = project.path("data/trained", CNN, "repeat0_seed1", load_model.FILE)
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-100])
    done = project.pipelines(stage, CNN, status=2)
    assert re.search(r"^error\[model-changed\]: .*model\.keras: ", done.stderr, re.M)
    assert "Traceback" not in done.stderr
    assert SimpleNamespace(**project.json("data/exported", CNN, "signature.json")).experiment == CNN
