"""The web page in headless Chromium, used with the keyboard only."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from serving import page
from tests.support import browser, text_models
from tests.support.page_models import save_models
from tests.support.serving_trees import served

pytestmark = pytest.mark.slow
WAIT_S = 60


@pytest.fixture(scope="module")
def driver():
    chrome = browser.start()
    yield chrome
    chrome.quit()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("root")
    save_models(folder)
    text_models.save(folder / "writer/1")
    return folder


@pytest.fixture(scope="module")
def server(driver, root):
    with served(root, extra_routes=page.routes) as running_server:
        yield running_server


class User:
    """Reads the page and types on a keyboard."""

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
            node = self.focused
            matches = self.driver.execute_script(
                "return arguments[0].matches(arguments[1])", node, css
            )
            if matches and text in node.text:
                return node
        raise AssertionError(f"no Tab leads to {css} {text!r}")

    def open(self, model: str) -> None:
        """Tab to the model's name and Enter."""
        self.visit()
        self.tab_to("summary", model)
        self.press(Keys.ENTER)

    def prediction(self) -> str:
        """The text below the open model's form, once the server has answered."""
        (area,) = self.all("details.model[open] .prediction")
        self.wait(lambda: area.text and not area.get_attribute("aria-busy"))
        return area.text


@pytest.fixture
def user(driver, server):
    return User(driver, server.addresses.rest)


def test_a_text_is_classified_with_the_keyboard_only(user):
    user.open("mail")
    assert user.tab_to("textarea").accessible_name == "text"
    user.press("all for free", Keys.ENTER)
    assert user.prediction().startswith("spam 75.0 %")
    rows = [row.text.split() for row in user.all(".bars tbody tr")]
    assert rows == [["spam", "75.0", "%"], ["ham", "25.0", "%"]]
    long, short = (bar.size["width"] for bar in user.all(".bar"))
    assert long == pytest.approx(3 * short, rel=0.05)


def test_shift_enter_adds_a_line_and_does_not_predict(user):
    user.open("echo")
    field = user.tab_to("textarea")
    user.press("one")
    ActionChains(user.driver).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(
        Keys.SHIFT
    ).send_keys("two").perform()
    assert field.get_property("value") == "one\ntwo"
    user.press(Keys.ENTER)
    assert user.prediction().startswith("translation\none\ntwo\nscore\n0")


@pytest.mark.parametrize("shade, label", [(20, "dark"), (230, "light")])
def test_an_image_is_sent_as_its_bytes(user, tmp_path, shade, label):
    path = tmp_path / "image.png"
    Image.fromarray(np.full((5, 5), shade, np.uint8)).save(path)
    user.open("shades")
    field = user.tab_to("input[type=file]")
    assert field.accessible_name == "image bytes"
    field.send_keys(str(path))
    user.wait(lambda: user.all(".preview")[0].is_displayed())
    user.tab_to("button", "Predict")
    user.press(Keys.ENTER)
    assert user.prediction().startswith(label)


def test_a_series_becomes_a_plot_of_history_and_forecast(user):
    user.open("steps")
    field = user.tab_to("textarea")
    hint = user.driver.find_element(By.ID, field.get_attribute("aria-describedby")).text
    assert hint.startswith("4 numbers in the unit of the training data, oldest first")
    user.press("1, 2; 3.5 5", Keys.ENTER)
    assert "Forecast of 3 steps, from 6.5 to 9.5" in user.prediction()
    points = {
        kind: [
            tuple(map(float, point.split(",")))
            for point in user.all(f"polyline.{kind}")[0].get_attribute("points").split()
        ]
        for kind in ("history", "forecast")
    }
    assert [len(points[kind]) for kind in ("history", "forecast")] == [4, 4]
    assert points["history"][-1] == points["forecast"][0]  # the two lines meet
    xs, ys = zip(*points["history"], *points["forecast"][1:], strict=True)
    values = [1, 2, 3.5, 5, 6.5, 8, 9.5]
    assert np.diff(xs) == pytest.approx([xs[1] - xs[0]] * 6)
    assert np.corrcoef(ys, values)[0, 1] == pytest.approx(-1)  # larger values are higher
    assert user.all("svg")[0].accessible_name == "forecast of 3 steps, from 6.5 to 9.5"


