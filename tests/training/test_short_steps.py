"""Models with short steps: threads, steps in one call; a fit repeats itself and resumes."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import models
from pipelines.config import loader
from pipelines.spec import DataSpec
from pipelines.storage.trials import Trial
from pipelines.tasks.text_classification import objective
from pipelines.training import network_fit, optimization
from pipelines.training.progress import Progress
from tests.support.model_checks import tiny_prepared

VARIABLES = ("TF_NUM_INTRAOP_THREADS", "TF_CPU_ALLOCATOR_USE_BFC")
LSTM = {
    "module": "recurrent",
    "build": {"builder": "bilstm_classifier", "embedding_dim": 4, "units": 4},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        _, convolutions = loader.experiment(tiny_prepared(folder, ema=0.8), "cnn")
    prepared = folder / "data/prepared/tiny"
    return SimpleNamespace(
        prepared=prepared, spec=DataSpec.load(prepared / "spec.json"), convolutions=convolutions,
        lstm=convolutions.model_copy(update=LSTM),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "threads", "steps"), [("lstm", "1", 20), ("convolutions", None, 1)]
)
def test_they_alone_have_settings_of_their_own(project, name, threads, steps, monkeypatch):
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)
    experiment = getattr(project, name)
    optimization.prepare_short_steps(experiment)
    assert os.environ.get("TF_NUM_INTRAOP_THREADS") == threads
    assert ("TF_CPU_ALLOCATOR_USE_BFC" in os.environ) == (name == "lstm")
    model = models.build(project.spec, experiment.module, **experiment.build)
    optimization.compile_model(model, objective, experiment, project.spec, experiment.fit, 3)
    assert model.steps_per_execution == steps


@pytest.mark.slow
def test_the_graph_of_a_step_is_traced_once(project, monkeypatch):
    """With variables that are made in the first step Keras traces it twice."""
    experiment = project.convolutions
    model = models.build(project.spec, experiment.module, **experiment.build)
    optimization.compile_model(model, objective, experiment, project.spec, experiment.fit, 3)
    traced = []
    compute_loss = model.compute_loss
    monkeypatch.setattr(
        model,
        "compute_loss",
        lambda *given, **named: traced.append(1) or compute_loss(*given, **named),
    )
    inputs = {
        name: np.ones((8, *field.shape), field.dtype) for name, field in project.spec.inputs.items()
    }
    targets = np.zeros(8, np.int32)
    model.fit(inputs, targets, batch_size=4, epochs=2, verbose=0)
    assert len(traced) == 1


def test_a_number_of_threads_in_the_environment_remains(project, monkeypatch):
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "3")
    optimization.prepare_short_steps(project.lstm)
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == "3"


@pytest.mark.slow
def test_a_fit_repeats_itself_and_goes_on_after_an_interruption(project, tmp_path):
    def fit(name: str, stop_at: int | None = None) -> list[np.ndarray]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)

        def metrics(row, step):
            if step == stop_at:
                raise KeyboardInterrupt

        run = SimpleNamespace(metrics=metrics, tag=lambda tags: None, last_step=lambda name: 0)
        network_fit.fit(
            Trial(0, 5), project.lstm, project.spec, project.prepared, folder, run,
            Progress(name, 0, folder / "checkpoint.npz"),
        )  # fmt: skip
        return weights(folder)

    whole = fit("whole")
    with pytest.raises(KeyboardInterrupt):
        fit("cut", stop_at=2)
    for first, other in zip(whole, fit("cut"), strict=True):
        assert np.array_equal(first, other)


def weights(folder: Path) -> list[np.ndarray]:
    with np.load(folder / "checkpoint.npz", allow_pickle=False) as file:
        return [file[name] for name in sorted(file.files) if name.startswith("variables")]
