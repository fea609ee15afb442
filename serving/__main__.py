"""`python -m serving`: publishes the models in data/exported and serves them until it is stopped.

With --root or --config it serves those model repositories and publishes nothing.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pydantic import BaseModel

from pipelines.config import tensorflow_env
from pipelines.config.errors import UserError
from serving import config, example
from serving.errors import LoadError
from serving.servables import repository
from serving.version_policy import Policy

EXPORTED = Path("data/exported")
SECTION_FLAGS: dict[str, tuple[str, type[BaseModel]]] = {
    "limit": ("limits", config.Limits),
    "batching": ("batching", config.Batching),
}
SETTINGS = (
    *("host", "rest_port", "grpc_port", "roots", "token_file", "without_authentication"),
    *("certificate", "key"),
)
log = logging.getLogger("serving")


def main(arguments: list[str] | None = None) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        options = parser().parse_args(arguments)
        configure = partial(read_config, options)
        roots = configure().roots
        # Another repository is only written to on request.
        is_default_root = options.roots is None and options.config is None
        if exported := options.exported or (EXPORTED if is_default_root else None):
            publish(exported, roots[0])
        run(configure)
    except UserError as error:
        print(f"error[{error.code}]: {error}", file=sys.stderr)
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="python -m serving", description=__doc__)
    add = result.add_argument
    add("--config", type=Path, metavar="YAML", help="see serving/config.py; flags override it")
    add("--host", help="default: 127.0.0.1, which only this computer can reach")
    add(
        "--token-file", type=Path, metavar="FILE",
        help="one token a line, of which requests need one; required beyond loopback",
    )  # fmt: skip
    add(
        "--without-authentication", action="store_true", default=None,
        help="listen beyond loopback without tokens",
    )  # fmt: skip
    add("--certificate", type=Path, metavar="PEM", help="for TLS, with --key")
    add("--key", type=Path, metavar="PEM", help="of the certificate, not encrypted")
    add("--rest-port", type=int, help="default: 8501; 0: any free port")
    add("--grpc-port", type=int, help="default: 8500; 0: any free port")
    add("--root", dest="roots", action="append", metavar="FOLDER", help="default: data/served")
    add(
        "--exported",
        type=Path,
        metavar="FOLDER",
        help="exported models to publish into the first root; "
        f"default, without --config and --root: {EXPORTED}",
    )
    add("--policy", metavar="latest:N|all|specific:N,N", help="default: latest:1")
    add(
        "--allow-operations", action="append", metavar="NAME", default=[],
        help="a refused operation that graphs may have nevertheless (docs/security.md)",
    )  # fmt: skip
    for flag, (_, section) in SECTION_FLAGS.items():
        fields = ", ".join(f"{name}={f.default}" for name, f in section.model_fields.items())
        add(f"--{flag}", action="append", metavar="NAME=VALUE", default=[], help=fields)
    return result


def read_config(options: argparse.Namespace) -> config.Config:
    """The file's values, overridden by the flags."""
    values = config.read(options.config) if options.config else {}
    for name in SETTINGS:
        if (value := getattr(options, name)) is not None:
            values[name] = value
    if options.policy is not None:
        try:
            values["policy"] = Policy.parse(options.policy)
        except ValueError:
            message = f"found {options.policy!r}; accepted: latest:N, all, specific:N,N"
            raise UserError(
                "policy-invalid", message, key="--policy", value=options.policy
            ) from None
    if options.allow_operations:
        values["allow_operations"] = options.allow_operations
    for flag, (section, _) in SECTION_FLAGS.items():
        for text in getattr(options, flag):
            name, equals, value = text.partition("=")
            if not equals:
                message = f"found {text!r}; accepted: NAME=VALUE"
                raise UserError("flag-invalid", message, key=f"--{flag}", value=text)
            values[section] = {**values.get(section, {}), name: value}
    return config.build(values, str(options.config or "command line"))


def publish(exported: Path, root: Path) -> None:
    """Publishes each model of a folder; one that cannot be published does not stop the others."""
    for folder in sorted(repository.entries(exported)):
        if folder.is_dir() and not folder.name.startswith("."):
            try:
                published = repository.publish(folder, root, folder.name)
            except UserError as error:
                log.error("%s", error)
                continue
            if published.new:
                log.info("%s version %d: published", published.model, published.version)


def run(configure: Callable[[], config.Config]) -> None:
    tensorflow_env.hide_cuda_errors()
    # Errors only: TensorFlow's notes and warnings are about the computer and the graph optimizer.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import uvloop

    from serving import page, server

    finished = uvloop.run(server.serve(configure, announce, page.routes))
    if not finished:  # Python would wait for a thread that never ends
        log.warning("a thread still loads or calls a model; it is ended with the process")
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)


def announce(core, addresses) -> None:
    """Prints the addresses, an example command for each model, and versions that failed."""
    print(f"REST {addresses.rest}   gRPC {addresses.grpc}   page {addresses.rest}/\n")
    if not core.manager.models:
        roots = ", ".join(map(str, core.config.roots))
        print(f"No models in {roots} yet; `make repro` trains and exports some.")
    for name, model in sorted(core.manager.models.items()):
        for number in model.available[-1:]:
            folder = model.versions[number].folder
            print(example_line(addresses.rest, name, folder, core.config.token_file))
        for version in model.versions.values():
            if version.error:
                print(f"# {name} version {version.number} is not served: {version.error}")
    sys.stdout.flush()


def example_line(base_url: str, model: str, folder: Path, token_file: Path | None) -> str:
    try:
        command = example.curl_command(base_url, model, folder, token_file)
    except (LoadError, OSError):  # the folder was changed or removed after loading
        command = None
    return command or f"# {model}: see {base_url}/v1/models/{model}/metadata for its inputs"


if __name__ == "__main__":
    sys.exit(main())