def test_every_reading_of_a_pasted_series_is_judged_and_alarms_are_drawn(user):
    user.open("pump")
    user.tab_to("textarea")
    user.press("1 1 1 1 1 9 9 9", Keys.ENTER)
    assert user.prediction().startswith("1 alarm in 5 readings judged")
    readings, score = user.all("figure svg")
    assert readings.accessible_name == "readings: 8 readings, 1 alarm"
    for svg, lines in ((readings, ("history", "expected")), (score, ("history",))):
        assert len(svg.find_elements(By.CSS_SELECTOR, "circle.alarm")) == 1
        assert len(svg.find_elements(By.CSS_SELECTOR, "polyline")) == len(lines)
    (circle,) = readings.find_elements(By.CSS_SELECTOR, "circle.alarm")
    (line,) = readings.find_elements(By.CSS_SELECTOR, "polyline.history")
    place = tuple(float(circle.get_attribute(name)) for name in ("cx", "cy"))
    points = [tuple(map(float, p.split(","))) for p in line.get_attribute("points").split()]
    assert len(points) == 8 and place == pytest.approx(points[5])
    assert len(user.all("line.threshold")) == 1


def test_a_series_that_is_too_short_to_judge_is_refused_by_the_page(user):
    user.open("pump")
    user.tab_to("textarea")
    user.press("1 2 3", Keys.ENTER)
    assert user.prediction() == "history: 3 readings; at least 4 are needed"


def test_quantiles_become_a_band(user):
    user.open("steps")
    user.tab_to("textarea")
    user.press("1 2 3 4", Keys.ENTER)
    assert "the lowest to the highest of 3 quantiles" in user.prediction()
    (band,) = user.all("polygon.band")
    assert len(band.get_attribute("points").split()) == 2 * 3


def test_ranking_mask_and_unknown_kind(user):
    """Nested strings are a list, classes an image, and numbers of an unknown kind a table."""
    user.open("words")
    user.tab_to("textarea")
    user.press("look", Keys.ENTER)
    text = user.prediction()
    items = [item.text for item in user.all(".ranking li")]
    assert items == ["looks 0.9", "looked 0.5", "looking 0.25"]
    (canvas,) = user.all("canvas.mask")
    assert canvas.accessible_name == "regions: 3 × 2 pixels"
    assert [item.text for item in user.all(".legend li")] == ["sky", "sea", "land"]
    pixel = "return [...arguments[0].getContext('2d').getImageData(arguments[1], 0, 1, 1).data]"
    colors = [user.driver.execute_script(pixel, canvas, x) for x in range(3)]
    assert colors[0] == [119, 119, 119, 255] and colors[0] != colors[1] == colors[2]
    rows = [
        [cell.text for cell in row.find_elements(By.TAG_NAME, "td")]
        for row in user.all(".numbers tbody tr")
    ]
    assert rows == [["0.5", "1.5"], ["2.5", "3.5"]]
    assert "similarities" not in text  # shown beside the ranking


def test_a_mask_is_laid_over_its_image_with_a_slider(user, tmp_path):
    path = tmp_path / "image.png"
    Image.fromarray(np.zeros((1, 2, 3), np.uint8)).save(path)
    user.open("coasts")
    user.tab_to("input[type=file]").send_keys(str(path))
    user.tab_to("button", "Predict")
    user.press(Keys.ENTER)
    user.prediction()
    image, mask = user.wait(lambda: user.all(".layers img"))
    user.wait(lambda: mask.get_property("naturalWidth") == 2)
    assert image.rect == mask.rect
    assert [item.text for item in user.all(".legend li")] == ["sea 50.0 %", "lake 50.0 %"]
    assert mask.value_of_css_property("opacity") == "0.5"
    user.tab_to("input[type=range]")
    user.press(Keys.END)
    assert mask.value_of_css_property("opacity") == "1"
    swatch = user.all(".legend .swatch")[1]
    assert swatch.value_of_css_property("background-color") == "rgba(0, 128, 0, 1)"


