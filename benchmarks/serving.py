"""The server's throughput beside that of the model called in process: `make bench-serving`.

Every round measures everything once, so that a busy minute affects all measurements alike; medians
over the rounds are reported. The load generators are external programs (wrk, TensorFlow Serving's
client) or equally thin (http.client), and run in processes of their own. In process, the same bytes
go through the same signature with as many TensorFlow threads as the server has. Writes
docs/serving.json.
"""

import base64
import gc
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from pipelines.config import tensorflow_env  # noqa: E402

tensorflow_env.hide_cuda_errors()

from pipelines.runtime import hardware  # noqa: E402
from serving.config import Batching  # noqa: E402
from serving.servables import repository, servable  # noqa: E402

FILE = ROOT / "docs/serving.json"
# A text, a small image, a series; a photograph and a long series if `make bench-hymenoptera` and
# `make bench-etth1_96` have been run.
MODELS = ("spam_cnn", "digits_cnn", "forecast_tcn", "hymenoptera_probe", "etth1_96_ridge_gru")
ROUNDS, SECONDS = 5, 2.0  # of each measurement; at least the time of ten full batches
BATCHES = (1, 8, 32)
CONNECTIONS = (1, 32)
PROCESSES = 2  # of Python clients, among which the connections are divided
SCRIPT = """
local requests, n = {}, 0
function init(files)
  for i, name in ipairs(files) do
    local file = io.open(name, "rb")
    local headers = {["Inference-Header-Content-Length"] = name:match("%.(%d+)$")}
    requests[i] = wrk.format("POST", nil, headers, file:read("*a"))
    file:close()
  end
end
function request()
  n = n % #requests + 1
  return requests[n]
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('\\n{"rps": %f, "p50_ms": %f, "p99_ms": %f, "failed": %d}\\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def main() -> None:
    servable.set_threads(Batching().threads)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "served"
        models = [model for model in MODELS if (ROOT / "data/exported" / model).is_dir()]
        for model in models:
            repository.publish(ROOT / "data/exported" / model, root, model)
        bodies = {model: write_bodies(Path(folder), root, model) for model in models}
        signatures = {model: load_signature(root / model / "1") for model in models}
        gc.freeze()  # as the server does
        rounds = []
        with server(root) as (rest, grpc, _):
            for number in range(ROUNDS):
                print(f"round {number + 1} of {ROUNDS} ...", flush=True)
                rounds.append(measure(models, signatures, bodies, rest, grpc))
    rows = medians(rounds)
    FILE.write_text(json.dumps({"machine": hardware.description(), "rows": rows}, indent=1) + "\n")
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))


def measure(models, signatures, bodies, rest: str, grpc: str) -> dict[tuple, dict]:
    """{(model, frontend, connections or rows): measurements}."""
    results = {}
    for model in models:
        for rows in BATCHES:
            results[model, "in process", rows] = in_process(*signatures[model], rows)
        seconds = max(SECONDS, 0.010 * results[model, "in process", BATCHES[-1]]["mean_ms"])
        for connections in CONNECTIONS:
            if shutil.which("wrk"):
                for frontend in ("v1", "v2"):
                    files = bodies[model][frontend]
                    measured = wrk(rest, model, frontend, connections, seconds, files)
                    results[model, f"{frontend}, wrk", connections] = measured
            for frontend, address in (("v1", rest), ("grpc", grpc)):
                measured = clients(address, model, frontend, connections, seconds, bodies[model])
                results[model, f"{frontend}, Python", connections] = measured
    return results


def load_signature(version: Path):
    """The signature, and its golden inputs."""
    from serving.servables import version_files, warmup
    from serving.servables.signature import DEFAULT

    signature = servable.load(version).signatures[DEFAULT]
    return signature, warmup.input_arrays(signature, version_files.read_golden(version)["inputs"])


def in_process(signature, inputs, rows: int) -> dict:
    ((name, values),) = inputs.items()
    batch = {name: values[np.arange(rows) % len(values)]}
    times, end = [], time.perf_counter() + SECONDS
    while (started_at := time.perf_counter()) < end:
        signature(batch)
        times.append(time.perf_counter() - started_at)
    return {**summary(times), "rps": rows * len(times) / sum(times), "failed": 0}


def summary(times: list[float]) -> dict:
    p50, p99 = np.percentile(times, [50, 99]) * 1000
    return {"p50_ms": p50, "p99_ms": p99, "mean_ms": statistics.fmean(times) * 1000}


def write_bodies(folder: Path, root: Path, model: str) -> dict[str, list[str]]:
    """Files with one request each, for one golden row; V2 sends images and numbers as bytes."""
    metadata = json.loads((root / model / "1/signature.json").read_text("utf-8"))
    golden = json.loads((root / model / "1/golden.json").read_text("utf-8"))
    ((name, rows),) = golden["inputs"].items()
    (spec,) = metadata["signatures"]["serving_default"]["inputs"].values()
    dtype = spec["dtype"]
    files: dict[str, list[str]] = {"v1": [], "v2": []}
    for index, row in enumerate(rows):
        data = to_bytes(row, dtype)
        tensor = {"name": name, "datatype": "BYTES" if dtype == "string" else "FP32"}
        tensor["shape"] = [1, *np.shape(row)] if dtype != "string" else [1]
        tensor["parameters"] = {"binary_data_size": len(data)}
        head = json.dumps({"inputs": [tensor]}).encode()
        plain = json.dumps({"instances": [row]}).encode()
        for frontend, body, length in (("v1", plain, len(plain)), ("v2", head + data, len(head))):
            path = folder / f"{model}-{frontend}-{index}.{length}"
            path.write_bytes(body)
            files[frontend].append(str(path))
    return files


def to_bytes(row, dtype: str) -> bytes:
    if dtype != "string":
        return np.array(row, dtype).tobytes()
    data = base64.b64decode(row["b64"]) if isinstance(row, dict) else row.encode()
    return len(data).to_bytes(4, "little") + data


def url(base: str, model: str, frontend: str) -> str:
    return (
        f"{base}/v2/models/{model}/infer"
        if frontend == "v2"
        else f"{base}/v1/models/{model}:predict"
    )


def wrk(
    base: str, model: str, frontend: str, connections: int, seconds: float, files: list[str]
) -> dict:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT)
        script.flush()
        load = f"-t 1 -c {connections} -d {math.ceil(seconds)}s".split()
        command = ["wrk", *load, "-s", script.name, url(base, model, frontend), "--", *files]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def clients(
    address: str, model: str, frontend: str, connections: int, seconds: float, bodies: dict
) -> dict:
    """Processes of `benchmarks/serving_client.py`, which start measuring together."""
    processes = min(PROCESSES, connections)
    share = connections // processes
    command = [sys.executable, "-m", "benchmarks.serving_client", frontend, address, model]
    command += [str(share), str(seconds), *bodies["v1"]]
    running = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        for _ in range(processes)
    ]  # fmt: skip
    for process in running:
        process.stdout.readline()  # "ready": its connections are open
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate() for process in running]
    if any(process.returncode for process in running):
        raise SystemExit(
            "\n".join(errors for _, errors in outputs) + f"{model}, {frontend}: failed (above)"
        )
    results = [json.loads(output) for output, _ in outputs]
    times = [seconds for result in results for seconds in result["times"]]
    rate = sum(len(result["times"]) / result["seconds"] for result in results)
    return {**summary(times), "rps": rate, "failed": 0}


@contextmanager
def server(root: Path):
    command = [sys.executable, "-m", "serving", "--root", str(root)]
    with (root.parent / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--rest-port", "0", "--grpc-port", "0"],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        words = process.stdout.readline().split()
        try:
            yield words[1], words[3], process.pid
        finally:
            process.terminate()
            process.wait(60)


def medians(rounds: list[dict[tuple, dict]]) -> list[dict]:
    """A row for each measurement; ratio: its rate divided by that of single rows in process."""
    table = []
    for model, frontend, count in rounds[0]:
        repeats = [results[model, frontend, count] for results in rounds]
        middle = {
            name: statistics.median(repeat[name] for repeat in repeats) for name in repeats[0]
        }
        single = statistics.median(results[model, "in process", 1]["rps"] for results in rounds)
        table.append(
            {
                "model": model, "frontend": frontend,
                "rows" if frontend == "in process" else "connections": count,
                **{name: round(value, 3) for name, value in middle.items()},
                "ratio": round(middle["rps"] / single, 3),
            }
        )  # fmt: skip
    return table


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main()
