"""Writes the stages of the other graphs, `course` and `benchmarks`, from those of the root.

`python -m pipelines graphs` (or `make graphs`) after a change of the root's dvc.yaml, the only one
that is edited by hand.
"""

import re
from pathlib import Path

MAIN = "dvc.yaml"
# The other graphs and their params files.
PARAMS = {
    "course/dvc.yaml": "course/params.yaml",
    "benchmarks/dvc.yaml": "benchmarks/params.yaml",
}
FIRST = "  fetch:\n"  # the stage `code` is the root's alone, for all graphs
PARAMS_LINE = re.compile(r"^ {6}params: (\[.*\])$", re.MULTILINE)


def run(params_file: Path) -> None:
    main = Path(MAIN).read_text("utf-8")
    for name, params in PARAMS.items():
        path = Path(name)
        old = path.read_text("utf-8")
        new = derived(main, old, params)
        if new != old:
            path.write_text(new, "utf-8")
        print(f"{path}: {'unchanged' if new == old else 'written'}")


def derived(main: str, text: str, params: str) -> str:
    """The text of another dvc.yaml, with the main graph's stages in place of its copies of them.

    Args:
        main: the text of the main graph's dvc.yaml.
        text: the other dvc.yaml, of which the comment at the top stays.
        params: the other graph's params file.
    """
    stages = main[main.index(FIRST) :].replace("    do:\n", "    do:\n      wdir: ..\n")
    stages = re.sub(r"^( {6}cmd: .*)$", rf"\1 --params {params}", stages, flags=re.MULTILINE)
    stages = PARAMS_LINE.sub(rf"      params:\n        - {params}: \1", stages)
    return text[: text.index(FIRST)] + stages
