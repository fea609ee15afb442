"""Attacks the server for a while by each attack, then by all together for --minutes.

Writes docs/security.json and the table in docs/security.md. Exits with status 1 if the server died,
or if it did not keep what docs/security.md promises to the client beside the attacks.
"""

import argparse
import base64
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.attack import models, report, target
from benchmarks.attack.attacker import ATTACKS
from benchmarks.attack.models import ROOT
from benchmarks.attack.sending import Victim, instances
from benchmarks.attack.target import Target
from pipelines.runtime import hardware

ALL = "all together"
# Warm-up, idle time-outs and a load that never ends are over within seconds, not minutes.
SETTINGS = "load_timeout_s: 10\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="of all attacks together")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each attack by itself")
    parser.add_argument("--only", metavar="WORD", default="", help="attacks with it in their names")
    options = parser.parse_args()
    names = [name for name in ATTACKS if options.only in name]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        models.write(root)
        for attacks, seconds in [
            ([], options.seconds), *(([name], options.seconds) for name in names),
            *([(names, options.minutes * 60)] if len(names) > 1 else []),
        ]:  # fmt: skip
            with target.running(root, settings=SETTINGS) as server:
                results.append(attack(server, attacks, seconds))
                print(json.dumps(results[-1]), flush=True)
    if not options.only:
        report.write(results, options, hardware.description())
    failures = [line for result in results for line in report.failures(result)]
    print("\n".join(failures) or "the server kept its promises")
    return 1 if failures else 0


def attack(server: Target, names: list[str], seconds: float) -> dict:
    """What became of the server, of the attackers' requests and of the client's beside them."""
    use(server)
    before = server.memory()
    arguments = server.rest, server.grpc, str(server.root), str(seconds)
    client, *attackers = outputs(
        [
            start("client", server.rest, str(seconds)),
            *(start("attacker", name, *arguments) for name in names),
        ]
    )
    result = {
        "attack": ALL if len(names) > 1 else (names or ["none"])[0],
        "seconds": seconds, "client": client, "answers": dict(zip(names, attackers, strict=True)),
        "survived": server.is_alive(), "before_mb": round(before / 1e6),
    }  # fmt: skip
    if result["survived"]:
        peak = server.memory("VmHWM")
        after = server.settled_memory(before + report.MAX_GROWTH)
        result |= {"peak_mb": round(peak / 1e6), "after_mb": round(after / 1e6)}
    return result


def use(server: Target) -> None:
    """So that memory is what it is in use: TensorFlow keeps that of its largest call."""
    outputs([start("client", server.rest, "5")])
    largest = {"b64": base64.b64encode(models.image(3900, 4000)).decode()}
    victim = Victim(server.rest, server.grpc, server.root, 0.0)
    if (answer := victim.post("images", instances([largest]))) != "200":
        raise SystemExit(f"the largest image that is allowed was answered {answer}")


def start(module: str, *arguments: str) -> subprocess.Popen:
    """A process of this package, which says when it is ready and waits."""
    return subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.attack.{module}", *arguments],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def outputs(processes: list[subprocess.Popen]) -> list[dict]:
    """What each prints, after all have begun at the same time."""
    for process in processes:
        if process.stdout.readline() != "ready\n":
            raise SystemExit(f"{' '.join(process.args[2:5])}: failed (above)")
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    return [json.loads(process.communicate()[0] or "{}") for process in processes]


if __name__ == "__main__":
    sys.exit(main())
