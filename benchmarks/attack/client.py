"""The client beside an attack: 20 requests a second to models that are not attacked.

Arguments: http://host:port and seconds. Prints "ready", waits for a line, and prints JSON:
requests, failures by their status or error, and quantiles of the times in which those that
succeeded were answered.
"""

import base64
import http.client
import json
import sys
import threading
import time
from collections import Counter

import numpy as np

from benchmarks.attack.models import OTHERS, SENTENCES, image

RATE, CONNECTIONS, TIMEOUT_S = 20.0, 4, 35.0


def main() -> None:
    rest, seconds = sys.argv[1], float(sys.argv[2])
    rows = {
        "numbers": [1.0, 2.0, 3.0],
        "photos": {"b64": base64.b64encode(image(32, 32)).decode()},
        "sentences": SENTENCES[0],
    }
    requests = [
        (f"/v1/models/{name}:predict", json.dumps({"instances": [rows[name]]})) for name in OTHERS
    ]
    print("ready", flush=True)
    sys.stdin.readline()
    times, failures, end = [], Counter(), time.monotonic() + seconds
    threads = [
        threading.Thread(target=send, args=(rest, requests, number, end, times, failures))
        for number in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(summary(times, failures)))


def send(rest: str, requests: list, number: int, end: float, times: list, failures: Counter):
    """One connection: a request every CONNECTIONS / RATE seconds, as far as answers come."""
    period = CONNECTIONS / RATE
    connection, next_at = connect(rest), time.monotonic() + number * period / CONNECTIONS
    while next_at < end:
        time.sleep(max(0.0, next_at - time.monotonic()))
        path, body = requests[number % len(requests)]
        started_at, number = time.monotonic(), number + 1
        try:
            connection.request("POST", path, body)
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException) as error:
            status = type(error).__name__
            connection.close()
        if status == 200:
            times.append(time.monotonic() - started_at)
        else:
            failures[str(status)] += 1
        next_at = max(next_at + period, time.monotonic())


def connect(rest: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(rest.removeprefix("http://"), timeout=TIMEOUT_S)


def summary(times: list[float], failures: Counter) -> dict:
    p50, p99 = np.percentile(times, [50, 99]) * 1000 if times else (np.nan, np.nan)
    return {
        "requests": len(times) + sum(failures.values()), "failures": dict(failures),
        "p50_ms": round(float(p50), 1), "p99_ms": round(float(p99), 1),
    }  # fmt: skip


if __name__ == "__main__":
    main()
