"""A fit: deterministic for a seed, restores what it should, on more than one backend."""

import csv
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import models.layers  # noqa: F401  registers the layers that saved models name
from pipelines.config import loader, schema
from pipelines.config.errors import UserError
from pipelines.inference.decision import DecisionRule, fit_decision_rule
from pipelines.spec import DataSpec
from pipelines.storage import trials
from pipelines.storage.trials import Trial
from pipelines.tasks.text_classification import objective
from pipelines.training import network_fit, optimization
from pipelines.training.epoch_logger import EpochLogger
from pipelines.training.monitor import Monitor
from pipelines.training.progress import Progress
from tests.support.model_checks import tiny_prepared, tiny_project
from tests.support.sizes import nightly

ROOT = Path(__file__).parents[2]
PREPARED, NOISY = Path("data/prepared/tiny"), Path("data/prepared/noisy")
COLUMNS = ["epoch", "train/accuracy", "train/loss", "val/accuracy", "val/loss"]
# Arguments: the params file, then a seed and a folder for each fit; one called "interrupted" is cut
# off while it tells its second epoch, and then goes on.
CHILD = """
import os
import sys
if os.environ.get("KERAS_BACKEND") != "tensorflow":
    sys.modules["tensorflow"] = None  # Keras imports it where it can: to set its seed, for one
from pathlib import Path
from types import SimpleNamespace
import keras
import numpy as np
from pipelines.config import loader
from pipelines.storage import trials
from pipelines.spec import DataSpec
from pipelines.training import network_fit
from pipelines.training.progress import Progress
prepared = Path("data/prepared/tiny")
spec = DataSpec.load(prepared / "spec.json")
_, experiment = loader.experiment(Path(sys.argv[1]), "cnn")
run = SimpleNamespace(
    metrics=lambda row, step: None, tag=lambda tags: None, last_step=lambda name: 0
)
def cut(row, step):
    if step == 2:
        raise KeyboardInterrupt
for seed, name in zip(sys.argv[2::2], sys.argv[3::2]):
    folder = Path(name)
    folder.mkdir()
    trial = trials.Trial(0, int(seed))
    progress = Progress(name, 0, folder / "checkpoint.npz")
    if folder.name == "interrupted":
        whole = SimpleNamespace(**{**vars(run), "metrics": cut})
        try:
            network_fit.fit(trial, experiment, spec, prepared, folder, whole, progress)
        except KeyboardInterrupt:
            assert progress.checkpoint.is_file()
    network_fit.fit(trial, experiment, spec, prepared, folder, run, progress)
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    val = trials.inputs(trial.load(prepared, "val"), spec)
    np.save(folder / "logits.npy", model.predict(val, verbose=0))
print("backend", keras.config.backend(), sys.modules.get("tensorflow") is not None)
"""


