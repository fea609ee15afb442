"""`python -m serving`: publishes what data/exported holds, and serves it until a signal comes.

With a root or a configuration file of one's own, it serves what is there.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipelines.config.errors import UserError
from serving import config, example
from serving.servables import repository
from serving.version_policy import Policy

EXPORTED = Path("data/exported")
PAIRS = {"limit": ("limits", config.Limits), "batching": ("batching", config.Batching)}
log = logging.getLogger("serving")


def main(arguments: list[str] | None = None) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        options = parser().parse_args(arguments)
        configured = partial(configure, options)
        roots = configured().roots
        # Into another's tree only what is asked for.
        own = options.roots is None and options.config is None
        if exported := options.exported or (EXPORTED if own else None):
            publish(exported, roots[0])
        run(configured)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m serving", description=__doc__)
    add = found.add_argument
    add("--config", type=Path, metavar="YAML", help="see serving/config.py; flags come on top")
    add("--host", help="default: 127.0.0.1, which only this machine can reach")
    add("--rest-port", type=int, help="default: 8501; 0: any free one")
    add("--grpc-port", type=int, help="default: 8500; 0: any free one")
    add("--root", dest="roots", action="append", metavar="FOLDER", help="default: data/served")
    add(
        "--exported",
        type=Path,
        metavar="FOLDER",
        help=f"to publish into the first root; default, with neither config nor root: {EXPORTED}",
    )
    add("--policy", metavar="latest:N|all|specific:N,N", help="default: latest:1")
    for flag, (_, kind) in PAIRS.items():
        fields = ", ".join(f"{name}={f.default}" for name, f in kind.model_fields.items())
        add(f"--{flag}", action="append", metavar="NAME=VALUE", default=[], help=fields)
    return found


def configure(options: argparse.Namespace) -> config.Config:
    """The file's values with the flags' on top."""
    found = config.read(options.config) if options.config else {}
    for name in ("host", "rest_port", "grpc_port", "roots"):
        if (given := getattr(options, name)) is not None:
            found[name] = given
    if options.policy is not None:
        try:
            found["policy"] = Policy.parse(options.policy)
        except ValueError:
            raise UserError(
                f"--policy {options.policy}: accepted: latest:N, all, specific:N,N"
            ) from None
    for flag, (section, _) in PAIRS.items():
        for text in getattr(options, flag):
            name, equals, value = text.partition("=")
            if not equals:
                raise UserError(f"--{flag} {text}: NAME=VALUE is needed")
            found[section] = {**found.get(section, {}), name: value}
    return config.build(found, str(options.config or "command line"))


def publish(exported: Path, root: Path) -> None:
    """A model that cannot be published does not keep the others from being so."""
    for folder in sorted(repository.entries(exported)):
        if folder.is_dir() and not folder.name.startswith("."):
            try:
                done = repository.publish(folder, root, folder.name)
            except UserError as error:
                log.error("%s", error)
                continue
            if done.new:
                log.info("%s version %d: published", done.model, done.version)


def run(configured: Callable[[], config.Config]) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # or TensorFlow talks about this machine
    import uvloop

    from serving import page, server

    uvloop.run(server.serve(configured, announce, page.routes))


def announce(core, addresses) -> None:
    """What people need: where it listens, and a line to paste for each model."""
    print(f"REST {addresses.rest}   gRPC {addresses.grpc}   page {addresses.rest}/\n")
    if not core.manager.models:
        roots = ", ".join(map(str, core.config.roots))
        print(f"No models in {roots} yet; `make repro` trains and exports some.")
    for name, model in sorted(core.manager.models.items()):
        for number in model.available[-1:]:
            line = example.command(addresses.rest, name, model.versions[number].folder)
            print(
                line or f"# {name}: {addresses.rest}/v1/models/{name}/metadata says what it takes"
            )
        for version in model.versions.values():
            if version.error:
                print(f"# {name} version {version.number} is not served: {version.error}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
