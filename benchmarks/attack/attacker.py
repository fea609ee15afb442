"""Runs one attack: `python -m benchmarks.attack.attacker NAME REST GRPC ROOT SECONDS`.

Prints "ready" when its requests are made, waits for a line, and prints JSON: how often each answer
came. "closed" is a connection that the server has closed.
"""

import json
import sys
from pathlib import Path

from benchmarks.attack import http_attacks, request_attacks, tree_attacks
from benchmarks.attack.sending import Victim

ATTACKS = {**request_attacks.ATTACKS, **http_attacks.ATTACKS, **tree_attacks.ATTACKS}


def main() -> None:
    name, rest, grpc, root, seconds = sys.argv[1:]
    run = ATTACKS[name](Victim(rest, grpc, Path(root), float(seconds)))
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(dict(sorted(run().items()))))


if __name__ == "__main__":
    main()
