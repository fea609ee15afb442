"""docs/security.json, and the table of docs/security.md that is written from it."""

import json
import os

from benchmarks.attack.models import ROOT

FILE, PAGE = ROOT / "docs/security.json", ROOT / "docs/security.md"
BEGIN, END = "<!-- attacks -->\n", "<!-- /attacks -->"
MAX_P99_MS, MAX_GROWTH = 250.0, 100_000_000
# What docs/serving.md says that a client beside too many others may be answered.
NAMED = {"429", "503"}


def failures(result: dict) -> list[str]:
    """What a result does not keep of what is promised."""
    name, client = result["attack"], result["client"]
    if not result["survived"]:
        return [f"{name}: the server died"]
    lines = []
    if unnamed := {kind: n for kind, n in client["failures"].items() if kind not in NAMED}:
        lines.append(f"{name}: the client's requests failed: {unnamed}")
    if not client["p99_ms"] <= MAX_P99_MS:
        lines.append(f"{name}: p99 {client['p99_ms']} ms, above {MAX_P99_MS:g} ms")
    if (result["after_mb"] - result["before_mb"]) * 1e6 > MAX_GROWTH:
        lines.append(f"{name}: {result['before_mb']} MB before, {result['after_mb']} MB after")
    return lines


def write(results: list[dict], options, machine: str) -> None:
    content = {
        "machine": machine, "load": round(os.getloadavg()[2]),
        "minutes": options.minutes, "results": results,
    }  # fmt: skip
    FILE.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    write_table()


def write_table() -> None:
    """Replaces the table in docs/security.md by that of docs/security.json."""
    content, page = json.loads(FILE.read_text("utf-8")), PAGE.read_text("utf-8")
    start, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    PAGE.write_text(page[:start] + table(content) + page[end:], "utf-8")


def table(content: dict) -> str:
    lines = [
        f"Measured on {content['machine']} with 2 GiB of data for the server, at a load average of "
        f"{content['load']}: other programs on the computer make the client's times longer.", "",
        "| attack | seconds | answers to it | client: failed of | p50, p99 (ms) "
        "| MB before, at most, after |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for result in content["results"]:
        client = result["client"]
        failed = ", ".join(f"{n} × {kind}" for kind, n in sorted(client["failures"].items()))
        cells = [
            result["attack"], f"{result['seconds']:g}", answers(result["answers"]),
            f"{failed or 0} of {client['requests']}", f"{client['p50_ms']}, {client['p99_ms']}",
            f"{result['before_mb']}, {result.get('peak_mb', 'died')}, {result.get('after_mb', '')}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def answers(by_attack: dict[str, dict[str, int]]) -> str:
    if len(by_attack) != 1:
        return "" if not by_attack else "as above"
    (counts,) = by_attack.values()
    return ", ".join(f"{n} × {kind}" for kind, n in counts.items())
