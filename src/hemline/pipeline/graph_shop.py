"""A shop that lives in Neo4j as the source of a run."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from hemline.blocks import Progress, silent
from hemline.config import Config
from hemline.graph.neo4j_reading import FILES, ShopInGraph, read_shop
from hemline.graph.neo4j_server import Server
from hemline.runs import RunFolder
from hemline.shop.source import VECTORS, Shop


def shop_in_graph(
    uri: str, out: Path | str, config: Config, *, progress: Progress = silent
) -> tuple[Shop, ShopInGraph]:
    """Read a shop out of a Neo4j database into RUN/source, as files that `ingest` takes.

    The files are named by their content: as long as the database holds the same, the run's
    stages stay done.

    Raises
    ------
    RunError
        The place of the run is taken by something else.
    StoreUnavailableError, EmptyTableError, DataError
        The server, or what is in it, cannot be used.
    """
    out = Path(out)
    RunFolder.check_place(out)
    server = Server(uri, config.graph)
    try:
        work = out / "source" / f"reading-{os.getpid()}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        try:
            found = read_shop(server, work, names=config.columns.model_dump(), progress=progress)
            folder = _publish(work)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    finally:
        server.close()
    vectors = folder / VECTORS
    shop = Shop(
        **{table: folder / name for table, name in FILES.items()},
        vectors=vectors if vectors.is_dir() else None,
    )
    return shop, found


def _publish(work: Path) -> Path:
    """Rename the folder to a digest of its content, and remove those of earlier calls."""
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted(one for one in work.rglob("*") if one.is_file()):
        digest.update(path.relative_to(work).as_posix().encode())
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
        os.utime(path, (0, 0))  # a run tells files by path, size and time
    folder = work.parent / digest.hexdigest()
    if not folder.exists():
        work.rename(folder)
    for other in work.parent.iterdir():
        if other not in (folder, work):
            shutil.rmtree(other, ignore_errors=True)
    return folder
