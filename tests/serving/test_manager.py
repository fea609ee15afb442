"""Loading and unloading of versions, with a loader that a test controls."""

import asyncio
import time
from pathlib import Path

import pytest

from serving.config import Config
from serving.core import model_versions
from serving.core.manager import Manager
from serving.errors import LoadError
from serving.monitoring.metrics import Metrics
from serving.servables.servable import Servable


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
