from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hemline.errors import ConfigError
from hemline.photos.weights import cache_folder, digest, weights_file

BODY = b"weights" * 1000


class Server(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        path = self.path.partition("?")[0]
        if path not in ("/model.onnx", "/model.onnx.toml", "/short.onnx"):
            self.send_error(404)
            return
        body = b"size = 8" if path.endswith(".toml") else BODY
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + (path == "/short.onnx")))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on this machine; the cache is a folder of the test's."""
    monkeypatch.setenv("HEMLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    Server.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as one:
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{one.server_port}"
        one.shutdown()
        thread.join()


def test_a_url_is_fetched_once_with_its_sidecar(server: str) -> None:
    path = weights_file(f"{server}/model.onnx?version=1")
    assert path.read_bytes() == BODY
    assert path.is_relative_to(cache_folder())
    assert path.with_name("model.onnx.toml").read_text() == "size = 8"
    asked = list(Server.asked)
    assert weights_file(f"{server}/model.onnx?version=1") == path
    assert Server.asked == asked
    assert weights_file(f"{server}/model.onnx?version=2") != path
    assert not list(cache_folder().rglob("*.part"))


def test_what_cannot_be_fetched_leaves_nothing(server: str) -> None:
    for name, why in (("none.onnx", "404"), ("short.onnx", "7000 of 7001 bytes")):
        with pytest.raises(ConfigError, match=why) as caught:
            weights_file(f"{server}/{name}")
        assert caught.value.hint
    with pytest.raises(ConfigError, match="could not be fetched"):
        weights_file("http://127.0.0.1:1/model.onnx")
    assert not [one for one in cache_folder().rglob("*") if one.is_file()]


def test_the_digest_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "my model.onnx"
    path.write_bytes(BODY)
    good = hashlib.sha256(BODY).hexdigest()
    assert digest([path]) == good
    assert weights_file(path.as_uri(), good.upper()) == path
    with pytest.raises(ConfigError, match="SHA-256"):
        weights_file(str(path), "0" * 64)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.onnx"):
        weights_file(str(tmp_path / "none.onnx"))
