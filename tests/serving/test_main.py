"""`python -m serving`, as a user or a supervisor starts it."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
import yaml

from pipelines.config import tensorflow_env
from serving.__main__ import main
from tests.support.serving_trees import ROW, Tree, save, write_signature

ROOT = Path(__file__).parents[2]


def start(*arguments: str) -> tuple[subprocess.Popen, str]:
    """The process, and the address of its REST frontend."""
    ports = ("--rest-port", "0", "--grpc-port", "0")
    process = subprocess.Popen(
        [sys.executable, "-m", "serving", *ports, *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    line = process.stdout.readline()
    assert line.startswith("REST http://127.0.0.1:"), process.communicate()
    return process, line.split()[1]


def finish(process: subprocess.Popen) -> str:
    process.send_signal(signal.SIGTERM)
    output, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert tensorflow_env.has_gpu() or "cuInit" not in log
    return output


@pytest.mark.slow
def test_it_publishes_and_serves_and_prints_commands_that_work(tmp_path):
    exported = tmp_path / "exported/scaled"
    save(exported / "model", 3, x=[ROW], y=[[3 * x for x in ROW]])
    (exported / "model/golden.json").rename(exported / "golden.json")
    write_signature(exported)
    (tmp_path / "exported/broken").mkdir()
    root = tmp_path / "served"
    process, _ = start("--root", str(root), "--exported", str(exported.parent))
    assert process.stdout.readline() == "\n"
    line = process.stdout.readline()
    answer = subprocess.run(line, shell=True, capture_output=True, text=True, check=True).stdout
    assert answer == '{"predictions":[{"scale":3.0,"y":[3.0,6.0,9.0]}]}'
    assert finish(process) == ""
    assert (root / "scaled/1/saved_model.pb").is_file()
    assert not (root / "broken").exists()


@pytest.mark.slow
def test_it_serves_again_after_kill_9(tmp_path):
    """Twice, with a temporary folder of a publisher that was killed as well."""
    tree = Tree(tmp_path / "root")
    tree.add(1)
    (tree.folder / ".tmp-999999-0011aabb-2").mkdir()
    for kill in (True, False):
        process, base = start("--root", str(tree.root))
        answer = requests.post(
            f"{base}/v1/models/scaled:predict", json={"instances": [ROW]}, timeout=30
        )
        assert answer.json()["predictions"][0]["y"] == ROW
        if kill:
            process.kill()
            process.communicate()
        else:
            finish(process)


@pytest.mark.slow
def test_the_configuration_is_read_again_while_it_serves(tmp_path):
    one, two = Tree(tmp_path / "one", "first"), Tree(tmp_path / "two", "second")
    one.add(1)
    one.add(2)
    two.add(5)
    path = tmp_path / "serving.yaml"
    settings = {"roots": [str(one.root), str(two.root)], "poll_s": 0.05}
    path.write_text(yaml.safe_dump(settings))
    process, base = start("--config", str(path), "--policy", "all")

    def predict(path: str) -> int | float:
        body = {"instances": [ROW]}
        response = requests.post(f"{base}/v1/models/{path}:predict", json=body, timeout=30)
        if response.status_code != 200:
            return response.status_code
        return response.json()["predictions"][0]["scale"]

    assert [predict(path) for path in ("first", "first/versions/1", "second")] == [2, 1, 5]
    assert predict("first/labels/stable") == 404
    path.write_text("models: {first: {labels: {stable: x}}}")  # a mistake changes nothing
    time.sleep(0.3)
    assert predict("first") == 2
    path.write_text(yaml.safe_dump({**settings, "models": {"first": {"labels": {"stable": 1}}}}))
    end = time.monotonic() + 30
    while predict("first/labels/stable") != 1:
        assert time.monotonic() < end
        time.sleep(0.05)
    finish(process)


@pytest.mark.parametrize(
    ("arguments", "code", "key"),
    [
        (["--policy", "newest"], "policy-invalid", "--policy"),
        (["--limit", "rows"], "flag-invalid", "--limit"),
        (["--limit", "rows=0"], "config-invalid", "limits.rows"),
        (["--batching", "size=1"], "config-invalid", "batching.size"),
        (["--config", "none.yaml"], "file-unreadable", "none.yaml"),
    ],
)
def test_a_mistake_is_one_message(arguments, code, key, capsys):
    assert main(arguments) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error[{code}]: ")
    assert key in message
    assert "Traceback" not in message


@pytest.mark.slow
@pytest.mark.parametrize("frontend", ["rest", "grpc"])
def test_a_port_in_use_is_named(frontend, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        ports = {"rest": "0", "grpc": "0", frontend: port}
        command = [sys.executable, "-m", "serving", "--root", str(tmp_path)]
        for name, value in ports.items():
            command += [f"--{name}-port", value]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert f"127.0.0.1:{port}: cannot listen" in done.stderr
    assert f"choose another --{frontend}-port" in done.stderr
    assert "Traceback" not in done.stderr
