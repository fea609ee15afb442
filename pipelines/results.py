"""Results on a page: the table of a README or RESULTS file, and the same rows for machines.

Nothing is typed by hand: numbers come from data/metrics and data/trained, published ones from
benchmarks/published.yaml with their source.
"""

import datetime
import json
import os
import platform
from pathlib import Path

import yaml

from pipelines import atomic, report
from pipelines.checks import Refused

BEGIN, END = "<!-- results: written by `make results` -->", "<!-- end of results -->"
PAGES = {
    "params.yaml": (Path("README.md"), Path("docs/results.json")),
    "benchmarks/params.yaml": (Path("benchmarks/RESULTS.md"), Path("benchmarks/results.json")),
}
PUBLISHED = Path("benchmarks/published.yaml")


def run(params_file: Path) -> None:
    """Writes the page and the JSON file that belong to a params file."""
    if params_file.as_posix() not in PAGES:
        raise Refused(f"{params_file}: no page shows its results; pages: {', '.join(PAGES)}")
    page, file = PAGES[params_file.as_posix()]
    published = of_params(params_file)
    metrics = {name for rows in published.values() for row in rows for name in row["metrics"]}
    found = report.rows(params_file, sorted(metrics))
    if not found:
        raise Refused(f"{params_file}: nothing evaluated yet; run `dvc repro` first")
    values = {"machine": machine(), "published": published, "rows": found}
    with atomic.file(file) as target:
        target.write_text(json.dumps(values, indent=1) + "\n", "utf-8")
    with atomic.file(page) as target:
        target.write_text(embedded(page.read_text("utf-8"), render(values), page), "utf-8")
    print(f"{page}: {len(found)} rows")


def of_params(params_file: Path) -> dict[str, list[dict]]:
    """Published rows by data set, for the page that compares with them."""
    if params_file.parent != PUBLISHED.parent or not PUBLISHED.is_file():
        return {}
    return yaml.safe_load(PUBLISHED.read_text("utf-8"))


def machine() -> dict[str, str]:
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"processor": model, "cores": str(os.cpu_count()), "date": today}


def embedded(text: str, block: str, page: Path, begin: str = BEGIN, end: str = END) -> str:
    """The page with what stands between its two markers replaced."""
    if begin not in text or end not in text:
        raise Refused(f"{page}: the lines `{begin}` and `{end}` are missing; put them back")
    before, rest = text.split(begin, 1)
    return f"{before}{begin}\n{block}\n{end}{rest.split(end, 1)[1]}"


def render(values: dict) -> str:
    """The Markdown between the markers."""
    parts = []
    for dataset in dict.fromkeys(row["dataset"] for row in values["rows"]):
        own = [row for row in values["rows"] if row["dataset"] == dataset]
        parts += [f"**{dataset}**", "", markdown(report.table(own)), ""]
        if dataset in values["published"]:
            parts += [*published_table(values["published"][dataset]), ""]
    about = values["machine"]
    parts.append(
        "Brackets: 95 % bootstrap intervals over test rows. sd: over replicates. Even: the "
        "interval of the difference has both signs. "
        f"Measured {about['date']} on {about['cores']} cores of {about['processor']}."
    )
    return "\n".join(parts)


def published_table(rows: list[dict]) -> list[str]:
    lines = [("published", "metrics", "protocol", "source")]
    for row in rows:
        metrics = ", ".join(f"{name} {value}" for name, value in row["metrics"].items())
        lines.append((row["method"], metrics, row["protocol"], row["source"]))
    return [markdown(lines)]


def markdown(lines: list[tuple[str, ...]]) -> str:
    head, *body = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([head, "|" + "---|" * len(lines[0]), *body])
