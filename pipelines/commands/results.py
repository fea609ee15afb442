"""Results on a page: the tables of docs/results.md and two RESULTS.md, and the same rows as JSON.

Numbers come from data/metrics and data/trained alone, published ones from benchmarks/published.yaml
with their source.
"""

import datetime
import json
import os
from pathlib import Path

import yaml

from pipelines.commands import dvc_lock, readme_rows, report, targets
from pipelines.config import loader
from pipelines.config.errors import UserError, one_of
from pipelines.runtime.hardware import processor
from pipelines.storage import atomic

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
        message = f"no page shows its results; {one_of(params_file.as_posix(), PAGES)}"
        raise UserError("page-unknown", message, path=params_file, value=params_file.as_posix())
    page, file = PAGES[params_file.as_posix()]
    published = of_params(params_file)
    results = report.rows(params_file, {key: metrics_of(rows) for key, rows in published.items()})
    if not results:
        print(f"{params_file}: no experiment has been evaluated here; {page} is unchanged")
        return
    rows = in_order(params_file, [*results, *carried_rows(params_file, file, results)])
    for row in rows:
        row["published"] = best_published(published.get(row["dataset"], []), row)
    values = {"machine": machine(), "published": published, "rows": rows}
    if params_file.parent == targets.FILE.parent:
        values["targets"] = targets.compare(rows)
    with atomic.file(file) as target:
        target.write_text(json.dumps(values, indent=1) + "\n", "utf-8")
    with atomic.file(page) as target:
        target.write_text(embedded(page.read_text("utf-8"), render(values), page), "utf-8")
    if params_file == Path("params.yaml"):
        with atomic.file(readme_rows.PAGE) as target:
            text = readme_rows.PAGE.read_text("utf-8")
            target.write_text(readme_rows.with_rows(text, rows), "utf-8")
    print(f"{page}: {len(rows)} rows, {len(results)} of them from runs here")


def in_order(params_file: Path, rows: list[dict]) -> list[dict]:
    """Rows in the order of the params file's experiments."""
    keys = list(loader.load(params_file).experiments)
    return sorted(rows, key=lambda row: keys.index(row["experiment"]))


def carried_rows(params_file: Path, file: Path, results: list[dict]) -> list[dict]:
    """The file's rows of experiments that were run on another machine only.

    dvc.lock has the hashes of the metrics files of the pipeline's results; a row that was written
    from one of these files stays.

    Raises:
        UserError: `row-stale`, for a row that was written from another file.
    """
    here = {row["experiment"] for row in results}
    experiments = set(loader.load(params_file).experiments)
    previous = json.loads(file.read_text("utf-8"))["rows"] if file.is_file() else []
    rows = [row for row in previous if row["experiment"] in experiments - here]
    locked = locked_metrics(params_file.with_name("dvc.yaml"))
    stale = sorted(
        {row["experiment"] for row in rows if row["metrics_md5"] != locked.get(row["experiment"])}
    )
    if stale:
        raise UserError(
            "row-stale",
            f"rows of {', '.join(stale)} are neither evaluated here nor from the metrics in "
            "dvc.lock; run them first (`dvc pull` and `dvc repro`), or remove the rows",
            path=file,
            value=stale,
        )
    return rows


def locked_metrics(pipeline: Path) -> dict[str, str]:
    """Experiment -> md5 of its metrics file in dvc.lock."""
    hashes = {}
    for name, stage in dvc_lock.stages(pipeline).items():
        key = name.removeprefix("evaluate@")
        for out in stage.get("outs", ()):
            if out["path"] == f"{report.METRICS.as_posix()}/{key}.json":
                hashes[key] = out["md5"]
    return hashes


def metrics_of(published: list[dict]) -> list[str]:
    return sorted({name for row in published for name in row["metrics"]})


def best_published(rows: list[dict], row: dict) -> float | None:
    """The best published value of a row's metric under the same protocol."""
    metric = row["metric"]
    comparable = [result for result in rows if result.get("comparable", True)]
    values = [result["metrics"][metric] for result in comparable if metric in result["metrics"]]
    best = max if loader.task_info(row["task"]).direction(metric) == "higher" else min
    return best(values, default=None)


def of_params(params_file: Path) -> dict[str, list[dict]]:
    """Data set -> published results, for the page that compares with them."""
    if params_file.parent != PUBLISHED.parent or not PUBLISHED.is_file():
        return {}
    return yaml.safe_load(PUBLISHED.read_text("utf-8"))


def machine() -> dict[str, str]:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"processor": processor(), "cores": str(os.cpu_count()), "date": today}


def embedded(text: str, block: str, page: Path, begin: str = BEGIN, end: str = END) -> str:
    """The page with the text between its two markers replaced."""
    if begin not in text or end not in text:
        message = f"the lines `{begin}` and `{end}` are missing; put them back"
        raise UserError("marker-missing", message, path=page, value=[begin, end])
    before, rest = text.split(begin, 1)
    return f"{before}{begin}\n{block}\n{end}{rest.split(end, 1)[1]}"


def render(values: dict) -> str:
    """The Markdown between the markers."""
    parts = []
    if values.get("targets"):
        parts += ["## Targets", "", markdown(targets.table(values["targets"])), "", "## Rows", ""]
    for dataset in dict.fromkeys(row["dataset"] for row in values["rows"]):
        rows = [row for row in values["rows"] if row["dataset"] == dataset]
        parts += [f"**{dataset}**", "", markdown(report.table(rows)), ""]
        if dataset in values["published"]:
            parts += [*published_table(values["published"][dataset]), ""]
    if notes := report.footnotes(values["rows"]):
        parts += ["What may hurt in the data:", "", *(f"- {note}" for note in notes), ""]
    machines = dict.fromkeys(row["machine"] for row in values["rows"])
    networks = [row for row in values["rows"] if not row["method"].startswith("classical/")]
    backends = dict.fromkeys(row["backend"] for row in networks)
    parts.append(
        "Brackets: 95 % bootstrap intervals over test rows, omitted where test has fewer than four "
        "independent blocks. sd: standard deviation over trials. Even: a tie, the interval of the "
        "difference includes 0. fit s: wall seconds of one fit, compilation included. "
        f"Trained on {'; '.join(machines)}, Keras on {', '.join(backends)}. "
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
