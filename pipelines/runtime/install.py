"""Installs a lock file and shows the progress: `python -m pipelines.runtime.install LOCK`.

`make` runs this with the Python of a fresh .venv, so it uses the standard library only. pip brings
uv, which is pinned in the lock file as well; uv downloads in parallel, shows its progress, checks
every hash and compiles byte code. Without byte code the first import of TensorFlow costs 25 s.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

INSTALLER = "uv"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==\S+", re.MULTILINE)
# pip's options and the variables by which uv knows the same.
OPTIONS = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m pipelines.runtime.install")
    parser.add_argument("lock", type=Path)
    parser.add_argument("--size", required=True, help="what is printed of it")
    options = parser.parse_args(arguments)
    text = options.lock.read_text("utf-8")
    count = len(PINNED.findall(text))
    say(f"{count} packages of {options.lock} into {sys.prefix}: {options.size}")
    if not uv().is_file():
        say("pip brings uv, which downloads the rest")
        install_uv(text)
    status = install(options.lock)
    say("done" if status == 0 else f"stopped, and nothing is lost: run make again; {cure(options)}")
    return status


def say(text: str) -> None:
    print(f"install: {text}", file=sys.stderr, flush=True)


def cure(options: argparse.Namespace) -> str:
    return f"without uv: {sys.executable} -m pip install --require-hashes -r {options.lock}"


def uv() -> Path:
    return Path(sys.prefix, "bin", INSTALLER)


def install_uv(lock: str) -> None:
    """By pip, at the version and with the hashes of the lock file."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(entry(lock, INSTALLER))
        file.flush()
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*command, "--require-hashes", "-r", file.name], check=True)


def entry(lock: str, package: str) -> str:
    """The lines of one package: the pin and its hashes, joined by backslashes."""
    match = re.search(rf"^{re.escape(package)}==[^\\\n]*(?:\\\n[^\\\n]*)*", lock, re.MULTILINE)
    if match is None:
        sys.exit(f"error: {package} is not in the lock file; run make lock")
    return match[0] + "\n"


def install(lock: Path) -> int:
    command = [str(uv()), "pip", "install", "--python", sys.executable, "--require-hashes"]
    process = subprocess.run(
        [*command, "--compile-bytecode", "-r", str(lock)], env={**os.environ, **settings()}
    )
    return process.returncode


def settings() -> dict[str, str]:
    """pip's settings of index and certificates, for uv, where uv has none."""
    command = [sys.executable, "-m", "pip", "config", "list", "--disable-pip-version-check"]
    listed = subprocess.run(command, capture_output=True, text=True).stdout
    values = {"UV_LINK_MODE": "copy"} if not same_disk() else {}
    for option, variable in OPTIONS.items():
        match = re.findall(rf"^[^=]*\.{option}='(.*)'$", listed, re.MULTILINE)
        if match and variable not in os.environ:
            values[variable] = match[-1]
    return values


def same_disk() -> bool:
    """Whether uv's cache and the environment are on one file system, and files can be linked."""
    cache = Path(os.environ.get("UV_CACHE_DIR", Path.home() / ".cache/uv"))
    while not cache.exists():
        cache = cache.parent
    return cache.stat().st_dev == Path(sys.prefix).stat().st_dev


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
