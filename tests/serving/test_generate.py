"""Texts over REST: whole and as events, under the limits of all requests."""

import http.client
import json
import threading
import time

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support import text_models
from tests.support.serving_trees import Tree, served
from tests.support.text_models import WRITTEN

BATCH = 4


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    tree = Tree(tmp_path_factory.mktemp("root"))
    tree.add(1)
    text_models.save(tree.root / "writer/1")
    return tree.root


@pytest.fixture(scope="module")
def server(root):
    with served(root, batching={"largest_batch": BATCH, "queue": 8}) as running_server:
        yield running_server


def generate(server, text: str = "", path: str = "generate", **parameters) -> requests.Response:
    body = {"text_input": text, "parameters": parameters}
    return server.post(f"/v2/models/writer/{path}", body)


def written(tokens: int) -> str:
    return (8 * WRITTEN).encode()[:tokens].decode("utf-8", "ignore")


def events(response) -> list[dict]:
    lines = response.text.split("\n\n")
    assert lines.pop() == ""
    assert all(line.startswith("data: ") for line in lines)
    return [json.loads(line.removeprefix("data: ")) for line in lines]


class Reader:
    """One open stream, of which as much is read as is asked for."""

    def __init__(self, server, text: str, **parameters):
        host = server.addresses.rest.removeprefix("http://")
        self.connection = http.client.HTTPConnection(host, timeout=30)
        body = json.dumps({"text_input": text, "parameters": parameters})
        self.connection.request("POST", "/v2/models/writer/generate_stream", body)
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()

    def event(self) -> dict:
        line = self.response.readline().removeprefix(b"data: ")
        assert self.response.readline() == b"\n"
        return json.loads(line)

    def text(self) -> str:
        parts = []
        while "finish_reason" not in (event := self.event()):
            parts.append(event["text_output"])
        return "".join(parts)

    def close(self) -> None:
        self.response.close()
        self.connection.close()


