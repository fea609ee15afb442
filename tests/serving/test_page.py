"""The page for people, used as they use it: headless Chromium, keyboard only."""

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from serving import page
from tests.support.page_models import plant
from tests.support.serving_trees import served

pytestmark = pytest.mark.slow
WAIT_S = 60
FLAGS = (
    "--headless=new --no-sandbox --disable-dev-shm-usage --window-size=900,1000 "
    "--disable-background-networking --no-first-run"
).split()


def program(*names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"none of {', '.join(names)} is installed, which .ci/run sees to")
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(names)} is installed")
    return found


@pytest.fixture(scope="module")
def driver():
    binary = program("chromium", "chromium-browser", "google-chrome")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    found = webdriver.Chrome(options, Service(program("chromedriver")))
    yield found
    found.quit()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    found = tmp_path_factory.mktemp("root")
    plant(found)
    return found


@pytest.fixture(scope="module")
def server(driver, root):
    with served(root, extra_routes=page.routes) as found:
        yield found


class Person:
    """Sees the page and has a keyboard."""

    def __init__(self, driver, base: str):
        self.driver, self.base = driver, base

    def visit(self, hash: str = "") -> None:
        self.driver.get("about:blank")
        self.driver.get(f"{self.base}/{hash}")
        self.wait(lambda: self.all("summary"))

    def all(self, css: str) -> list:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def wait(self, condition):
        return WebDriverWait(self.driver, WAIT_S, 0.05).until(lambda _: condition())

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    @property
    def focused(self):
        return self.driver.switch_to.active_element

    def tab_to(self, css: str, text: str = ""):
        for _ in range(40):
            self.press(Keys.TAB)
            found = self.focused
            matches = self.driver.execute_script(
                "return arguments[0].matches(arguments[1])", found, css
            )
            if matches and text in found.text:
                return found
        raise AssertionError(f"no Tab leads to {css} {text!r}")

    def open(self, model: str) -> None:
        """Tab to the model's name and Enter."""
        self.visit()
        self.tab_to("summary", model)
        self.press(Keys.ENTER)

    def answer(self) -> str:
        """What the open model's form says once it has an answer."""
        (place,) = self.all("details.model[open] .answer")
        self.wait(lambda: place.text and not place.get_attribute("aria-busy"))
        return place.text


@pytest.fixture
def person(driver, server):
    return Person(driver, server.addresses.rest)


def test_a_text_is_answered_by_keyboard_alone(person):
    person.open("mail")
    assert person.tab_to("textarea").accessible_name == "text"
    person.press("all for free", Keys.ENTER)
    assert person.answer().startswith("spam 75.0 %")
    rows = [row.text.split() for row in person.all(".bars tbody tr")]
    assert rows == [["spam", "75.0", "%"], ["ham", "25.0", "%"]]
    long, short = (bar.size["width"] for bar in person.all(".bar"))
    assert long == pytest.approx(3 * short, rel=0.05)


def test_shift_enter_makes_a_line_and_asks_nothing(person):
    person.open("echo")
    field = person.tab_to("textarea")
    person.press("one")
    ActionChains(person.driver).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(
        Keys.SHIFT
    ).send_keys("two").perform()
    assert field.get_property("value") == "one\ntwo"
    person.press(Keys.ENTER)
    assert person.answer().startswith("translation\none\ntwo\nscore\n0")


@pytest.mark.parametrize("shade, label", [(20, "dark"), (230, "light")])
def test_a_picture_is_sent_as_its_bytes(person, tmp_path, shade, label):
    path = tmp_path / "picture.png"
    Image.fromarray(np.full((5, 5), shade, np.uint8)).save(path)
    person.open("shades")
    field = person.tab_to("input[type=file]")
    assert field.accessible_name == "image bytes"
    field.send_keys(str(path))
    person.wait(lambda: person.all(".preview")[0].is_displayed())
    person.tab_to("button", "Ask")
    person.press(Keys.ENTER)
    assert person.answer().startswith(label)


def test_a_series_becomes_a_plot_of_history_and_forecast(person):
    person.open("steps")
    field = person.tab_to("textarea")
    hint = person.driver.find_element(By.ID, field.get_attribute("aria-describedby")).text
    assert hint.startswith("4 numbers in the unit of the training data, oldest first")
    person.press("1, 2; 3.5 5", Keys.ENTER)
    assert "Forecast of 3 steps, from 6.5 to 9.5" in person.answer()
    points = {
        kind: [
            tuple(map(float, point.split(",")))
            for point in person.all(f"polyline.{kind}")[0].get_attribute("points").split()
        ]
        for kind in ("history", "forecast")
    }
    assert [len(points[kind]) for kind in ("history", "forecast")] == [4, 4]
    assert points["history"][-1] == points["forecast"][0]  # the line is whole
    xs, ys = zip(*points["history"], *points["forecast"][1:], strict=True)
    values = [1, 2, 3.5, 5, 6.5, 8, 9.5]
    assert np.diff(xs) == pytest.approx([xs[1] - xs[0]] * 6)
    assert np.corrcoef(ys, values)[0, 1] == pytest.approx(-1)  # up is more
    assert person.all("svg")[0].accessible_name == "forecast of 3 steps, from 6.5 to 9.5"


