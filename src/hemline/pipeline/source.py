"""Where a shop's data comes from, written down so that it is found again."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemline.engines.chosen import is_there, place
from hemline.engines.hadoop import is_uri
from hemline.errors import DataError

if TYPE_CHECKING:
    from hemline.config import Config
    from hemline.pipeline.stage import Listener
    from hemline.shop.source import Shop

_TABLES = ("purchases", "articles", "customers")
_FOLDERS = ("images", "vectors")


def describe(shop: Shop) -> dict[str, Any]:
    """Describe where a shop's data comes from, for run.json and for skipping stages."""
    from hemline.shop.source import fingerprint as shop_fingerprint

    given = {one: getattr(shop, one) for one in _TABLES}
    paths = {one: str(place(value).resolve()) for one, value in given.items() if _is_path(value)}
    frames = [one for one, value in given.items() if value is not None and one not in paths]
    return {
        "fingerprint": shop_fingerprint(shop),
        "tables": None if frames else paths,
        **{one: _folder_state(getattr(shop, one)) for one in _FOLDERS},
    }


def without_far_photos(shop: Shop, config: Config, listener: Listener) -> Shop:
    """Return a shop without photos that lie where only Spark reads, and say so.

    Raises
    ------
    DataError
        An embedder is chosen for them.
    """
    if not is_uri(shop.images):
        return shop
    instead = (
        "mount or copy the folder and give its path (ingest.images), or bring their vectors "
        "(a folder vectors/ beside the tables, at a URI too)"
    )
    if config.photos.embedder:
        raise DataError(
            f"{shop.images}: photos are read by this machine alone, and not from a URI",
            hint=f'{instead}; or without: photos.embedder = ""',
        )
    listener.notice(f"photos: those at {shop.images} are not read; to use them {instead}")
    return replace(shop, images=None)


def _is_path(value: Any) -> bool:
    return isinstance(value, str | Path)


def find_again(source: dict[str, Any]) -> Shop | None:
    """Return the shop of an earlier call, unless it was frames or its files are gone."""
    from hemline.shop.source import Shop

    tables = source.get("tables")
    if not tables or not all(is_there(path) for path in tables.values()):
        return None
    folders = {one: (source.get(one) or {}).get("path") for one in _FOLDERS}
    # one that only Spark reaches is not gone without it: `describe` asks for Spark
    kept = {
        one: path for one, path in folders.items() if path and (is_uri(path) or Path(path).is_dir())
    }
    return Shop(**tables, **kept)


def folders_again(source: dict[str, Any]) -> dict[str, Any]:
    """Describe the folders of photos and of vectors as they are now, those that are still there."""
    paths = {one: (source.get(one) or {}).get("path") for one in _FOLDERS}
    found = {one: _folder_state(path) for one, path in paths.items() if path and is_there(path)}
    return {one: state for one, state in found.items() if state is not None}


def _folder_state(path: Any) -> dict[str, Any] | None:
    """Return a folder's path and a digest of its files' names, sizes and times."""
    if path is None or not place(path).is_dir():
        return None
    digest = hashlib.sha256()
    if is_uri(path):
        for file in sorted(place(path).rglob("*")):
            state = file.stat()
            digest.update(f"{file} {state.st_size} {state.st_mtime_ns}\n".encode())
        return {"path": path, "files": digest.hexdigest()[:16]}
    path = Path(path).resolve()  # the same from wherever it is named
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            state = (Path(folder) / name).stat()
            digest.update(f"{folder}/{name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return {"path": str(path), "files": digest.hexdigest()[:16]}
