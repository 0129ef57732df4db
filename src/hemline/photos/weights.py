"""Weights of models: where a file or URL lies on this machine, and what is in it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from hemline.errors import ConfigError

TIMEOUT_SECONDS = 60


def cache_folder() -> Path:
    """Return HEMLINE_CACHE, or ~/.cache/hemline when it is not set."""
    chosen = os.environ.get("HEMLINE_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "hemline"


def is_url(place: str) -> bool:
    """Tell whether a place is a URL rather than a path."""
    return place.startswith(("http://", "https://", "file:"))


def weights_file(place: str, sha256: str = "", *, sidecar: bool = True) -> Path:
    """Return the path of weights given as a path or URL; a URL is fetched once, into the cache.

    Parameters
    ----------
    place : str
        A path, `file:` URL, or http(s) URL.
    sha256 : str
        The digest that the file must have; empty: any.
    sidecar : bool
        Fetch URL.toml too, where there is one.

    Raises
    ------
    ConfigError
        There is no such file, it cannot be fetched, or it has another digest.
    """
    path = _fetched(place, sidecar) if place.startswith(("http://", "https://")) else _local(place)
    if sha256 and digest([path]) != sha256.lower():
        raise ConfigError(
            f"{path}: its SHA-256 is {digest([path])}, not {sha256}",
            hint="remove it to have it fetched again, or correct photos.preprocessing.sha256",
        )
    return path


def _local(place: str) -> Path:
    text = place
    if place.startswith("file:"):
        text = urllib.request.url2pathname(urllib.parse.urlsplit(place).path)
    path = Path(text).expanduser()
    if not path.is_file():
        raise ConfigError(
            f"{place}: there is no such file",
            hint=f"looked for {path.absolute()}; weights are a file or an http(s) URL",
        )
    return path


def _fetched(url: str, sidecar: bool) -> Path:
    parts = urllib.parse.urlsplit(url)
    name = Path(urllib.parse.unquote(parts.path)).name or "weights"
    folder = cache_folder() / "weights" / hashlib.sha256(url.encode()).hexdigest()[:16]
    path = folder / name
    if path.is_file():
        return path
    if sidecar:
        beside = urllib.parse.urlunsplit(parts._replace(path=parts.path + ".toml"))
        _download(beside, folder / f"{name}.toml", needed=False)
    _download(url, path)
    return path


def _download(url: str, path: Path, *, needed: bool = True) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "hemline"})
    partial = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
                partial = Path(file.name)
                shutil.copyfileobj(answer, file, 1 << 20)
                got = file.tell()
            promised = answer.headers.get("Content-Length")
        if promised is not None and int(promised) != got:
            raise OSError(f"{got} of {promised} bytes came")
        partial.replace(path)
    except urllib.error.HTTPError as error:
        error.close()
        if needed or error.code not in (403, 404, 410):
            raise _failed(url, str(error)) from None
    except (OSError, ValueError) as error:
        raise _failed(url, str(getattr(error, "reason", error))) from None
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def _failed(url: str, why: str) -> ConfigError:
    return ConfigError(
        f"{url} could not be fetched: {why}",
        hint="fetch it where there is a network, and name the file in place of the URL",
    )


def digest(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of files, one after another, as 64 hexadecimal digits."""
    sha = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                sha.update(block)
    return sha.hexdigest()
