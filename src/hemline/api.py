"""The verbs of the Python interface: run a shop's data, open a finished run, update it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from hemline.config import Config
from hemline.engines.chosen import engine as on_engine
from hemline.errors import ConfigError, RunError
from hemline.pipeline import (
    Customers,
    Listener,
    New,
    Silent,
    Updates,
    run_stages,
    start_of,
    update_run,
)
from hemline.runs import STAGES, RunFolder
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
    updates: Updates | None = None,
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
    updates : "keep" or "drop", optional
        Of a run that `update` added to, when the shop's own data has changed since: whether
        what was added stays on top of the new data, or is in it already.

    Raises
    ------
    HemlineError
        The data or a setting cannot be used; the message says which and what to do.
    """
    chosen = configure(config, recipe=recipe, until=until, k=k, settings=settings)
    with on_engine(engine, chosen, master):
        shop = data if isinstance(data, Shop) else find_shop(data, out, chosen, listener)
        return Recommender(
            run_stages(out, chosen, shop, stages=STAGES, listener=listener, updates=updates)
        )


def update(
    run: Path | str,
    data: Any = (),
    *,
    log: bool = False,
    customers: Customers = "all",
    recommend: bool = True,
    retrain: bool = False,
    overlap: bool = False,
    settings: dict[str, Any] | None = None,
    listener: Listener | None = None,
    engine: str = "duckdb",
    master: str | None = None,
) -> Recommender:
    """Take new purchases into a run, and recommend: first to the customers who made them.

    The tables are those that reading old and new together would have given. Counts and
    popularity are exact; ALS goes on from its vectors; the trees of a ranker are kept.

    Parameters
    ----------
    run : path
        The run folder.
    data : path, Shop or frame, or a list of them
        A file or frame of purchases; a folder with a shop's files, of purchases and of new
        or changed articles and customers; a folder of Parquet files of purchases. On Spark
        also by a URI.
    log : bool
        Take the purchases that the service has written down, too.
    customers : "all" or "concerned"
        Whom to recommend to.
    recommend : bool
        False: take in and learn, no more.
    retrain : bool
        Learn everything afresh.
    overlap : bool
        Take purchases that look as if they were in the run already.
    settings : dict, optional
        Of Spark, such as {"spark.executor_memory": "2g"}: all others are the run's.
    listener : Listener, optional
    engine : "duckdb" or "spark"
        Where everyone is recommended to. The new purchases are merged on this machine in
        either case: one pass over the tables that holds a million rows at a time.
    master : str, optional
        Of Spark.

    Returns
    -------
    Recommender
        `updated()` has the recommendations of the customers concerned.

    Raises
    ------
    HemlineError
        The run or the data cannot be used; the run is as it was.
    """
    if customers not in ("all", "concerned"):
        raise ConfigError(f"customers {customers!r}", hint='"all" or "concerned"')
    for name in settings or {}:
        if not name.startswith("spark."):
            raise ConfigError(
                f"{name}: an update has the settings of its run, but for those of Spark",
                hint="another model: `hemline train RUN --set …`, and `hemline update RUN`",
            )
    opened = RunFolder.open(run)
    several = data if isinstance(data, list | tuple) else [data]
    with on_engine(engine, opened.config.replaced(settings or {}), master):
        news = [New(_found(one, opened.config)) for one in several]
        if log:
            from hemline.live import unfolded

            found = unfolded(opened)
            news += [found] if found else []
            if found is None:
                (listener or Silent()).notice("the log has no purchase that the run does not have")
        return Recommender(
            update_run(
                run,
                news,
                customers=customers,
                recommend=recommend,
                retrain=retrain,
                overlap=overlap,
                listener=listener,
            )
        )


def train(
    run: Path | str,
    out: Path | str | None = None,
    *,
    start: Path | str | None = None,
    retrain: bool = False,
    settings: dict[str, Any] | None = None,
    listener: Listener | None = None,
) -> Recommender:
    """Do a run's stages up to its bundle, and open the run.

    Parameters
    ----------
    run : path
        A run folder; or a shop's data, where `out` is given.
    out : path, optional
        The run folder to make or to continue.
    start : path, optional
        Another run whose vectors the models begin at, with `update.als_iterations` in place
        of all; told by article id. The ranker is learned anew.
    retrain : bool
        Learn everything afresh, though an update kept some of it.
    settings : dict, optional
        Any setting by its dotted name.
    listener : Listener, optional

    Raises
    ------
    RunError
        There is no run, or `start` has no bundle.
    CutoffError
        `start` knows later purchases than the run may.
    """
    if start is not None and retrain:
        raise ConfigError("--from and --retrain", hint="either a start, or afresh")
    begin = start_of(RunFolder.open(start), keep=False, elsewhere=True) if start else None
    if start and begin is None:
        raise RunError(f"{start} has no bundle to start from", hint=f"`hemline train {start}`")
    if out is None:
        if not (Path(run) / "run.json").exists() and Path(run).is_dir():
            raise RunError(
                f"{run} is no run folder", hint=f"`hemline train {run} --out RUN` reads it as data"
            )
        config, shop = RunFolder.open(run).config.replaced(settings or {}), None
        out = run
    else:
        config = configure(settings=settings)
        shop = find_shop(run, out, config, listener)
    found = run_stages(
        out, config, shop, stages=["train"], listener=listener, start=begin, retrain=retrain
    )
    return Recommender(found)


def _found(data: Any, config: Config) -> Shop:
    from hemline.shop.addition import find_addition

    if isinstance(data, Shop):
        return data
    if isinstance(data, str | Path):
        return find_addition(data, config.ingest)
    return Shop(purchases=data)


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