def test_a_reconstruction_is_drawn_with_its_colours(user, tmp_path):
    path = tmp_path / "image.png"
    Image.fromarray(np.zeros((1, 2, 3), np.uint8)).save(path)
    user.open("portraits")
    user.tab_to("input[type=file]").send_keys(str(path))
    user.tab_to("button", "Predict")
    user.press(Keys.ENTER)
    text = user.prediction()
    (canvas,) = user.all("canvas.mask")
    assert canvas.accessible_name == "reconstruction: 2 × 1 pixels"
    pixel = "return [...arguments[0].getContext('2d').getImageData(arguments[1], 0, 1, 1).data]"
    colours = [user.driver.execute_script(pixel, canvas, x) for x in range(2)]
    assert colours == [[0, 0, 0, 255], [255, 51, 0, 255]]
    assert "error" in text and "0.25" in text and "-1.5" in text.replace("−", "-")


def test_an_image_and_a_question_are_sent_together(user, tmp_path):
    path = tmp_path / "image.png"
    Image.fromarray(np.zeros((1, 2, 3), np.uint8)).save(path)
    user.open("pictures")
    user.tab_to("input[type=file]").send_keys(str(path))
    user.tab_to("textarea")
    user.press("?" * path.stat().st_size, Keys.ENTER)
    text = user.prediction()
    assert text.startswith("yes 75")
    assert [item.text for item in user.all(".prediction ol li")] == ["yes 0.75", "no 0.25"]


def test_models_are_grouped_by_task(user):
    user.visit()
    titles = [title.text for title in user.all("h2")]
    assert titles == [
        "Anomaly detection", "Forecasting", "Image classification", "Image reconstruction",
        "Language modeling", "Segmentation", "Text classification", "Translation",
        "Visual question answering", "Word neighbours",
    ]  # fmt: skip


def test_the_error_message_of_the_server_is_shown(user, server):
    refused = server.post("/v1/models/steps:predict", {"inputs": {"history": [[[1], [2]]]}})
    assert refused.status_code == 400
    user.open("steps")
    user.tab_to("textarea")
    user.press("1 2", Keys.ENTER)
    assert user.prediction() == refused.json()["error"]


def test_a_word_among_numbers_is_named(user):
    user.open("steps")
    user.tab_to("textarea")
    user.press("1 two 3 4", Keys.ENTER)
    assert user.prediction() == "history: “two” is not a number"


def test_a_missing_file_is_reported(user):
    user.open("shades")
    user.tab_to("button", "Predict")
    user.press(Keys.ENTER)
    assert user.prediction() == "image_bytes: choose a file first"


def test_markup_in_an_output_stays_text(user):
    user.open("echo")
    user.tab_to("textarea")
    text = "<b>bold</b><img src=x onerror=alert(1)>"
    user.press(text, Keys.ENTER)
    assert text in user.prediction()
    assert not user.all(".prediction b, .prediction img")


def test_an_example_fills_the_form(user):
    user.open("mail")
    field = user.tab_to("textarea")
    user.tab_to("button", "Try an example")
    user.press(Keys.ENTER)
    user.wait(lambda: field.get_property("value") == "for free")
    assert not user.all(".bars")
    ActionChains(user.driver).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
    user.press(Keys.ENTER)
    assert user.prediction().startswith("spam")


def test_every_signature_has_a_form(user):
    user.open("echo")
    user.tab_to("select")
    user.press(Keys.ARROW_DOWN)
    user.wait(lambda: "number: an integer" in user.all("details[open] .signature")[0].text)
    user.tab_to("textarea")
    user.press("21", Keys.ENTER)
    assert user.prediction().startswith("twice\n42")


def test_a_broken_version_is_shown_and_keeps_the_text_being_typed(user, server, root):
    user.open("mail")
    field = user.tab_to("textarea")
    user.press("half a sent")
    broken = root / "mail/2"
    broken.mkdir()
    (broken / "saved_model.pb").write_bytes(b"not a SavedModel")
    try:
        server.poll()
        (chip,) = user.wait(lambda: user.all(".chip.FAILED"))
        assert chip.text == "version 2: failed"
        assert "not served" in user.all("details[open] .failures")[0].text
        user.press("ence", Keys.ENTER)
        assert field.get_property("value") == "half a sentence"
        assert user.prediction().startswith("ham")
    finally:
        shutil.rmtree(broken)
        server.poll()


