"""What a server is told: by its defaults, a YAML file and flags, the later before the earlier.

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
from serving.version_policy import Policy, Version

Count = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=0, le=65535)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(Strict):
    """Of one request. rows: instances in it. string_bytes: of one text or file. depth: of nested
    lists. timeout_s: until it is answered; a client may ask for less."""

    body_bytes: Count = 32 << 20
    rows: Count = 1024
    string_bytes: Count = 16 << 20
    depth: Count = 16
    timeout_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30.0


class Batching(Strict):
    """largest_batch: rows of one call. queue: rows that may wait for one signature. wait_s: how
    long a batch that is not full waits for company. workers: calls of one version at a time.
    threads: that TensorFlow shares an operation among; more pay for large models only."""

    largest_batch: Count = 32
    queue: Count = 1024
    wait_s: Annotated[float, Field(ge=0, le=1)] = 0.0
    workers: Annotated[int, Field(ge=1, le=2)] = 1
    threads: Count = 1


class Entry(Strict):
    """What is particular to one model. labels: names that requests can use in place of versions."""

    policy: Policy | None = None
    labels: dict[str, Version] = {}


class Config(Strict):
    """Port 0: the system chooses."""

    host: str = "127.0.0.1"
    rest_port: Port = 8501
    grpc_port: Port = 8500
    roots: Annotated[list[Path], Field(min_length=1)] = [Path("data/served")]
    policy: Policy = Policy(latest=1)
    models: dict[str, Entry] = {}
    limits: Limits = Limits()
    batching: Batching = Batching()
    poll_s: Annotated[float, Field(gt=0)] = 1.0

    def policy_of(self, model: str) -> Policy:
        return self.models.get(model, Entry()).policy or self.policy

    def labels_of(self, model: str) -> dict[str, int]:
        return self.models.get(model, Entry()).labels


def address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def read(path: Path) -> dict:
    """The values of a YAML file, not yet checked."""
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UserError(
            f"{path}: an object is needed, with any of {', '.join(Config.model_fields)}"
        )
    return values


def build(values: dict, source: str) -> Config:
    """Raises UserError with each mistake on a line of its own. source: where values are from."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        mistakes = (
            f"{source}: {'.'.join(map(str, e['loc']))}: {e['msg']}; found {e['input']!r:.80}"
            for e in error.errors()
        )
        raise UserError("\n".join(mistakes)) from None