class Run:
    """What a fit tells the tracking."""

    def __init__(self):
        self.rows, self.tags = [], {}

    def metrics(self, row, step):
        self.rows.append({"epoch": step, **row})

    def tag(self, tags):
        self.tags |= tags

    def last_step(self, metric):
        return max((row["epoch"] for row in self.rows if metric in row), default=0)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with prepared data, and no test part: training must not need one.

    In the noisy copy some labels of val are wrong: the surer a model, the worse its loss there.
    """
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        tiny_prepared(folder)
    shutil.rmtree(folder / PREPARED / "repeat0/test")
    shutil.copytree(folder / PREPARED, folder / NOISY)
    labels = np.load(folder / NOISY / "repeat0/val/label.npy")
    labels[::4] = 1 - labels[::4]
    np.save(folder / NOISY / "repeat0/val/label.npy", labels)
    return folder


@pytest.fixture(autouse=True)
def here(project, monkeypatch):
    monkeypatch.chdir(project)


def fit(folder: Path, seed=1, prepared=PREPARED, run=None, **choices) -> SimpleNamespace:
    """One fit in this process, or the rest of it; what it wrote and told."""
    folder.mkdir(exist_ok=True)
    spec = DataSpec.load(PREPARED / "spec.json")
    _, experiment = loader.experiment(tiny_project(folder, **choices), "cnn")
    trial, run = Trial(0, seed), run or Run()
    progress = Progress("tiny", 0, folder / "checkpoint.npz")
    network_fit.fit(trial, experiment, spec, prepared, folder, run, progress)
    with (folder / "history.csv").open() as stream:
        history = list(csv.DictReader(stream))
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    val = trial.load(prepared, "val")
    logits = model.predict(trials.inputs(val, spec), verbose=0)
    return SimpleNamespace(
        run=run, history=history, model=model, logits=logits, targets=val["label"],
        losses=[float(row["val/loss"]) for row in history],
        decision=DecisionRule.load(folder / "decision.json"), folder=folder,
        loss=float(keras.losses.SparseCategoricalCrossentropy(True)(val["label"], logits)),
    )  # fmt: skip


def child(
    folder: Path, *seeds: int, backend="tensorflow", xla="false", interrupted=None, **environment
) -> list[Path]:
    """Fits in a process of its own; returns the folder of each. interrupted: the seed of one more,
    which goes on after an interruption."""
    folder.mkdir()
    folders = [folder / f"fit{number}" for number in range(len(seeds))]
    if interrupted is not None:
        seeds, folders = (*seeds, interrupted), [*folders, folder / "interrupted"]
    pairs = [str(part) for pair in zip(seeds, folders, strict=True) for part in pair]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tiny_project(folder, xla=xla, ema=0.8)), *pairs],
        env={**os.environ, "PYTHONPATH": path, "KERAS_BACKEND": backend, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"backend {backend} {backend == 'tensorflow'}"
    return folders


def test_what_a_fit_leaves_behind(tmp_path):
    found = fit(tmp_path / "fit", epochs=3)
    assert sorted(path.name for path in found.folder.glob("*.*")) == [
        "best_epoch.json", "checkpoint.npz", "decision.json", "history.csv", "model.keras",
        "params.yaml", "tiny.csv",
    ]  # fmt: skip
    assert sorted(found.history[0]) == COLUMNS
    assert [row["epoch"] for row in found.history] == ["1", "2", "3"]
    told = [{name: str(value) for name, value in row.items()} for row in found.run.rows]
    assert told == found.history, "history.csv and MLflow must say the same"
    assert found.run.tags["parameters"] == str(found.model.count_params())
    assert float(found.run.tags["fit_seconds"]) > 0
    assert not found.model.compiled
    assert found.decision == fit_decision_rule(found.logits, found.targets, 1)


@pytest.mark.slow
def test_it_learns(tmp_path):
    """Most words of these texts tell the class: anything that trains gets them right."""
    found = fit(tmp_path / "fit", epochs=25, rate=0.02)
    assert found.losses[-1] < 0.3 < found.losses[0]
    assert (found.logits.argmax(axis=1) == found.targets).mean() > 0.85


@pytest.mark.slow
@pytest.mark.parametrize("ema", ["null", 0.8])
def test_without_patience_the_last_epoch_is_kept(tmp_path, ema):
    found = fit(tmp_path / "fit", prepared=NOISY, epochs=15, rate=0.1, ema=ema)
    assert len(found.losses) == 15
    assert found.losses[-1] > min(found.losses) + 1e-3, "or this shows nothing"
    assert found.loss == pytest.approx(found.losses[-1], abs=1e-5)


@pytest.mark.parametrize("ema", [pytest.param("null", marks=pytest.mark.slow), 0.8])
@pytest.mark.parametrize(
    ("patience", "stops"), [(2, True), pytest.param(14, False, marks=pytest.mark.slow)]
)
def test_with_patience_the_best_epoch_is_kept(tmp_path, ema, patience, stops):
    """Whether training is stopped or comes to its end."""
    found = fit(tmp_path / "fit", prepared=NOISY, epochs=15, rate=0.1, ema=ema, patience=patience)
    best = int(np.argmin(found.losses))
    assert found.losses[-1] > found.losses[best] + 1e-3, "or this shows nothing"
    assert len(found.losses) == (best + 1 + patience if stops else 15)
    assert found.loss == pytest.approx(found.losses[best], abs=1e-5)


@pytest.mark.parametrize(
    ("metric", "mode"),
    [("val/accuracy", "max"), pytest.param("val/loss", "min", marks=pytest.mark.slow)],
)
def test_the_tasks_monitor_decides_which_epoch_remains(tmp_path, monkeypatch, metric, mode):
    """Early stopping, the restored weights and best_epoch.json depend on the same metric."""
    monkeypatch.setattr(objective, "MONITOR", Monitor(metric, mode))
    result = fit(tmp_path / "fit", prepared=NOISY, epochs=15, rate=0.1, patience=14)
    values = [float(row[metric]) for row in result.history]
    best = int(np.argmax(values) if mode == "max" else np.argmin(values))
    row = json.loads((result.folder / "best_epoch.json").read_text())
    assert row["epoch"] == best + 1
    assert row["monitor"] == {"metric": metric, "mode": mode}
    assert result.loss == pytest.approx(result.losses[best], abs=1e-5)


def test_a_monitor_that_is_not_in_the_history_is_refused():
    rows = [{"epoch": 1, "train/loss": 1.0, "val/loss": 1.0}]
    with pytest.raises(UserError) as error:
        Monitor("val/acuracy", "max").best_epoch(rows)
    assert (error.value.code, error.value.value) == ("monitor-unknown", "val/acuracy")


def test_of_equal_epochs_the_first_is_the_best():
    rows = [{"epoch": epoch, "val/loss": loss} for epoch, loss in enumerate((2.0, 1.0, 1.0), 1)]
    assert Monitor("val/loss").best_epoch(rows)["epoch"] == 2
    assert Monitor("val/loss", "max").best_epoch(rows)["epoch"] == 1


@pytest.mark.slow
def test_the_average_is_the_one_of_the_formula(tmp_path, monkeypatch):
    """average = m * average + (1 - m) * weights after each step, from the first step's weights."""
    steps = []

    class Recorder(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            steps.append([w.copy() for w in self.model.get_weights()])

    own = optimization.callbacks
    monkeypatch.setattr(optimization, "callbacks", lambda *about: [*own(*about), Recorder()])
    found = fit(tmp_path / "fit", epochs=3, ema=0.8)
    assert len(steps) > 6
    averages = steps[0]
    for weights in steps[1:]:
        averages = [0.8 * a + 0.2 * w for a, w in zip(averages, weights, strict=True)]
    for kept, average, last in zip(found.model.get_weights(), averages, steps[-1], strict=True):
        np.testing.assert_allclose(kept, average, atol=1e-6)
        assert np.abs(kept - last).max() > 1e-4


class Dies(Run):
    """Its process dies while it is told an epoch: before anything of it is kept, or after."""

    epoch: int | None = None
    told = False

    def metrics(self, row, step):
        dies = step == self.epoch
        if not dies or self.told:
            super().metrics(row, step)
        if dies:
            self.epoch = None
            raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.parametrize(("ema", "patience", "epochs", "dies"), [
    (0.8, 3, 15, [(1, False), (2, True), (4, False)]),
    ("null", "null", 4, [(3, True), (4, False)]),
    pytest.param(0.8, "null", 4, [(2, False), (2, True), (4, True)], marks=nightly),
    pytest.param("null", 3, 15, [(1, True), (3, False), (3, True)], marks=nightly),
])  # fmt: skip
def test_an_interrupted_fit_ends_as_if_it_had_not_been(tmp_path, ema, patience, epochs, dies):
    """Weights, curves and decision to the last bit: averages, patience, order, random states.

    Its process dies several times, each time in the epoch and at the moment that `dies` says.
    """
    choices = {"prepared": NOISY, "epochs": epochs, "rate": 0.1, "ema": ema, "patience": patience}
    whole = fit(tmp_path / "whole", schedule="cosine", **choices)
    run, folder = Dies(), tmp_path / "interrupted"
    for run.epoch, run.told in dies:
        with pytest.raises(KeyboardInterrupt):
            fit(folder, run=run, schedule="cosine", **choices)
    rest = fit(folder, run=run, schedule="cosine", **choices)
    for name in ("model.keras", "history.csv", "decision.json", "best_epoch.json"):
        assert (folder / name).read_bytes() == (whole.folder / name).read_bytes(), name
    assert [row["epoch"] for row in run.rows] == [*range(1, len(whole.losses) + 1)]
    assert run.rows == whole.run.rows
    assert rest.run.tags["parameters"] == whole.run.tags["parameters"]


@pytest.mark.slow
def test_a_fit_that_has_ended_trains_no_further(tmp_path):
    """Killed after patience had ended it, and before the model was written."""
    choices = {"prepared": NOISY, "epochs": 15, "rate": 0.1, "ema": 0.8, "patience": 2}
    whole = fit(tmp_path / "fit", **choices)
    assert len(whole.losses) < 15
    model = (whole.folder / "model.keras").read_bytes()
    again = fit(tmp_path / "fit", run=whole.run, **choices)
    assert again.losses == whole.losses
    assert (again.folder / "model.keras").read_bytes() == model


def test_a_loss_that_is_no_number_is_refused(tmp_path):
    with pytest.raises(UserError) as error:
        fit(tmp_path / "fit", rate=1e30)
    assert error.value.code == "loss-not-finite"
    assert error.value.value.startswith("epoch 1, ")
    assert not (tmp_path / "fit/model.keras").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_batch_of_a_loss_that_is_no_number_is_named(value):
    values = np.ones((40, 1), np.float32)
    values[26] = value
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(UserError) as error:
        model.fit(
            values, values, batch_size=4, shuffle=False, verbose=0,
            callbacks=[EpochLogger(Run(), "tiny")],
        )  # fmt: skip
    assert (error.value.code, error.value.value) == ("loss-not-finite", "epoch 1, batch 7 of 10")


@pytest.mark.parametrize("name", ["loss", "val_loss", "val_accuracy"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_any_number_that_is_none_is_refused(name, value):
    run = Run()
    logger = EpochLogger(run, "tiny")
    logger.set_params({"epochs": 2})
    logger.on_train_begin()
    logger.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.4})
    with pytest.raises(UserError) as error:
        logger.on_epoch_end(1, {"loss": 0.5, "val_loss": 0.4, name: value})
    assert error.value.code == "loss-not-finite"
    assert error.value.value.startswith("epoch 2, at its end ")
    assert run.rows == logger.rows == [{"epoch": 1, "train/loss": 0.5, "val/loss": 0.4}]


def test_time_left_is_that_of_this_phase_and_of_the_fits_to_come(monkeypatch, capsys):
    """Epochs of fine-tuning take far longer than those before them."""
    now = 0.0
    monkeypatch.setattr("pipelines.training.epoch_logger.time.perf_counter", lambda: now)
    logger = EpochLogger(Run(), "tiny", remaining_fits=1)
    for seconds, epochs in ((1, range(10)), (20, range(10, 13))):
        logger.set_params({"epochs": epochs.stop})
        logger.on_train_begin()
        for epoch in epochs:
            now += seconds
            logger.on_epoch_end(epoch, {"loss": 0.5})
    left = [line.rpartition("; ")[2] for line in capsys.readouterr().out.splitlines()]
    assert left[0] == "19 s left at most"  # 9 epochs, and ten of another fit
    assert left[10] == "2 min left at most"  # 2 epochs of 20 s, and 70 s of another fit


@pytest.mark.slow
def test_one_seed_one_model_in_this_process(tmp_path):
    one, other, different = (
        fit(tmp_path / name, seed=seed, epochs=1) for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    assert (one.folder / "model.keras").read_bytes() == (other.folder / "model.keras").read_bytes()
    assert one.history == other.history
    assert different.losses != one.losses


@pytest.mark.slow
def test_one_seed_one_model_in_two_processes(tmp_path):
    """Also where the first has fitted something else before."""
    (_, one), (other,) = (
        child(tmp_path / "one", 8, 7, PYTHONHASHSEED="1"),
        child(tmp_path / "other", 7, PYTHONHASHSEED="2"),
    )
    for name in ("model.keras", "history.csv", "decision.json", "logits.npy"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    first = np.load(tmp_path / "one/fit0/logits.npy")
    assert (first != np.load(one / "logits.npy")).any()


@pytest.mark.slow
def test_one_seed_one_model_with_xla(tmp_path):
    options = {"xla": "true", "TF_DETERMINISTIC_OPS": "0"}
    (one,), (other,) = (child(tmp_path / name, 7, **options) for name in ("one", "other"))
    for name in ("model.keras", "history.csv", "logits.npy"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


@pytest.mark.parametrize(
    ("choices", "asked"),
    [({}, "1"), ({"deterministic": False}, None), ({"jit_compile": True}, None)],
)
def test_tensorflow_is_asked_to_repeat_itself(monkeypatch, choices, asked):
    monkeypatch.setenv("TF_DETERMINISTIC_OPS", "")
    monkeypatch.delenv("TF_DETERMINISTIC_OPS")
    fit = {"epochs": 1, "batch_size": 1, "learning_rate": 0.1, "patience": None, **choices}
    optimization.enable_determinism(schema.Fit.model_validate(fit))
    assert os.environ.get("TF_DETERMINISTIC_OPS") == asked
    monkeypatch.delenv("TF_DETERMINISTIC_OPS", raising=False)


def test_xla_is_refused_where_keras_would_go_without(tmp_path):
    spec = DataSpec.load(PREPARED / "spec.json")
    _, experiment = loader.experiment(tiny_project(tmp_path, xla="true"), "cnn")
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.RandomZoom(0.1)])
    with pytest.raises(UserError) as error:
        optimization.compile_model(model, objective, experiment, spec, experiment.fit, 3)
    assert (error.value.code, error.value.key) == ("jit-compile-impossible", "fit.jit_compile")


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_weights_decay_beside_their_gradients(tmp_path, decay):
    """By rate x decay where the gradient is none; without decay no step goes through the weights
    for nothing."""
    spec = DataSpec.load(PREPARED / "spec.json")
    _, experiment = loader.experiment(tiny_project(tmp_path), "cnn")
    fit = experiment.fit.model_copy(update={"learning_rate": 0.1, "weight_decay": decay})
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    optimization.compile_model(model, objective, experiment, spec, fit, 3)
    before = model.get_weights()
    flat = [keras.ops.zeros_like(weight) for weight in model.trainable_weights]
    model.optimizer.apply(flat, model.trainable_weights)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_allclose(new, old * (1 - 0.1 * decay), rtol=1e-6)
    assert (model.optimizer.weight_decay is None) == (decay == 0)


def test_learning_rates_by_hand():
    """Ten steps, of which two rise: 0, .1, .2 at the top, then half a cosine down."""

    def rates(**schedule) -> list[float]:
        fit = schema.Fit(epochs=1, batch_size=1, learning_rate=0.2, patience=None, **schedule)
        rate = optimization.learning_rate(fit, 10)
        return [float(rate(step)) if callable(rate) else rate for step in range(10)]

    assert rates() == [0.2] * 10
    rising = rates(warmup=0.2)
    np.testing.assert_allclose(rising, [0.0, 0.1, *[0.2] * 8], atol=1e-7)
    fall = [0.1 * (1 + np.cos(np.pi * n / 8)) for n in range(8)]
    np.testing.assert_allclose(rates(schedule="cosine", warmup=0.2), [0.0, 0.1, *fall], atol=1e-7)
    fall = [0.1 * (1 + np.cos(np.pi * n / 10)) for n in range(10)]
    np.testing.assert_allclose(rates(schedule="cosine"), fall, atol=1e-7)


@pytest.mark.slow
def test_on_jax_and_back(tmp_path):
    """Where TensorFlow cannot be imported; the file is one that TensorFlow reads."""
    if importlib.util.find_spec("jax") is None:
        assert "CI" not in os.environ, "CI must have JAX: make jax"
        pytest.skip("JAX is not installed: make jax")
    one, other, cut = child(tmp_path / "jax", 7, 8, backend="jax", interrupted=7)
    trained = keras.saving.load_model(one / "model.keras", compile=False)
    spec = DataSpec.load(PREPARED / "spec.json")
    val = trials.inputs(Trial(0, 7).load(PREPARED, "val"), spec)
    logits = np.load(one / "logits.npy")
    np.testing.assert_allclose(trained.predict(val, verbose=0), logits, atol=1e-5)
    assert np.ptp(logits) > 0.01
    for name in ("model.keras", "history.csv", "decision.json"):
        assert (one / name).read_bytes() == (cut / name).read_bytes(), name
    assert (logits != np.load(other / "logits.npy")).any()
    assert json.loads((one / "decision.json").read_text())["positive"] == 1
