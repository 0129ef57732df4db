"""The two verbs of the Python interface: run a shop's data, open a finished run."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from hemline.config import Config
from hemline.engines.chosen import engine as on_engine
from hemline.pipeline import Listener, Silent, run_stages
from hemline.runs import STAGES
from hemline.service import Recommender
from hemline.shop.source import Shop


def run(
    data: Shop | Path | str,
    out: Path | str,
    *,
    config: Config | Path | str | None = None,
    recipe: str | None = None,
    until: dt.date | str | None = None,
    k: int | None = None,
    settings: dict[str, Any] | None = None,
    listener: Listener | None = None,
    engine: str = "duckdb",
    master: str | None = None,
) -> Recommender:
    """Run a shop's data through all stages, skip what is done already, and open the run.

    Parameters
    ----------
    data : Shop, path, or URI
        Frames, a folder of files, or neo4j://… of a database that holds the shop.
    out : path
        The run folder.
    config : Config or path of a TOML file, optional
    recipe : str, optional
        A name such as "two-stage" (`hemline recipes` lists them), or the path of a TOML file.
    until : date, optional
        Purchases after this day are not read.
    k : int, optional
        Articles for each customer.
    settings : dict, optional
        Any setting by its dotted name, such as {"als.factors": 32}; wins over `config`.
    listener : Listener, optional
        Is told of the progress.
    engine : "duckdb" or "spark"
        Where the work over everyone is done; the answers are the same. Spark needs the run
        folder on a filesystem that all executors see at the same path.
    master : str, optional
        Of Spark, such as "spark://HOST:7077"; None: that of the settings.

    Raises
    ------
    HemlineError
        The data or a setting cannot be used; the message says which and what to do.
    """
    chosen = configure(config, recipe=recipe, until=until, k=k, settings=settings)
    with on_engine(engine, chosen, master):
        shop = data if isinstance(data, Shop) else find_shop(data, out, chosen, listener)
        return Recommender(run_stages(out, chosen, shop, stages=STAGES, listener=listener))


def find_shop(
    data: Path | str, out: Path | str, config: Config, listener: Listener | None = None
) -> Shop:
    """Find the shop's files in a folder, or read them out of the Neo4j database at a URI.

    Raises
    ------
    DataError
        There are no purchases.
    """
    from hemline.graph.stores import is_server

    if not is_server(data):
        return Shop.from_folder(data, config.ingest)
    from hemline.pipeline.graph_shop import shop_in_graph

    listener = listener or Silent()
    listener.started("read")
    shop, found = shop_in_graph(str(data), out, config, progress=listener.progress)
    for line in found.lines():
        listener.notice(line)
    return shop


def configure(
    config: Config | Path | str | None = None,
    *,
    recipe: str | None = None,
    until: dt.date | str | None = None,
    k: int | None = None,
    settings: dict[str, Any] | None = None,
) -> Config:
    """Return the settings of a file with some of them replaced."""
    if config is None or isinstance(config, Config):
        base = config or Config()
    else:
        base = Config.load(Path(config))
    replaced: dict[str, Any] = {"recipe": recipe, "ingest.until": until, "k": k}
    changes = {name: value for name, value in replaced.items() if value is not None}
    return base.replaced({**changes, **(settings or {})})


def open(run: Path | str) -> Recommender:  # noqa: A001 (hemline.open, as in gzip.open)
    """Open a finished run.

    Raises
    ------
    RunError
        There is no run there.
    """
    return Recommender.open(run)