def test_what_the_server_refuses_is_shown_as_it_says(person, server):
    refused = server.post("/v1/models/steps:predict", {"inputs": {"history": [[[1], [2]]]}})
    assert refused.status_code == 400
    person.open("steps")
    person.tab_to("textarea")
    person.press("1 2", Keys.ENTER)
    assert person.answer() == refused.json()["error"]


def test_what_is_no_number_is_named(person):
    person.open("steps")
    person.tab_to("textarea")
    person.press("1 two 3 4", Keys.ENTER)
    assert person.answer() == "history: “two” is not a number"


def test_no_picture_chosen_is_said(person):
    person.open("shades")
    person.tab_to("button", "Ask")
    person.press(Keys.ENTER)
    assert person.answer() == "image_bytes: choose a file first"


def test_markup_from_outside_stays_text(person):
    person.open("echo")
    person.tab_to("textarea")
    text = "<b>bold</b><img src=x onerror=alert(1)>"
    person.press(text, Keys.ENTER)
    assert text in person.answer()
    assert not person.all(".answer b, .answer img")


def test_an_example_fills_the_form(person):
    person.open("mail")
    field = person.tab_to("textarea")
    person.tab_to("button", "Try an example")
    person.press(Keys.ENTER)
    person.wait(lambda: field.get_property("value") == "for free")
    assert not person.all(".bars")
    ActionChains(person.driver).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(
        Keys.SHIFT
    ).perform()
    person.press(Keys.ENTER)
    assert person.answer().startswith("spam")


def test_every_signature_has_its_form(person):
    person.open("echo")
    person.tab_to("select")
    person.press(Keys.ARROW_DOWN)
    person.wait(lambda: "number: an integer" in person.all("details[open] .signature")[0].text)
    person.tab_to("textarea")
    person.press("21", Keys.ENTER)
    assert person.answer().startswith("twice\n42")


def test_a_broken_version_is_shown_and_leaves_what_is_being_written(person, server, root):
    person.open("mail")
    field = person.tab_to("textarea")
    person.press("half a sent")
    broken = root / "mail/2"
    broken.mkdir()
    (broken / "saved_model.pb").write_bytes(b"no SavedModel")
    try:
        server.look()
        (chip,) = person.wait(lambda: person.all(".chip.FAILED"))
        assert chip.text == "version 2: failed"
        assert "not served" in person.all("details[open] .failures")[0].text
        person.press("ence", Keys.ENTER)
        assert field.get_property("value") == "half a sentence"
        assert person.answer().startswith("ham")
    finally:
        shutil.rmtree(broken)
        server.look()


def test_everything_that_takes_focus_has_a_name_and_shows_it(person):
    person.visit()
    for summary in person.all("summary"):
        summary.send_keys(Keys.ENTER)
    person.driver.execute_script("document.querySelector('a').focus()")
    seen = set()
    for _ in range(60):
        person.press(Keys.TAB)
        found = person.focused
        if found.id in seen or found.tag_name == "body":
            break
        seen.add(found.id)
        assert found.accessible_name, found.get_attribute("outerHTML")
        assert found.value_of_css_property("outline-style") == "solid"
    assert len(seen) >= len(person.all("summary, textarea, select, input, button"))
    assert {each.get_attribute("aria-live") for each in person.all(".answer")} == {"polite"}


def test_it_fits_a_phone(person):
    size = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    person.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        person.visit("#steps")
        field = person.wait(lambda: person.all("details[open] textarea"))[0]
        field.send_keys("1 2 3 4", Keys.ENTER)
        person.answer()
        assert person.driver.execute_script("return document.body.scrollWidth") <= 360
    finally:
        person.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_it_is_light_or_dark_as_people_prefer(person):
    shades = {}
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        person.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        person.visit()
        body = person.all("body")[0]
        colours = map(body.value_of_css_property, ("color", "background-color"))
        shades[scheme] = [sum(map(int, colour[5:-1].split(",")[:3])) for colour in colours]
    assert shades["light"][0] < 200 < 700 < shades["light"][1]
    assert shades["dark"][1] < 200 < 600 < shades["dark"][0]


def test_no_request_leaves_the_server_and_nothing_breaks_the_policy(person, server):
    """Of all tests before, and of one more visit."""
    person.open("mail")
    person.tab_to("textarea")
    person.press("last", Keys.ENTER)
    person.answer()
    messages = [
        json.loads(entry["message"])["message"] for entry in person.driver.get_log("performance")
    ]
    urls = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert f"{person.base}/v1/models/mail:predict" in urls
    near = (f"{person.base}/", "data:", "blob:", "about:")
    assert [url for url in urls if not url.startswith(near)] == []
    broken = [e for e in person.driver.get_log("browser") if "Content Security" in e["message"]]
    assert broken == []


def test_the_page_allows_nothing_from_elsewhere(server):
    answer = server.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_model_without_examples_says_so(server):
    answer = server.get("/page/models/steps/examples")
    assert answer.status_code == 404
    assert answer.json() == {"error": "steps: version 1 has no examples"}
