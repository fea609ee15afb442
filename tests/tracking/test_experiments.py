"""What MLflow's page opens with: kind, view, description; and the preferences of a new browser."""

import asyncio
import json
import shutil

import pytest

from pipelines import tracking
from pipelines.tracking import artifacts, experiments, page, store

TASK = "text_classification"
SHOWN = {"note": "best first: [leaderboard]({view})", "primary": "test/mcc", "higher": True}


@pytest.fixture(autouse=True)
def experiment(tmp_path, empty_store, monkeypatch):
    """An experiment in a store of its own."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_store, tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    store._clients.clear()
    return store.experiment(tracking.client(), TASK)


def entry():
    return tracking.client().get_experiment_by_name(TASK)


def describe(*columns):
    tracking.describe_experiment(TASK, columns=columns, **SHOWN)
    return json.loads(experiments.view_state(entry()))


def test_view_is_sorted_best_first_and_keeps_columns_of_other_data(experiment):
    state = describe("test/mcc", "test/mae_m")
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`test/mcc`", False)
    state = describe("test/mcc", "test/mae_s")
    assert state["selectedColumns"] == [
        f"metrics.`test/{name}`" for name in ("mcc", "mae_s", "mae_m")
    ]
    tags = entry().tags
    assert tags[experiments.KIND_TAG] == "custom_model_development"
    assert tags[experiments.PRIMARY_TAG] == "test/mcc"
    assert experiments.view_address(experiment) in tags[artifacts.NOTE]


def test_what_a_person_wrote_stays(experiment):
    client = tracking.client()
    client.set_experiment_tag(experiment, artifacts.NOTE, "mine")
    client.set_experiment_tag(experiment, experiments.VIEW_TAG, "no JSON")
    assert describe("test/mcc")["selectedColumns"] == ["metrics.`test/mcc`"]
    assert entry().tags[artifacts.NOTE] == "mine"


def test_start_page_gives_a_new_browser_the_leaderboard(experiment):
    describe("test/mcc")
    headers, body = fetch(page.StartPage(static), "/")
    name = page.EXPERIMENT_PAGE.format(id=experiment)
    assert json.dumps(name) in body and body.index("<script>") < body.index("</head>")
    assert int(headers[b"content-length"]) == len(body.encode()) and b"etag" not in headers
    assert json.loads(page.preferences()[name])["orderByKey"] == "metrics.`test/mcc`"
    assert fetch(page.StartPage(static), "/static.js")[1] == HTML.decode()


def test_a_note_ends_no_script_of_the_start_page(experiment):
    describe("</script><b>")
    assert fetch(page.StartPage(static), "/")[1].count("</script>") == 1


HTML = b"<html><head></head><body></body></html>"


async def static(scope, receive, send):
    """An application that sends HTML in two pieces, with a tag for caches."""
    headers = [(b"content-length", str(len(HTML)).encode()), (b"etag", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": HTML[:9], "more_body": True})
    await send({"type": "http.response.body", "body": HTML[9:]})


def fetch(application, path: str) -> tuple[dict, str]:
    messages = []

    async def send(message):
        messages.append(message)

    scope = {"type": "http", "path": path, "headers": [(b"if-none-match", b"1")]}
    asyncio.run(application(scope, None, send))
    start, *bodies = messages
    return dict(start["headers"]), b"".join(body["body"] for body in bodies).decode()


def test_files_too_large_are_named_instead_of_copied(experiment, tmp_path, monkeypatch):
    monkeypatch.setattr(artifacts, "MAX_FILE_BYTES", 3)
    folder = tmp_path / "trial"
    folder.mkdir()
    (folder / "model.keras").write_text("1234")
    (folder / "history.csv").write_text("123")
    (folder / "run.json").write_text("{}")
    run = tracking.client().create_run(experiment)
    artifacts.log_trained(run.info.run_id, folder, "repeat0_seed1")
    stored = tracking.client().list_artifacts(run.info.run_id, "trained/repeat0_seed1")
    assert [file.path for file in stored] == ["trained/repeat0_seed1/history.csv"]
    tags = tracking.client().get_run(run.info.run_id).data.tags
    assert tags[artifacts.LEFT_OUT] == "trained/repeat0_seed1/model.keras"
