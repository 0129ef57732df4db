"""A folder over WebHDFS, as much of it as reading takes: a filesystem that lies elsewhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_PREFIX = "/webhdfs/v1"


@dataclass
class WebHdfs:
    """A running server.

    Attributes
    ----------
    asked : list of (operation, path)
        What it was asked for.
    read : int
        Bytes of files that it has sent.
    cut : bool
        Whether no file can be read any more.
    """

    folder: Path
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    read: int = 0
    cut: bool = False

    @property
    def uri(self) -> str:
        """Of the folder."""
        return f"webhdfs://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, server: WebHdfs, *arguments: Any) -> None:
        self.found = server
        super().__init__(*arguments)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name.lower(): values[0] for name, values in parse_qs(parts.query).items()}
        name = unquote(parts.path.removeprefix(_PREFIX))
        path, what = self.found.folder / name.lstrip("/"), query["op"].upper()
        self.found.asked.append((what, name))
        if not path.exists():
            said = {"exception": "FileNotFoundException", "message": f"{name} does not exist"}
            said["javaClassName"] = "java.io.FileNotFoundException"
            self._json({"RemoteException": said}, 404)
        elif what == "GETFILESTATUS":
            self._json({"FileStatus": _status(path, "")})
        elif what in ("LISTSTATUS", "LISTSTATUS_BATCH"):
            found = sorted(path.iterdir()) if path.is_dir() else [path]
            listed = [_status(one, one.name if path.is_dir() else "") for one in found]
            answer: dict[str, Any] = {"FileStatuses": {"FileStatus": listed}}
            if what == "LISTSTATUS_BATCH":
                answer = {"DirectoryListing": {"partialListing": answer, "remainingEntries": 0}}
            self._json(answer)
        elif what == "GETFILEBLOCKLOCATIONS":
            here = {"offset": 0, "length": path.stat().st_size, "corrupt": False}
            here |= {"hosts": ["127.0.0.1"], "names": ["127.0.0.1:1"], "cachedHosts": []}
            here |= {"storageTypes": ["DISK"], "topologyPaths": ["/rack/127.0.0.1:1"]}
            self._json({"BlockLocations": {"BlockLocation": [here]}})
        elif what == "OPEN" and "here" not in query:
            # a name node sends who wants to read on to a data node
            where = f"http://127.0.0.1:{self.found.port}{parts.path}?{parts.query}&here=true"
            self.send_response(307)
            self.send_header("Location", where)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif what == "OPEN":
            low = int(query.get("offset", 0))
            high = low + int(query["length"]) if "length" in query else None
            raw = path.read_bytes()[low:high]
            if self.found.cut:
                self.send_response(500)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.found.read += len(raw)
            self._send(raw, 200)
        else:
            said = {"exception": "UnsupportedOperationException", "message": what}
            said["javaClassName"] = "java.lang.UnsupportedOperationException"
            self._json({"RemoteException": said}, 400)

    def _json(self, content: Any, status: int = 200) -> None:
        self._send(json.dumps(content).encode(), status)

    def _send(self, raw: bytes, status: int) -> None:
        # without a Content-Type: the client that comes with PySpark lacks the class that reads it
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def _status(path: Path, suffix: str) -> dict[str, Any]:
    state, folder = path.stat(), path.is_dir()
    return {
        "pathSuffix": suffix,
        "type": "DIRECTORY" if folder else "FILE",
        "length": 0 if folder else state.st_size,
        "modificationTime": int(state.st_mtime * 1000),
        "accessTime": 0,
        "owner": "hemline",
        "group": "hemline",
        "permission": "755" if folder else "644",
        "replication": 0 if folder else 1,
        "blockSize": 0 if folder else 1 << 20,
        "fileId": 1,
        "childrenNum": 0,
        "storagePolicy": 0,
    }


@contextmanager
def running(folder: Path) -> Iterator[WebHdfs]:
    """Serve a folder on loopback for a while."""
    found = WebHdfs(folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, found)) as server:
        found.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
