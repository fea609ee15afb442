"""The core by itself, with models that are Python functions and do what a test tells them."""

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
    ("text", "wanted"),
    [
        ("latest:1", {7}), ("latest:2", {3, 7}), ("latest:9", {1, 2, 3, 7}),
        ("all", {1, 2, 3, 7}), ("specific:2", {2}), ("specific:2,5,7", {2, 7}),
    ],
)  # fmt: skip
def test_what_a_policy_wants(text, wanted):
    assert Policy.parse(text).aspired_versions(PRESENT) == wanted
    assert Policy.parse(text).aspired_versions([]) == set()


@pytest.mark.parametrize("text", ["latest:0", "latest:-1", "latest:", "specific:x", "newest", ""])
def test_what_is_no_policy(text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        Policy.parse(text)


@pytest.mark.parametrize(
    ("loaded", "wanted", "present", "goes"),
    [
        ({1}, {2}, {1, 2}, set()),  # 2 is not loaded yet
        ({1, 2}, {2}, {1, 2}, {1}),
        ({1}, set(), set(), set()),  # the folder is empty
        ({1, 2}, {2, 3}, {1, 2, 3}, set()),  # 3 is broken: 1 is still the second best
        ({1, 2}, {2, 3}, {2, 3}, {1}),  # 1 was taken from disk on purpose
        ({1, 2, 3}, {2, 3}, {1, 2, 3}, {1}),
        ({2}, {1}, {1}, set()),  # a rollback that is not loaded yet
        ({1, 2}, {1}, {1}, {2}),
        ({1, 2, 3}, {3, 4}, {1, 2, 3, 4}, {1}),
    ],
)
def test_what_may_be_unloaded(loaded, wanted, present, goes):
    assert unloadable(loaded, wanted, present) == goes


# Batches


class Recorder:
    """Doubles; keeps the rows of each call; waits while `gate` is closed."""

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
    """Runs scenario(batcher, ask) in a loop; ask: rows -> the task that waits for their answer."""
    recorder = recorder or Recorder()

    async def main():
        with ThreadPoolExecutor(2) as executor:
            batcher = Batcher(recorder, executor, Batching(**settings))

            def ask(array, timeout_s: float = 30.0) -> asyncio.Task:
                deadline = time.monotonic() + timeout_s
                return asyncio.create_task(batcher({"x": array}, len(array), deadline))

            try:
                return await asyncio.wait_for(scenario(batcher, ask, recorder), 30)
            finally:
                recorder.gate.set()
                await batcher.drain()

    return asyncio.run(main())


async def busy(ask, recorder: Recorder) -> asyncio.Task:
    """A call that goes on until the gate is opened."""
    recorder.gate.clear()
    first = ask(rows(0))
    while not recorder.entered.is_set():
        await asyncio.sleep(0.001)
    return first


def test_a_lone_request_waits_for_nobody():
    async def scenario(batcher, ask, recorder):
        assert (await ask(rows(1, 2)))["y"].tolist() == [[2], [4]]
        return recorder.calls

    assert batched(scenario) == [[1, 2]]


def test_what_waited_together_is_merged_and_cut_to_the_largest_batch():
    async def scenario(batcher, ask, recorder):
        first = await busy(ask, recorder)
        others = [ask(rows(*range(1 + 3 * i, 4 + 3 * i))) for i in range(4)]
        await asyncio.sleep(0)
        assert batcher.queued == 12
        recorder.gate.set()
        answers = await asyncio.gather(first, *others)
        assert [a["y"].ravel().tolist() for a in answers[1:]] == [
            [2 * v for v in range(1 + 3 * i, 4 + 3 * i)] for i in range(4)
        ]
        return recorder.calls

    assert batched(scenario, largest_batch=5) == [[0], [1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12]]


def test_requests_of_different_shapes_are_not_merged():
    async def scenario(batcher, ask, recorder):
        first = await busy(ask, recorder)
        others = [ask(rows(1, width=w)) for w in (1, 2, 1)]
        await asyncio.sleep(0)
        recorder.gate.set()
        await asyncio.gather(first, *others)
        return recorder.calls

    assert batched(scenario) == [[0], [1, 1], [1, 1]]


def test_a_poison_request_fails_alone_in_few_calls():
    async def scenario(batcher, ask, recorder):
        first = await busy(ask, recorder)
        others = [ask(rows(-1.0 if i == 5 else i)) for i in range(16)]
        await asyncio.sleep(0)
        recorder.gate.set()
        answers = await asyncio.gather(first, *others, return_exceptions=True)
        for i, answer in enumerate(answers[1:]):
            if i == 5:
                assert isinstance(answer, BadRequest)
            else:
                assert answer["y"].tolist() == [[2 * i]]
        return len(recorder.calls)

    assert batched(scenario) == 1 + 1 + 2 * 4  # the first, the whole, and the halves down to one


def test_expired_and_abandoned_requests_are_not_run():
    async def scenario(batcher, ask, recorder):
        first = await busy(ask, recorder)
        late, gone, patient = ask(rows(1), 0.01), ask(rows(2)), ask(rows(3))
        with pytest.raises(DeadlineExceeded):
            await late
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert batcher.queued == 1
        recorder.gate.set()
        await asyncio.gather(first, patient)
        with pytest.raises(DeadlineExceeded):
            await ask(rows(4), 0.0)
        return recorder.calls

    assert batched(scenario) == [[0], [3]]


def test_a_full_queue_refuses_and_takes_again_when_there_is_room():
    async def scenario(batcher, ask, recorder):
        first = await busy(ask, recorder)
        waiting = ask(rows(1, 2))
        await asyncio.sleep(0)
        with pytest.raises(QueueFull, match="2 rows are waiting, of 3"):
            await ask(rows(3, 4))
        third = ask(rows(5))
        recorder.gate.set()
        await asyncio.gather(first, waiting, third)
        assert batcher.queued == 0
        return (await ask(rows(*range(10))))["y"].sum()  # alone it is taken, however large

    assert batched(scenario, queue=3) == 90


def test_a_batch_waits_for_company_if_it_is_told_to():
    async def scenario(batcher, ask, recorder):
        await asyncio.gather(ask(rows(1)), ask(rows(2)))
        return recorder.calls

    assert batched(scenario, wait_s=0.05) == [[1, 2]]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(1, 7), st.integers(1, 2))
