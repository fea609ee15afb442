"""What runs again after an edit, and nothing else: one test a row of the table in docs.

Every test begins and ends with the same files. What the one before has left is then in DVC's run
cache, so putting the files back runs nothing: that is a row of the table, too.

The stages of all experiments come from one template. Where an edit concerns all of them, most tests
ask for `WHOLE`, all that one experiment needs, and one test for everything.
"""

import pytest
import yaml

from tests.support.project import CNN, LSTM, STRONG, WORDS, stages

pytestmark = pytest.mark.slow

TASK = "pipelines/tasks/text_classification"
ONE_CLASS = """
def _one(rows, classes):
    probabilities = np.tile(np.eye(classes)[0], (rows, 1))
    return Outputs(probabilities, np.zeros(rows, np.int32))
"""
ALL = sorted((CNN, LSTM, *STRONG.values()))
WHOLE = f"export@{CNN}"
SCORE, SERVE, LAYER = f"{TASK}/score.py", f"{TASK}/serve.py", "models/layers/masking.py"


@pytest.fixture(scope="module")
def module_project(tmp_path_factory, built):
    return built.copy(tmp_path_factory.mktemp("rerun") / "project")


@pytest.fixture
def project(module_project):
    """The state that `built` has committed."""
    yield module_project
    module_project.git("checkout", "-q", "--", ".")
    assert module_project.repro() == []


def digests(project) -> dict[str, str]:
    """DVC's own hash of every output, by stage."""
    lock = yaml.safe_load(project.path("dvc.lock").read_text())["stages"]
    return {
        name: " ".join(out["md5"] for out in sorted(entry["outs"], key=lambda out: out["path"]))
        for name, entry in lock.items()
        if name != "code"
    }


def test_nothing_edited_runs_nothing(project):
    done = project.dvc("repro")
    assert done.ran == []
    assert "Data and pipelines are up to date" in done.stdout


def test_learning_rate_runs_its_own_experiment_and_reverting_it_nothing(project):
    before = project.params, project.record(CNN), digests(project)
    with project.changed() as params:
        params["experiments"][CNN]["fit"]["learning_rate"] = 0.02
    assert project.repro() == stages(CNN)
    changed = project.record(CNN)
    assert changed["run_id"] != before[1]["run_id"]
    assert changed["params"]["fit.learning_rate"] == "0.02"
    assert project.path("data/trained", CNN, "repeat0_seed1/model.keras").is_file()

    project.params = before[0]
    done = project.dvc("repro")
    assert done.ran == []
    for stage in stages(CNN):
        assert f"Stage '{stage}' is cached - skipping run, checking out outputs" in done.stdout
    assert project.record(CNN) == before[1], "the model comes back with its own run"
    assert digests(project) == before[2]


def test_data_set_option_runs_its_prepare_and_its_experiments(project):
    with project.changed() as params:
        params["datasets"][WORDS]["options"]["inputs"]["word"]["max_tokens"] = 12
    assert sorted(project.repro()) == sorted(
        [f"prepare@{WORDS}", f"baselines@{WORDS}", *stages(CNN, STRONG[WORDS])]
    )
    spec = project.json("data/prepared", WORDS, "spec.json")
    assert spec["inputs"]["word"]["shape"] == [12]


def test_score_runs_evaluate_and_nothing_else(project):
    before = digests(project)
    project.append(SCORE)
    assert project.repro(WHOLE) == [f"evaluate@{CNN}"]
    assert digests(project) == before, "a comment changes no score and no figure"


def test_metrics_of_the_results_table_and_colours_train_and_export_nothing(project):
    before = digests(project)
    project.append(f"{TASK}/reporting.py", 'REPORTED_METRICS = ("accuracy", "log_loss")\n')
    project.append("pipelines/figures/style.py", "BLUE = '#102030'\n")
    colour = "import pipelines.figures.style\npipelines.figures.style.ORANGE = '#102030'\n"
    project.append(f"{TASK}/figures.py", colour)
    evaluated = [f"evaluate@{key}" for key in ALL]
    assert sorted(project.repro()) == evaluated
    after = digests(project)
    assert sorted(name for name in before if after[name] != before[name]) == evaluated
    assert set(project.json("data/metrics", CNN, "headline.json")) == {
        "test/accuracy",
        "test/log_loss",
    }
    report = project.pipelines("report").stdout
    assert "log_loss" in report and "mcc" not in report


def test_baselines_run_themselves_and_what_scores_them(project):
    """A comment changes no prediction, so nothing is evaluated; another prediction is."""
    project.append(f"{TASK}/baselines.py")
    assert project.repro(WHOLE) == [f"baselines@{WORDS}"]
    project.append(f"{TASK}/baselines.py", "majority = lambda y, n, k: _one(n, k)\n" + ONE_CLASS)
    ran = project.repro(WHOLE)
    assert {f"baselines@{WORDS}", f"evaluate@{CNN}"} <= set(ran)
    assert not [stage for stage in ran if stage.startswith("train")]


def test_another_classical_model_is_fitted_once_and_networks_are_only_scored_again(project):
    """Their own classical model is another baseline; the other data set has its own."""
    with project.changed() as params:
        params["experiments"][STRONG[WORDS]]["build"]["ngrams"] = "characters"
    again = [*stages(STRONG[WORDS]), f"baselines@{WORDS}", f"evaluate@{CNN}", f"export@{CNN}"]
    assert sorted(project.repro()) == sorted(again)


def test_serve_runs_export_only(project):
    project.append(SERVE)
    assert project.repro(WHOLE) == [f"export@{CNN}"]


def test_layer_runs_training_and_no_preparation(project):
    before = project.record(CNN)
    project.append(LAYER)
    trained = [f"train@{key}" for key in (CNN, LSTM)]
    assert sorted(project.repro(*trained)) == sorted(trained)
    after = project.record(CNN)
    assert after["tags"]["identity.code"] != before["tags"]["identity.code"]
    assert after["run_id"] != before["run_id"]


def test_new_experiment_runs_itself_only(project):
    before = digests(project)
    with project.changed() as params:
        block = {**params["experiments"][CNN], "build": {"builder": "text_cnn", "filters": 3}}
        params["experiments"]["another"] = block
    assert project.repro() == stages("another")
    after = digests(project)
    assert {name: after[name] for name in before} == before
