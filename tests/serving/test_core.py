"""The core without frontends; the models are Python functions that a test controls."""

import asyncio
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipelines.config.errors import UserError
from serving import config
from serving.batching.batcher import Batcher
from serving.config import Batching, Config
from serving.core import model_versions
from serving.core.manager import Manager
from serving.errors import BadRequest, DeadlineExceeded, LoadError, QueueFull
from serving.monitoring.metrics import Metrics
from serving.servables.servable import Servable
from serving.version_policy import Policy, unloadable

# Policies

PRESENT = [1, 2, 3, 7]


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("latest:1", {7}), ("latest:2", {3, 7}), ("latest:9", {1, 2, 3, 7}),
        ("all", {1, 2, 3, 7}), ("specific:2", {2}), ("specific:2,5,7", {2, 7}),
    ],
)  # fmt: skip
def test_aspired_versions(text, versions):
    assert Policy.parse(text).aspired_versions(PRESENT) == versions
    assert Policy.parse(text).aspired_versions([]) == set()


@pytest.mark.parametrize("text", ["latest:0", "latest:-1", "latest:", "specific:x", "newest", ""])
def test_invalid_policies(text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        Policy.parse(text)


@pytest.mark.parametrize(
    ("loaded", "aspired", "present", "expected"),
    [
        ({1}, {2}, {1, 2}, set()),  # 2 is not loaded yet
        ({1, 2}, {2}, {1, 2}, {1}),
        ({1}, set(), set(), set()),  # the folder is empty
        ({1, 2}, {2, 3}, {1, 2, 3}, set()),  # 3 is broken: 1 is its fallback
        ({1, 2}, {2, 3}, {2, 3}, {1}),  # 1 was removed from disk
        ({1, 2, 3}, {2, 3}, {1, 2, 3}, {1}),
        ({2}, {1}, {1}, set()),  # a rollback that is not loaded yet
        ({1, 2}, {1}, {1}, {2}),
        ({1, 2, 3}, {3, 4}, {1, 2, 3, 4}, {1}),
    ],
)
def test_unloadable_versions(loaded, aspired, present, expected):
    assert unloadable(loaded, aspired, present) == expected


# Batches


class Recorder:
    """Doubles its input; records the rows of each call; waits while `gate` is closed."""

    def __init__(self):
        self.calls: list[list[float]] = []
        self.gate, self.entered = threading.Event(), threading.Event()
        self.gate.set()

    def __call__(self, inputs):
        self.entered.set()
        assert self.gate.wait(30)
        self.calls.append(inputs["x"].ravel().tolist())
        if (inputs["x"] < 0).any():
            raise BadRequest("a negative number")
        return {"y": inputs["x"] * 2}


def rows(*values: float, width: int = 1) -> np.ndarray:
    return np.repeat(np.array(values, float)[:, None], width, axis=1)


def batched(scenario, recorder: Recorder | None = None, **settings):
    """Runs scenario(batcher, send, recorder) in a loop; send: rows -> the task of their outputs."""
    recorder = recorder or Recorder()

    async def main():
        with ThreadPoolExecutor(2) as executor:
            batcher = Batcher(recorder, executor, Batching(**settings))

            def send(array, timeout_s: float = 30.0) -> asyncio.Task:
                deadline = time.monotonic() + timeout_s
                return asyncio.create_task(batcher({"x": array}, len(array), deadline))

            try:
                return await asyncio.wait_for(scenario(batcher, send, recorder), 30)
            finally:
                recorder.gate.set()
                await batcher.drain()

    return asyncio.run(main())


async def busy(send, recorder: Recorder) -> asyncio.Task:
    """A call that lasts until the gate is opened."""
    recorder.gate.clear()
    first = send(rows(0))
    while not recorder.entered.is_set():
        await asyncio.sleep(0.001)
    return first


def test_a_single_request_does_not_wait():
    async def scenario(batcher, send, recorder):
        assert (await send(rows(1, 2)))["y"].tolist() == [[2], [4]]
        return recorder.calls

    assert batched(scenario) == [[1, 2]]


def test_waiting_requests_are_merged_and_split_at_the_largest_batch():
    async def scenario(batcher, send, recorder):
        first = await busy(send, recorder)
        waiting = [send(rows(*range(1 + 3 * i, 4 + 3 * i))) for i in range(4)]
        await asyncio.sleep(0)
        assert batcher.queued == 12
        recorder.gate.set()
        answers = await asyncio.gather(first, *waiting)
        assert [a["y"].ravel().tolist() for a in answers[1:]] == [
            [2 * v for v in range(1 + 3 * i, 4 + 3 * i)] for i in range(4)
        ]
        return recorder.calls

    assert batched(scenario, largest_batch=5) == [[0], [1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12]]


def test_requests_of_different_shapes_are_not_merged():
    async def scenario(batcher, send, recorder):
        first = await busy(send, recorder)
        waiting = [send(rows(1, width=w)) for w in (1, 2, 1)]
        await asyncio.sleep(0)
        recorder.gate.set()
        await asyncio.gather(first, *waiting)
        return recorder.calls

    assert batched(scenario) == [[0], [1, 1], [1, 1]]


def test_a_poison_request_fails_alone_in_few_calls():
    async def scenario(batcher, send, recorder):
        first = await busy(send, recorder)
        waiting = [send(rows(-1.0 if i == 5 else i)) for i in range(16)]
        await asyncio.sleep(0)
        recorder.gate.set()
        answers = await asyncio.gather(first, *waiting, return_exceptions=True)
        for i, answer in enumerate(answers[1:]):
            if i == 5:
                assert isinstance(answer, BadRequest)
            else:
                assert answer["y"].tolist() == [[2 * i]]
        return len(recorder.calls)

    assert batched(scenario) == 1 + 1 + 2 * 4  # the first, all, and the halves down to one


def test_expired_and_abandoned_requests_are_not_run():
    async def scenario(batcher, send, recorder):
        first = await busy(send, recorder)
        late, cancelled, patient = send(rows(1), 0.01), send(rows(2)), send(rows(3))
        with pytest.raises(DeadlineExceeded):
            await late
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert batcher.queued == 1
        recorder.gate.set()
        await asyncio.gather(first, patient)
        with pytest.raises(DeadlineExceeded):
            await send(rows(4), 0.0)
        return recorder.calls

    assert batched(scenario) == [[0], [3]]


def test_a_full_queue_refuses_until_there_is_space():
    async def scenario(batcher, send, recorder):
        first = await busy(send, recorder)
        waiting = send(rows(1, 2))
        await asyncio.sleep(0)
        with pytest.raises(QueueFull, match="2 rows are waiting, of 3"):
            await send(rows(3, 4))
        third = send(rows(5))
        recorder.gate.set()
        await asyncio.gather(first, waiting, third)
        assert batcher.queued == 0
        return (await send(rows(*range(10))))["y"].sum()  # an empty queue accepts any size

    assert batched(scenario, queue=3) == 90


def test_a_batch_waits_for_more_requests_if_configured():
    async def scenario(batcher, send, recorder):
        await asyncio.gather(send(rows(1)), send(rows(2)))
        return recorder.calls

    assert batched(scenario, wait_s=0.05) == [[1, 2]]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(1, 7), st.integers(1, 2))