def test_every_row_gets_its_own_answer(sizes, largest_batch, workers):
    async def scenario(batcher, ask, recorder):
        starts = np.cumsum([0, *sizes])
        arrays = [rows(*range(a, b)) for a, b in zip(starts, starts[1:], strict=False)]
        answers = await asyncio.gather(*(ask(array) for array in arrays))
        for array, answer in zip(arrays, answers, strict=True):
            assert np.array_equal(answer["y"], 2 * array)
        assert max(map(len, recorder.calls)) <= largest_batch
        assert sorted(sum(recorder.calls, [])) == list(range(sum(sizes)))

    batched(scenario, largest_batch=largest_batch, workers=workers)


# Versions


def watched(tmp_path: Path, scenario, **values):
    """Runs scenario(manager, versions, broken, loads): versions(1, 2) makes the folders so; what is
    in `broken` cannot be loaded; `loads` are the tries."""
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
    return {number: each.state for number, each in manager.models["m"].versions.items()}


def test_a_broken_version_is_tried_again_later_and_later(tmp_path, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)

    async def scenario(manager, versions, broken, loads):
        nonlocal now
        broken.add(1)
        versions(1)
        tries = []
        for _ in range(2000):
            await manager.update()
            tries.append(len(loads))
            now += 0.1
        assert not manager.ready
        assert "is broken" in manager.models["m"].versions[1].error
        # After 0, 1, 3, 7, 15, 31, 63 s, and then each minute.
        assert tries[-1] == len([0, 1, 3, 7, 15, 31, 63, 123, 183])
        broken.clear()
        now += 60
        await manager.update()
        assert states(manager) == {1: "AVAILABLE"}
        assert (manager.ready, manager.models["m"].versions[1].error) == (True, "")

    watched(tmp_path, scenario)


def test_broken_versions_never_take_the_place_of_good_ones(tmp_path):
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
        for _ in range(2):  # nothing changes at a second look
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
def test_only_latest_has_substitutes(tmp_path, policy):
    async def scenario(manager, versions, broken, loads):
        broken.add(3)
        versions(2, 3)
        await manager.update()
        assert states(manager)[3] == "END"
        assert (loads == [3]) == ("specific" in policy)
        assert manager.ready == ("all" in policy)

    watched(tmp_path, scenario, policy=policy)


def test_each_broken_version_has_a_substitute(tmp_path):
    async def scenario(manager, versions, broken, loads):
        broken.update({2, 4})
        versions(1, 2, 3, 4)
        await manager.update()
        assert states(manager) == {4: "END", 3: "AVAILABLE", 2: "END", 1: "AVAILABLE"}

    watched(tmp_path, scenario, policy={"latest": 2})


def test_models_come_and_go_with_their_folders(tmp_path):
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


def test_a_version_that_is_being_unloaded_takes_nothing_and_has_no_label(tmp_path):
    async def scenario(manager, versions, broken, loads):
        versions(1)
        await manager.update()
        found = manager.models["m"]
        found.set_label("stable", 1)
        found.withdraw(found.versions[1])
        assert (states(manager), found.labels) == ({1: model_versions.UNLOADING}, {})

    watched(tmp_path, scenario)


# What it is told


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rest_port: 70000", "rest_port: Input should be less than or equal to 65535"),
        ("port: 1", "port: Extra inputs are not permitted"),
        ("policy: {latest: 1, all: true}", "only one of latest, all and specific"),
        ("limits: {rows: 0}", "limits.rows: Input should be greater than or equal to 1; found 0"),
        ("models: {m: {labels: {a: -1}}}", "models.m.labels.a"),
        ("[1", "not YAML"),
        ("1", "an object is needed"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, text, sentence):
    path = tmp_path / "serving.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as raised:
        config.build(config.read(path), str(path))
    assert str(path) in str(raised.value)
    assert sentence in str(raised.value)


def test_the_example_at_the_head_of_config_is_accepted():
    text = config.__doc__.split("\n\n")[1]
    found = config.build(yaml.safe_load(text), "docstring")
    assert found.policy_of("spam_cnn") == Policy(latest=2)
    assert found.policy_of("another") == Policy(latest=1)
    assert found.labels_of("spam_cnn") == {"stable": 1, "canary": 2}
    assert math.isclose(found.limits.timeout_s, 5)