def test_every_focusable_element_has_a_name_and_an_outline(user):
    user.visit()
    for summary in user.all("summary"):
        summary.send_keys(Keys.ENTER)
    user.driver.execute_script("document.querySelector('a').focus()")
    seen = set()
    for _ in range(60):
        user.press(Keys.TAB)
        node = user.focused
        if node.id in seen or node.tag_name == "body":
            break
        seen.add(node.id)
        assert node.accessible_name, node.get_attribute("outerHTML")
        assert node.value_of_css_property("outline-style") == "solid"
    assert len(seen) >= len(user.all("summary, textarea, select, input, button"))
    assert {area.get_attribute("aria-live") for area in user.all(".prediction")} == {"polite"}


def test_the_page_fits_a_phone(user):
    size = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    user.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        user.visit("#steps")
        field = user.wait(lambda: user.all("details[open] textarea"))[0]
        field.send_keys("1 2 3 4", Keys.ENTER)
        user.prediction()
        assert user.driver.execute_script("return document.body.scrollWidth") <= 360
    finally:
        user.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_page_follows_the_preferred_color_scheme(user):
    shades = {}
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        user.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        user.visit()
        body = user.all("body")[0]
        colours = map(body.value_of_css_property, ("color", "background-color"))
        shades[scheme] = [sum(map(int, colour[5:-1].split(",")[:3])) for colour in colours]
    assert shades["light"][0] < 200 < 700 < shades["light"][1]
    assert shades["dark"][1] < 200 < 600 < shades["dark"][0]


def test_no_request_leaves_the_server_and_nothing_breaks_the_policy(user, server):
    """In all tests above, and in one more visit."""
    user.open("mail")
    user.tab_to("textarea")
    user.press("last", Keys.ENTER)
    user.prediction()
    messages = [
        json.loads(entry["message"])["message"] for entry in user.driver.get_log("performance")
    ]
    urls = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert f"{user.base}/v1/models/mail:predict" in urls
    own_prefixes = (f"{user.base}/", "data:", "blob:", "about:")
    assert [url for url in urls if not url.startswith(own_prefixes)] == []
    violations = [e for e in user.driver.get_log("browser") if "Content Security" in e["message"]]
    assert violations == []


def test_the_page_allows_no_other_origin(server):
    answer = server.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_examples_of_a_model_without_any_are_not_found(server):
    answer = server.get("/page/models/steps/examples")
    assert answer.status_code == 404
    assert answer.json() == {"error": "steps: version 1 has no examples"}


def test_a_text_appears_as_it_is_made_and_can_be_stopped(user):
    user.open("writer")
    user.tab_to("textarea")
    user.press("slow 100")
    slider = user.tab_to("input[type=range]")
    assert slider.accessible_name.startswith("Length")
    user.press(Keys.END)
    assert slider.get_property("value") == "200"
    user.tab_to("button", "Write")
    user.press(Keys.ENTER)

    def made() -> str:
        return user.all(".made")[0].text

    user.wait(lambda: user.all(".made") and len(made()) > 3)
    first = made()
    user.wait(lambda: len(made()) > len(first))
    assert (8 * text_models.WRITTEN).startswith(made())
    user.tab_to("button", "Stop")
    user.press(Keys.ENTER)
    user.wait(lambda: user.all(".time")[0].text == "Stopped.")
    assert len((8 * text_models.WRITTEN).encode()) > 200 > len(made().encode())


def test_parameters_of_a_text_are_sent_and_its_seed_is_shown(user):
    user.open("writer")
    user.tab_to("textarea")
    user.press("end 4", Keys.ENTER)
    user.wait(lambda: user.all(".time") and user.all(".time")[0].text)
    assert user.all(".made")[0].text.rstrip() == "The"  # a browser may show the space after it
    note = user.all(".time")[0].text
    assert "4 tokens" in note and "the text ended" in note and "seed " in note
    user.tab_to("input[type=number]")
    user.press("17")
    user.press(Keys.ENTER)
    user.wait(lambda: "seed 17." in user.all(".time")[0].text)


def test_an_error_of_a_text_is_shown(user):
    user.open("writer")
    user.tab_to("textarea")
    user.press("refuse", Keys.ENTER)
    assert "refused" in user.prediction()
