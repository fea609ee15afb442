"""Chromium without a window."""

import os
import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless=new --no-sandbox --disable-dev-shm-usage --window-size=900,1000 "
    "--disable-background-networking --no-first-run"
).split()


def start(*flags: str) -> webdriver.Chrome:
    """flags: further ones of Chromium. Skips the test where there is no browser, but not in CI."""
    options = webdriver.ChromeOptions()
    options.binary_location = _program("chromium", "chromium-browser", "google-chrome")
    for flag in [*FLAGS, *flags]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    return webdriver.Chrome(options, Service(_program("chromedriver")))


def _program(*names: str) -> str:
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None and os.environ.get("CI") == "true":
        pytest.fail(f"none of {', '.join(names)} is installed; .ci/run should install them")
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(names)} is installed")
    return path
