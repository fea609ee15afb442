"""Results on a page: the tables of docs/results.md and two RESULTS.md, and the same rows as JSON.

Nothing is typed by hand: numbers come from data/metrics and data/trained, published ones from
benchmarks/published.yaml with their source.
"""

import datetime
import json
import os
from pathlib import Path

import yaml

from pipelines.commands import dvc_lock, readme_rows, report, targets
from pipelines.config import loader
from pipelines.config.errors import UserError
from pipelines.runtime.hardware import processor
from pipelines.storage import atomic
from pipelines.tasks.contract import better

BEGIN, END = "<!-- results: written by `make results` -->", "<!-- end of results -->"
PAGES = {
    "params.yaml": (Path("docs/results.md"), Path("docs/results.json")),
    "course/params.yaml": (Path("course/RESULTS.md"), Path("course/results.json")),
    "benchmarks/params.yaml": (Path("benchmarks/RESULTS.md"), Path("benchmarks/results.json")),
}
PUBLISHED = Path("benchmarks/published.yaml")


def run(params_file: Path) -> None:
    """Writes the page and the JSON file that belong to a params file."""
    if params_file.as_posix() not in PAGES:
        raise UserError(f"{params_file}: no page shows its results; pages: {', '.join(PAGES)}")
    page, file = PAGES[params_file.as_posix()]
    published = of_params(params_file)
    found = report.rows(params_file, {key: metrics_of(rows) for key, rows in published.items()})
    if not found:
        print(f"{params_file}: nothing evaluated here; {page} stays as it is")
        return
    rows = in_order(params_file, [*found, *carried(params_file, file, found)])
    for row in rows:
        row["published"] = best_published(published.get(row["dataset"], []), row)
    values = {"machine": machine(), "published": published, "rows": rows}
    if params_file.parent == targets.FILE.parent:
        values["targets"] = targets.reached(rows)
    with atomic.file(file) as target:
        target.write_text(json.dumps(values, indent=1) + "\n", "utf-8")
    with atomic.file(page) as target:
        target.write_text(embedded(page.read_text("utf-8"), render(values), page), "utf-8")
    if params_file == Path("params.yaml"):
        with atomic.file(readme_rows.PAGE) as target:
            text = readme_rows.PAGE.read_text("utf-8")
            target.write_text(readme_rows.with_rows(text, rows), "utf-8")
    print(f"{page}: {len(rows)} rows, {len(found)} of them from runs here")


def in_order(params_file: Path, rows: list[dict]) -> list[dict]:
    """Rows as the params file has their experiments."""
    keys = list(loader.load(params_file).experiments)
    return sorted(rows, key=lambda row: keys.index(row["experiment"]))


def carried(params_file: Path, file: Path, found: list[dict]) -> list[dict]:
    """The file's rows of experiments that were only run elsewhere.

    dvc.lock says of which metrics files the pipeline's results consist; a row that was written from
    one of them stands. Raises UserError for one that was written from another.
    """
    here = {row["experiment"] for row in found}
    known = set(loader.load(params_file).experiments)
    had = json.loads(file.read_text("utf-8"))["rows"] if file.is_file() else []
    rows = [row for row in had if row["experiment"] in known - here]
    locked = locked_metrics(params_file.with_name("dvc.yaml"))
    lost = {r["experiment"] for r in rows if r["metrics_md5"] != locked.get(r["experiment"])}
    if lost:
        raise UserError(
            f"{file}: rows of {', '.join(sorted(lost))}, neither evaluated here nor from the "
            "metrics in dvc.lock; run them first (`dvc pull` and `dvc repro`), or remove the rows"
        )
    return rows


def locked_metrics(pipeline: Path) -> dict[str, str]:
    """The md5 of every experiment's metrics file, as DVC last wrote them down."""
    found = {}
    for name, stage in dvc_lock.stages(pipeline).items():
        key = name.removeprefix("evaluate@")
        for out in stage.get("outs", ()):
            if out["path"] == f"{report.METRICS.as_posix()}/{key}.json":
                found[key] = out["md5"]
    return found


def metrics_of(published: list[dict]) -> list[str]:
    return sorted({name for row in published for name in row["metrics"]})


def best_published(rows: list[dict], row: dict) -> float | None:
    """The best of what others report for a row's metric under the same protocol."""
    same = [each for each in rows if each.get("comparable", True)]
    values = [each["metrics"][row["metric"]] for each in same if row["metric"] in each["metrics"]]
    best = max if better(row["task"], row["metric"]) == "higher" else min
    return best(values, default=None)


def of_params(params_file: Path) -> dict[str, list[dict]]:
    """Published rows by data set, for the page that compares with them."""
    if params_file.parent != PUBLISHED.parent or not PUBLISHED.is_file():
        return {}
    return yaml.safe_load(PUBLISHED.read_text("utf-8"))


def machine() -> dict[str, str]:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"processor": processor(), "cores": str(os.cpu_count()), "date": today}


def embedded(text: str, block: str, page: Path, begin: str = BEGIN, end: str = END) -> str:
    """The page with what stands between its two markers replaced."""
    if begin not in text or end not in text:
        raise UserError(f"{page}: the lines `{begin}` and `{end}` are missing; put them back")
    before, rest = text.split(begin, 1)
    return f"{before}{begin}\n{block}\n{end}{rest.split(end, 1)[1]}"


def render(values: dict) -> str:
    """The Markdown between the markers."""
    parts = []
    if values.get("targets"):
        parts += ["## Targets", "", markdown(targets.table(values["targets"])), "", "## Rows", ""]
    for dataset in dict.fromkeys(row["dataset"] for row in values["rows"]):
        own = [row for row in values["rows"] if row["dataset"] == dataset]
        parts += [f"**{dataset}**", "", markdown(report.table(own)), ""]
        if dataset in values["published"]:
            parts += [*published_table(values["published"][dataset]), ""]
    machines = dict.fromkeys(row["machine"] for row in values["rows"])
    backends = dict.fromkeys(row["backend"] for row in values["rows"])
    parts.append(
        "Brackets: 95 % bootstrap intervals over test rows, left out where test has fewer than "
        "four independent stretches. sd: over trials. Even: the "
        "interval of the difference has both signs. fit s: wall seconds of one fit, compiling "
        f"included. Trained on {'; '.join(machines)}, Keras on {', '.join(backends)}. "
        f"Written {values['machine']['date']}."
    )
    return "\n".join(parts)


def published_table(rows: list[dict]) -> list[str]:
    lines = [("published", "metrics", "protocol", "source")]
    for row in rows:
        metrics = ", ".join(f"{name} {value}" for name, value in row["metrics"].items())
        protocol = (
            row["protocol"] if row.get("comparable", True) else f"not comparable: {row['protocol']}"
        )
        lines.append((row["method"], metrics, protocol, row["source"]))
    return [markdown(lines)]


def markdown(lines: list[tuple[str, ...]]) -> str:
    head, *body = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([head, "|" + "---|" * len(lines[0]), *body])
