"""Pages of other sites, and the token, in a real browser."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prometheus_client.parser import text_string_to_metric_families
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from serving import page
from tests.support import browser
from tests.support.serving_trees import ROW, Tree, served

pytestmark = pytest.mark.slow
PREDICT = "/v1/models/scaled:predict"
# As an attacker's page sends it: a "simple" request, for which browsers do not ask beforehand.
SEND = """
const [url, body, mode, done] = arguments;
fetch(url, {method: body ? "POST" : "GET", mode, body})
  .then(async (answer) => done([answer.type, answer.status, await answer.text()]))
  .catch((error) => done([error.name, 0, ""]));
"""
BODY = f'{{"instances": [{ROW}]}}'


@pytest.fixture(scope="module")
def driver():
    """The name of the attacker leads to this computer, as after DNS rebinding."""
    chrome = browser.start("--host-resolver-rules=MAP *.example 127.0.0.1")
    yield chrome
    chrome.quit()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    tree = Tree(tmp_path_factory.mktemp("root"))
    tree.add(1)
    return tree.root


@pytest.fixture(scope="module")
def server(root):
    with served(root, extra_routes=page.routes) as running_server:
        yield running_server


class OtherSite(BaseHTTPRequestHandler):
    def do_GET(self):
        content = b"<!doctype html><title>other</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def other_port():
    site = ThreadingHTTPServer(("127.0.0.1", 0), OtherSite)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    yield site.server_address[1]
    site.shutdown()


def predictions(server) -> float:
    families = text_string_to_metric_families(server.get("/monitoring/prometheus/metrics").text)
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == "serving_requests_total" and sample.labels["operation"] == "predict"
    )


def send(driver, url: str, body: str | None, mode: str = "no-cors") -> list:
    """[type, status, text] of the answer as the page's script sees it."""
    return driver.execute_async_script(SEND, url, body, mode)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "evil.example"])
def test_a_page_of_another_origin_can_neither_ask_nor_read(driver, server, other_port, host):
    driver.get(f"http://{host}:{other_port}/")
    before = predictions(server)
    assert send(driver, server.url(PREDICT), BODY) == ["opaque", 0, ""]
    assert predictions(server) == before
    for body in (BODY, None):
        url = server.url(PREDICT if body else "/page/models")
        assert send(driver, url, body, "cors")[:2] == ["TypeError", 0]
    assert predictions(server) == before


def test_a_page_of_an_allowed_origin_can_ask(driver, root, other_port):
    """Without which the test above could not fail."""
    with served(root, allowed_origins=[f"http://localhost:{other_port}"]) as server:
        driver.get(f"http://localhost:{other_port}/")
        before = predictions(server)
        send(driver, server.url(PREDICT), BODY)
        assert predictions(server) == before + 1


def test_a_name_that_is_bound_to_loopback_later_is_refused(driver, server):
    """The page's origin is then the server's address by the attacker's name: nothing is foreign."""
    port = server.addresses.rest.rpartition(":")[2]
    driver.get(f"http://rebound.example:{port}/")
    before = predictions(server)
    for path, body in (("/page/models", None), (PREDICT, BODY), ("/v1/models/scaled", None)):
        kind, status, text = send(driver, path, body, "same-origin")
        assert (kind, status) == ("basic", 403), text
        assert "scaled" not in text
    assert predictions(server) == before
    driver.get(f"http://localhost:{port}/")
    assert send(driver, PREDICT, BODY, "same-origin")[1] == 200


def test_the_page_asks_for_the_token_and_keeps_it_in_the_tab(driver, root, tmp_path):
    token = "t" * 20
    (tmp_path / "tokens").write_text(token)
    with served(root, extra_routes=page.routes, token_file=tmp_path / "tokens") as server:
        driver.get(server.url("/"))

        def wait(css: str):
            return WebDriverWait(driver, 30, 0.05).until(
                lambda _: driver.find_elements(By.CSS_SELECTOR, css)
            )

        field = wait("#token")[0]
        assert not driver.find_elements(By.CSS_SELECTOR, "details.model")
        field.send_keys("wrong\n")
        WebDriverWait(driver, 30, 0.05).until(lambda _: not field.get_property("value"))
        assert wait("#token")
        field.send_keys(token + "\n")
        assert wait("details.model")
        assert not driver.find_elements(By.CSS_SELECTOR, "#token")
        assert token not in driver.current_url
        wait("textarea")[0].send_keys("1 2 3\n")
        assert wait(".prediction .time")
        driver.refresh()
        assert wait("details.model")
        assert driver.execute_script("return localStorage.length + document.cookie.length") == 0
