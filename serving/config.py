"""The server's configuration: defaults, then a YAML file, then flags; the later one overrides.

roots: [data/served, /srv/models]
policy: {latest: 1}                       # or {all: true}, {specific: [1, 3]}
models:
  spam_cnn: {policy: {latest: 2}, labels: {stable: 1, canary: 2}}
limits: {rows: 256, timeout_s: 5}
batching: {largest_batch: 64}
"""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.config.errors import UserError
from serving.network import check_protection
from serving.version_policy import Policy, Version

PositiveInt = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=0, le=65535)]


class StrictModel(BaseModel):
    """Refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(StrictModel):
    """Limits of a request.

    Args:
        body_bytes: size of the body, also decompressed.
        message_bytes: size of a gRPC message, of which the library holds several copies.
        rows: number of rows (instances).
        string_bytes: length of one text or file.
        image_pixels: of one JPEG or PNG, or of all frames of a GIF; signature.json can give a
            smaller number (max_pixels).
        image_work: pixels times scans of one JPEG, which decoding takes time for.
        depth: nesting of lists.
        json_values: commas and opening brackets of one JSON body: about the number of its values.
        length: size of a dimension that the signature leaves open, besides the rows; signature.json
            can give another one (max_length).
        cells: elements of one tensor.
        in_flight_bytes: bodies and decoded inputs of all requests at the same time.
        timeout_s: time until the answer; a client can ask for less.
    """

    body_bytes: PositiveInt = 32 << 20
    message_bytes: PositiveInt = 4 << 20
    rows: PositiveInt = 1024
    string_bytes: PositiveInt = 16 << 20
    image_pixels: PositiveInt = 16_000_000
    image_work: PositiveInt = 256_000_000
    depth: PositiveInt = 16
    json_values: PositiveInt = 1_000_000
    length: PositiveInt = 1024
    cells: PositiveInt = 1 << 24
    in_flight_bytes: PositiveInt = 128 << 20
    timeout_s: Seconds = 30.0


class ConnectionLimits(StrictModel):
    """Limits of HTTP connections, and of gRPC.

    Args:
        connections: open at the same time; fewer if the process may not open as many files.
        health_connections: further ones, on which health checks alone are answered.
        url_bytes: length of a URL.
        headers: number of headers of one request.
        header_bytes: name and value of one header.
        head_bytes: all headers of one request.
        head_timeout_s: time until the headers have arrived.
        idle_timeout_s: time between two requests.
        write_timeout_s: time in which a client reads none of its answer, or goes on sending a body
            after its answer.
        grpc_calls: gRPC calls at the same time; others are answered RESOURCE_EXHAUSTED at once.
    """

    connections: PositiveInt = 1000
    health_connections: PositiveInt = 16
    url_bytes: PositiveInt = 8 << 10
    headers: PositiveInt = 100
    header_bytes: PositiveInt = 16 << 10
    head_bytes: PositiveInt = 64 << 10
    head_timeout_s: Seconds = 10.0
    idle_timeout_s: Seconds = 5.0
    write_timeout_s: Seconds = 30.0
    grpc_calls: PositiveInt = 128


class Batching(StrictModel):
    """How requests are merged into batches.

    Args:
        largest_batch: rows of one call of the model.
        queue: rows that can wait for one signature.
        wait_s: how long a batch that is not full waits for more requests.
        workers: concurrent calls of one version.
        threads: TensorFlow's threads for one operation; more than one pays for large models only.
    """

    largest_batch: PositiveInt = 32
    queue: PositiveInt = 1024
    wait_s: Annotated[float, Field(ge=0, le=1)] = 0.0
    workers: Annotated[int, Field(ge=1, le=2)] = 1
    threads: PositiveInt = 1


class ModelConfig(StrictModel):
    """Settings of one model. labels: names that requests can use instead of version numbers."""

    policy: Policy | None = None
    labels: dict[str, Version] = {}


class Config(StrictModel):
    """All settings. Port 0: the system assigns a free port.

    Args:
        allowed_hosts: names that a request's Host header may have, besides those of loopback and
            `host`; "*": any name.
        allowed_origins: web origins whose pages may send requests, such as https://example.org.
        token_file: its tokens are needed for requests; required if `host` is not loopback.
        without_authentication: listen beyond loopback without tokens.
        certificate, key: PEM files for TLS; without them there is no encryption.
        poll_s: time between two polls of the roots.
        load_timeout_s: time to load and warm up one version.
        allow_operations: refused operations of a graph that are allowed nevertheless.
        allow_modules: what `requires` in signature.json may name.
    """

    host: str = "127.0.0.1"
    allowed_hosts: list[str] = []
    allowed_origins: list[str] = []
    token_file: Path | None = None
    without_authentication: bool = False
    certificate: Path | None = None
    key: Path | None = None
    rest_port: Port = 8501
    grpc_port: Port = 8500
    roots: Annotated[list[Path], Field(min_length=1)] = [Path("data/served")]
    policy: Policy = Policy(latest=1)
    models: dict[str, ModelConfig] = {}
    limits: Limits = Limits()
    connections: ConnectionLimits = ConnectionLimits()
    batching: Batching = Batching()
    poll_s: Annotated[float, Field(gt=0)] = 1.0
    load_timeout_s: Annotated[float, Field(gt=0)] = 600.0
    allow_operations: list[str] = []
    allow_modules: list[str] = ["tensorflow_text"]

    def policy_of(self, model: str) -> Policy:
        return self.models.get(model, ModelConfig()).policy or self.policy

    def labels_of(self, model: str) -> dict[str, int]:
        return self.models.get(model, ModelConfig()).labels


def read(path: Path) -> dict:
    """The values of a YAML file, not validated yet."""
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        message = f"cannot be read: {error.strerror}; give an existing file with --config"
        raise UserError("file-unreadable", message, path=path) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        message = f"not YAML: {' '.join(str(error).split())}"
        raise UserError("yaml-invalid", message, path=path) from None
    if not isinstance(values, dict):
        message = f"found {values!r:.80}; accepted: a mapping of {', '.join(Config.model_fields)}"
        raise UserError("config-not-mapping", message, path=path, value=values)
    return values


def build(values: dict, source: str) -> Config:
    """The validated configuration.

    Args:
        values: as the file and the flags have them.
        source: where the values are from, for messages.

    Raises:
        UserError: names the first invalid key; the message lists all of them.
    """
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        details = error.errors()
        lines = [
            f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}; found {detail['input']!r:.80}"
            for detail in details
        ]
        key, _, message = lines[0].partition(": ")
        message = "\n".join([message, *lines[1:]])
        value = details[0]["input"]
        raise UserError("config-invalid", message, path=source, key=key, value=value) from None
    check_protection(config)
    return config