def test_every_row_gets_its_outputs(sizes, largest_batch, workers):
    async def scenario(batcher, send, recorder):
        starts = np.cumsum([0, *sizes])
        arrays = [rows(*range(a, b)) for a, b in zip(starts, starts[1:], strict=False)]
        answers = await asyncio.gather(*(send(array) for array in arrays))
        for array, answer in zip(arrays, answers, strict=True):
            assert np.array_equal(answer["y"], 2 * array)
        assert max(map(len, recorder.calls)) <= largest_batch
        assert sorted(sum(recorder.calls, [])) == list(range(sum(sizes)))

    batched(scenario, largest_batch=largest_batch, workers=workers)


# Versions


def watched(tmp_path: Path, scenario, **values):
    """Runs scenario(manager, versions, broken, loads) with a manager of one model.

    versions(1, 2) creates and removes folders so that these two exist; versions in `broken` fail to
    load; `loads` lists the attempts.
    """
    broken, loads = set(), []

    def load(folder: Path) -> Servable:
        loads.append(int(folder.name))
        if int(folder.name) in broken:
            raise LoadError(f"{folder} is broken")
        return Servable({}, {}, None)

    def versions(*numbers: int) -> None:
        folder = tmp_path / "m"
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            if int(path.name) not in numbers:
                path.rmdir()
        for number in numbers:
            (folder / str(number)).mkdir(exist_ok=True)

    async def main():
        manager = Manager(Config(roots=[tmp_path], **values), Metrics(), load)
        await scenario(manager, versions, broken, loads)
        await manager.close()

    asyncio.run(main())


