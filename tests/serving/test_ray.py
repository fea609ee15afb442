"""The core in Ray Serve, where Ray is installed."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.support.serving_trees import ROW, Tree

ray = pytest.importorskip("ray", reason="optional: pip install -r requirements-ray.txt")
pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    repository_tree = Tree(tmp_path_factory.mktemp("ray") / "root")
    repository_tree.add(1)
    return repository_tree


@pytest.fixture(scope="module")
def base(tree):
    """Two replicas, each with a capacity of one request, and one that can wait."""
    from ray import serve

    from serving.ray_app import Scale, application

    file = tree.root.parent / "serving.yaml"
    file.write_text(f"roots: [{tree.root}]\npoll_s: 0.2\n")
    environment = {"env_vars": {"PYTHONPATH": str(ROOT)}}
    ray.init(num_cpus=4, include_dashboard=False, runtime_env=environment, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": 8765})
    serve.run(application(Scale(config=file, replicas=2, ongoing=1, queued=1)))
    yield "http://127.0.0.1:8765"
    serve.shutdown()
    ray.shutdown()


def test_it_answers_as_the_server_in_one_process(base):
    asked = {"instances": [ROW]}
    answer = requests.post(f"{base}/v1/models/scaled:predict", json=asked, timeout=60)
    assert answer.json() == {"predictions": [{"scale": 1.0, "y": ROW}]}
    wrong = requests.post(f"{base}/v1/models/scaled:predict", json={}, timeout=60)
    assert wrong.status_code == 400
    assert "instances" in wrong.json()["error"]
    assert requests.get(f"{base}/v2/health/ready", timeout=60).status_code == 200
    assert requests.get(f"{base}/", timeout=60).headers["content-security-policy"]


def test_it_has_its_replicas(base):
    from ray import serve

    deployment = serve.status().applications["default"].deployments["serving"]
    assert deployment.replica_states == {"RUNNING": 2}


def test_a_request_beyond_the_queue_is_answered_429(base):
    def send(_) -> requests.Response:
        body = {"inputs": {"steps": [1500]}, "signature_name": "slow"}
        return requests.post(f"{base}/v1/models/scaled:predict", json=body, timeout=120)

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(send, range(12)))
    codes = Counter(answer.status_code for answer in answers)
    assert set(codes) == {200, 429}
    assert codes[200] >= 2
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert int(refused.headers["retry-after"]) == 1