def metric(server, name: str, **labels) -> float:
    text = server.get("/monitoring/prometheus/metrics").text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def wait_for(condition, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition was not met in time"
        time.sleep(0.01)


def open_texts(server) -> float:
    return metric(server, "serving_texts", model="writer")


def test_a_whole_text(server):
    answer = generate(server, "a prompt", max_tokens=14, seed=3).json()
    assert answer == {
        "model_name": "writer", "model_version": "1", "text_output": written(14),
        "finish_reason": "length", "tokens": 14, "log_probability": -7.0, "seed": 3,
        "prompt_bytes": 8,
    }  # fmt: skip


def test_parameters_have_defaults_and_null_is_none(server):
    answer = server.post("/v2/models/writer/generate", {"text_input": ""}).json()
    assert answer["text_output"] == WRITTEN[:5]
    assert 0 <= answer["seed"] < 2**53
    other = server.post(
        "/v2/models/writer/versions/1/generate", {"text_input": "", "parameters": None}
    )
    assert other.json()["seed"] != answer["seed"]
    assert generate(server, max_tokens=None, stream=False).json()["tokens"] == 5


def test_events_are_the_parts_of_the_text(server):
    response = generate(server, path="generate_stream", max_tokens=60, stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    *parts, last = events(response)
    assert all(set(part) == {"model_name", "model_version", "text_output"} for part in parts)
    text = "".join(part["text_output"] for part in parts)
    assert text == written(60)
    assert last["finish_reason"] == "length" and last["text_output"] == ""
    assert last["tokens"] == 60


def test_half_a_character_is_never_shown(server):
    for tokens in (8, 9, 12, 13, 14):  # within é and within the dash
        parts = events(generate(server, path="generate_stream", max_tokens=tokens))
        assert "".join(part["text_output"] for part in parts) == written(tokens)
        assert all(part["text_output"] in WRITTEN for part in parts)


@pytest.mark.parametrize(
    ("stop", "text", "reason"),
    [
        ("fé — n", "The ca", "stop"),
        (["zzz", "aï", "é —"], "The caf", "stop"),
        (["naive", "The café — naïve!"], WRITTEN[:16], "length"),
        (["", "T"], "", "stop"),
        ([], WRITTEN[:16], "length"),
    ],
)
def test_a_text_ends_before_a_stop_string(server, stop, text, reason):
    size = len(WRITTEN[:16].encode())
    answer = generate(server, max_tokens=size, stop=stop).json()
    assert (answer["text_output"], answer["finish_reason"]) == (text, reason)
    streamed = events(generate(server, path="generate_stream", max_tokens=size, stop=stop))
    assert "".join(event["text_output"] for event in streamed) == text


def test_the_model_may_end_a_text(server):
    answer = generate(server, "end 3", max_tokens=20).json()
    assert (answer["text_output"], answer["finish_reason"], answer["tokens"]) == ("The", "stop", 3)


def test_a_part_appears_before_the_next_is_made(server):
    reader = Reader(server, "slow 20", max_tokens=200)  # at least four seconds
    text = reader.event()["text_output"] + reader.event()["text_output"]
    assert WRITTEN.startswith(text)
    assert open_texts(server) == 1
    reader.close()
    wait_for(lambda: not open_texts(server))


BAD = {
    "no text": ({}, "text_input"),
    "a number as text": ({"text_input": 3}, "text_input"),
    "half a surrogate": (b'{"text_input": "\\ud800"}', "JSON"),
    "not an object": (b"[1]", "object"),
    "NaN": (b'{"text_input": "", "parameters": {"temperature": NaN}}', "JSON"),
    "parameters that are a list": ({"text_input": "", "parameters": []}, "parameters"),
    "an unknown key": ({"text_input": "", "text": ""}, "'text'"),
    "the prompt as a parameter": ({"text_input": "", "parameters": {"prompt": ""}}, "'prompt'"),
}
BAD |= {
    f"{name} {value!r:.20}": ({"text_input": "", "parameters": {name: value}}, expected)
    for name, value, expected in [
        ("max_tokens", 201, "200"), ("max_tokens", 0, "at least 1"), ("max_tokens", -5, "1"),
        ("max_tokens", 2.5, "integer"), ("max_tokens", True, "integer"),
        ("max_tokens", 2**40, "32"), ("max_tokens", [3], "shape"),
        ("temperature", -1, "at least 0"), ("temperature", "NaN", "number"),
        ("temperature", 1e39, "infinite"), ("seed", -2, "-1"), ("seed", 2**63, "int64"),
        ("stop", [1], "a text"), ("stop", [["x"]], "shape"), ("stop", ["x"] * 5, "4"),
        ("stop", "x" * 65, "64"), ("beams", 3, "accepted: max_tokens"),
        ("stream", True, "generate_stream"),
    ]
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_answered_with_what_is_accepted(server, name):
    body, expected = BAD[name]
    for path in ("generate", "generate_stream"):
        if "stream" in name and path == "generate_stream":
            continue
        response = server.post(f"/v2/models/writer/{path}", body)
        assert response.status_code in (400, 413), response.text
        assert expected in response.json()["error"]
        assert response.headers["content-type"] == "application/json"


def test_a_model_that_makes_no_texts_says_so(server):
    response = server.post("/v2/models/scaled/generate", {"text_input": ""})
    assert response.status_code == 400
    assert "start" in response.json()["error"]
    assert server.post("/v2/models/none/generate", {"text_input": ""}).status_code == 404
    assert server.post("/v2/models/writer/versions/9/generate", {}).status_code == 404


def test_limits_of_numbers_hold_for_every_protocol(server):
    inputs = {
        "prompt": [""],
        "max_tokens": [201],
        "temperature": [1.0],
        "top_k": [0],
        "top_p": [1.0],
        "seed": [1],
        "stop": [[""]],
    }
    body = {"inputs": inputs, "signature_name": "generate"}
    response = server.post("/v1/models/writer:predict", body)
    assert response.status_code == 400 and "200" in response.json()["error"]
    inputs["max_tokens"] = [200]
    assert server.post("/v1/models/writer:predict", body).status_code == 200


def test_texts_share_calls_and_a_new_one_joins_those_that_grow(server):
    """Eight texts of 30 tokens, four at a time, in little more calls than two texts take."""

    def calls():
        return metric(server, "serving_batch_rows_count", model="writer", signature="sample")

    before, tokens = calls(), metric(server, "serving_text_tokens_total", model="writer")
    answers = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(generate(server, "slow 2", max_tokens=30).json())
        )
        for _ in range(2 * BATCH)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.get("text_output", str(answer)) for answer in answers} == {written(30)}
    assert 2 * 30 <= calls() - before < 4 * 30
    made = metric(server, "serving_text_tokens_total", model="writer") - tokens
    assert made == 2 * BATCH * 30
    assert open_texts(server) == 0


def test_a_client_that_goes_frees_its_place(server):
    readers = [Reader(server, "slow 20", max_tokens=200) for _ in range(BATCH)]
    assert open_texts(server) == BATCH
    for reader in readers:
        reader.close()
    wait_for(lambda: not open_texts(server), seconds=3)  # 200 tokens would take longer
    wait_for(lambda: metric(server, "serving_requests_total", code="499") >= BATCH)


def test_a_reader_that_does_not_read_stops_nobody(server):
    lazy = [Reader(server, "", max_tokens=200) for _ in range(2 * BATCH)]
    assert generate(server, max_tokens=200).json()["tokens"] == 200
    assert server.scale() == 1.0
    assert len({reader.text() for reader in lazy}) == 1
    for reader in lazy:
        reader.close()


def test_a_refused_prompt_fails_alone(server):
    answers = {}

    def ask(name: str, text: str):
        answers[name] = generate(server, text, max_tokens=5)

    names = {"good": "end 2", "bad": "refuse", "other": "end 3"}
    threads = [threading.Thread(target=ask, args=item) for item in names.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers["bad"].status_code == 400
    assert [answers[name].json()["tokens"] for name in ("good", "other")] == [2, 3]


def test_a_model_that_fails_ends_its_texts_and_serves_the_next(server):
    assert generate(server, "break").status_code == 400
    assert generate(server, "break", path="generate_stream").status_code == 400
    assert generate(server).status_code == 200


def test_a_deadline_ends_a_text(server):
    body = {"text_input": "slow 50", "parameters": {"max_tokens": 200}}
    headers = {"x-request-timeout-ms": "400"}
    whole = server.post("/v2/models/writer/generate", body, headers=headers)
    assert whole.status_code == 504 and "of 200 tokens" in whole.json()["error"]
    stream = server.post("/v2/models/writer/generate_stream", body, headers=headers)
    *_, last = events(stream)
    assert "deadline" in last["error"]
    wait_for(lambda: not open_texts(server), seconds=3)
    assert metric(
        server, "serving_requests_total", operation="generate_stream", model="writer", code="504"
    )


def test_a_full_queue_is_answered_429(server):
    readers = [Reader(server, "slow 20", max_tokens=100) for _ in range(BATCH)]
    waiting = [
        threading.Thread(target=generate, args=(server, "slow 1")) for _ in range(8)
    ]  # fmt: skip
    for thread in waiting:
        thread.start()
    wait_for(lambda: open_texts(server) == BATCH + 8)
    assert generate(server).status_code == 429
    for reader in readers:
        reader.close()
    for thread in waiting:
        thread.join()
    assert generate(server).status_code == 200


def test_a_server_that_stops_finishes_its_texts(root):
    with served(root) as server:
        readers = [Reader(server, "slow 20", max_tokens=50) for _ in range(2)]
        for reader in readers:
            reader.event()
    assert {reader.text()[-1] for reader in readers} == {written(50)[-1]}


def test_the_bytes_of_all_requests_are_limited_for_texts_too(root):
    with served(root, limits={"in_flight_bytes": 150}) as server:
        reader = Reader(server, "slow 20", max_tokens=50)
        refused = generate(server, "slow 20", max_tokens=50)
        assert refused.status_code == 429 and "bytes" in refused.json()["error"]
        reader.close()
        wait_for(lambda: server.core._budget.used == 0)