def states(manager: Manager) -> dict[int, str]:
    return {number: version.state for number, version in manager.models["m"].versions.items()}


def test_a_broken_version_is_retried_with_growing_delays(tmp_path, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)

    async def scenario(manager, versions, broken, loads):
        nonlocal now
        broken.add(1)
        versions(1)
        attempts = []
        for _ in range(2000):
            await manager.update()
            attempts.append(len(loads))
            now += 0.1
        assert not manager.ready
        assert "is broken" in manager.models["m"].versions[1].error
        # After 0, 1, 3, 7, 15, 31, 63 s, and then each minute.
        assert attempts[-1] == len([0, 1, 3, 7, 15, 31, 63, 123, 183])
        broken.clear()
        now += 60
        await manager.update()
        assert states(manager) == {1: "AVAILABLE"}
        assert (manager.ready, manager.models["m"].versions[1].error) == (True, "")

    watched(tmp_path, scenario)


def test_broken_versions_never_replace_good_ones(tmp_path):
    async def scenario(manager, versions, broken, loads):
        versions(1, 2)
        await manager.update()
        assert states(manager) == {1: "AVAILABLE", 2: "AVAILABLE"}
        broken.add(3)
        versions(1, 2, 3)
        await manager.update()
        assert states(manager) == {1: "AVAILABLE", 2: "AVAILABLE", 3: "END"}
        versions(1, 2, 3, 4)
        await manager.update()
        await manager.wait_for_unloading()
        assert states(manager) == {1: "END", 2: "AVAILABLE", 3: "END", 4: "AVAILABLE"}

    watched(tmp_path, scenario, policy={"latest": 2})


def test_a_start_with_broken_newest_versions_loads_the_newest_good_one(tmp_path, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)

    async def scenario(manager, versions, broken, loads):
        nonlocal now
        broken.update({3, 4})
        versions(1, 2, 3, 4)
        for _ in range(2):  # a second poll changes nothing
            await manager.update()
            assert states(manager) == {4: "END", 3: "END", 2: "AVAILABLE"}
            assert (loads, manager.ready) == ([4, 3, 2], True)
        assert "is broken" in manager.models["m"].versions[4].error
        assert manager.models["m"].available_version().number == 2
        broken.remove(4)
        now += 60
        await manager.update()
        await manager.wait_for_unloading()
        assert states(manager)[4] == "AVAILABLE"
        assert states(manager)[2] == "END"

    watched(tmp_path, scenario)


@pytest.mark.parametrize("policy", [{"specific": [3]}, {"all": True}])
def test_only_latest_has_fallbacks(tmp_path, policy):
    async def scenario(manager, versions, broken, loads):
        broken.add(3)
        versions(2, 3)
        await manager.update()
        assert states(manager)[3] == "END"
        assert (loads == [3]) == ("specific" in policy)
        assert manager.ready == ("all" in policy)

    watched(tmp_path, scenario, policy=policy)


def test_each_broken_version_has_a_fallback(tmp_path):
    async def scenario(manager, versions, broken, loads):
        broken.update({2, 4})
        versions(1, 2, 3, 4)
        await manager.update()
        assert states(manager) == {4: "END", 3: "AVAILABLE", 2: "END", 1: "AVAILABLE"}

    watched(tmp_path, scenario, policy={"latest": 2})


def test_models_appear_and_disappear_with_their_folders(tmp_path):
    async def scenario(manager, versions, broken, loads):
        await manager.update()
        assert (manager.models, manager.ready) == ({}, True)
        broken.add(1)
        versions(1)
        await manager.update()
        assert (states(manager), manager.ready) == ({1: "END"}, False)
        versions()
        await manager.update()
        assert (manager.models, manager.ready) == ({}, True)

    watched(tmp_path, scenario)


def test_a_version_being_unloaded_has_no_label(tmp_path):
    async def scenario(manager, versions, broken, loads):
        versions(1)
        await manager.update()
        model = manager.models["m"]
        model.set_label("stable", 1)
        model.withdraw(model.versions[1])
        assert (states(manager), model.labels) == ({1: model_versions.UNLOADING}, {})

    watched(tmp_path, scenario)


# Configuration


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
