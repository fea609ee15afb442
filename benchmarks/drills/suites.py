"""Tests that are counted: faults that are reported, hostile files that are refused."""

import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from benchmarks.drills.copies import ROOT
from benchmarks.drills.counts import Count


def drill(folder: Path, arguments: list[str], count: Count) -> None:
    """Skipped tests (for lack of namespaces, for example) are not counted."""
    report = folder / "report.xml"
    began = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", f"--junitxml={report}", *arguments]
    subprocess.run(command, cwd=ROOT, check=False)
    cases = ElementTree.parse(report).getroot().findall(".//testcase")
    tried = [case for case in cases if case.find("skipped") is None]
    good = [case for case in tried if case.find("failure") is None and case.find("error") is None]
    count.set(len(tried), len(good), time.perf_counter() - began)
