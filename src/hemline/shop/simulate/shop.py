"""A simulated shop in the Kaggle layout, from one seed."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any, Literal

from hemline.blocks import Progress, silent
from hemline.errors import ConfigError, DataError
from hemline.shop.simulate.catalogue import make_catalogue
from hemline.shop.simulate.customers import make_customers
from hemline.shop.simulate.market import make_market
from hemline.shop.simulate.purchases import Shoppers
from hemline.shop.simulate.texts import article_table
from hemline.shop.simulate.vectors import write_vectors
from hemline.shop.simulate.writing import TransactionWriter, write_articles, write_customers

PER_CUSTOMER = 31_788_324 / 1_371_980
"""Rows of the purchases for each customer, as H&M has them."""

DAYS = 731
START = dt.date(2018, 9, 20)


def simulate(
    out: Path,
    *,
    customers: int,
    articles: int,
    days: int,
    seed: int,
    format: Literal["csv", "parquet"] = "csv",  # noqa: A002 (the word of the command line)
    photos: bool = True,
    vectors: int = 0,
    purchases: int | None = None,
    start: dt.date = START,
    photo_size: int = 128,
    progress: Progress = silent,
    threads: int = 0,
) -> dict[str, Any]:
    """Write a simulated shop in the layout of the H&M competition's files.

    The same arguments give the same files byte for byte, at any number of threads.
    Memory grows by some twenty bytes a customer; purchases are drawn and written in blocks.

    Parameters
    ----------
    out : Path
        Folder to make; it must not exist or be empty. It appears when it is whole.
    customers, articles, days : int
        Size: rows of the customer and the product table, length of the period.
    seed : int
        Not negative.
    format : "csv" or "parquet"
        CSV is sorted by date, as Kaggle's; Parquet by date within blocks of customers.
    photos : bool
        Draw a JPEG of `photo_size` pixels square for nearly every article.
    vectors : int
        Columns of clustered photo vectors to write in place of photos; 0 for none.
    purchases : int, optional
        Rows of the purchases; when not given, 23.17 for each customer at 731 days, and with
        the square root of the days.
    start : datetime.date
        The first day.
    progress : callable
        Called with (done, total) while purchases, vectors and photos are made.
    threads : int
        0 for all processors.

    Returns
    -------
    dict
        What was written: customers, articles, products, purchases, days, photos, vectors.

    Raises
    ------
    ConfigError
        A size is below 1, or the seed negative.
    DataError
        `out` has something in it.
    """
    usual = customers * PER_CUSTOMER * (days / DAYS) ** 0.5
    rows = round(usual) if purchases is None else purchases
    _check(customers=customers, articles=articles, days=days, photo_size=photo_size)
    if seed < 0 or vectors < 0 or rows < 0 or format not in ("csv", "parquet"):
        raise ConfigError(
            f"seed {seed}, vectors {vectors}, purchases {rows}, format {format!r}: not possible",
            hint="numbers are 0 or more, the format is csv or parquet",
        )
    if days > 32_000:
        raise ConfigError(f"days is {days}", hint="32,000 days, 87 years, are the most")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} exists already", hint="choose another folder, or remove this one")
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    phases = 2 if vectors or photos else 1
    catalogue = make_catalogue(articles, days, seed)
    table = article_table(catalogue, seed)
    write_articles(part / f"articles.{format}", table)
    people = make_customers(customers, rows, seed)
    write_customers(part / f"customers.{format}", people)
    market = make_market(catalogue, days, start, seed)
    writer = TransactionWriter(
        Shoppers(catalogue, market, people, seed), table.column("article_id").to_pylist()
    )
    written = writer.write(
        part / f"transactions_train.{format}", threads, _phase(progress, 0, phases)
    )
    summary: dict[str, Any] = {
        "customers": customers,
        "articles": articles,
        "products": catalogue.n_products,
        "purchases": written,
        "days": days,
        "photos": 0,
        "vectors": 0,
    }
    if vectors:
        summary["vectors"] = write_vectors(
            part / "vectors", catalogue, vectors, seed, threads, _phase(progress, 1, phases)
        )
    elif photos:
        from hemline.shop.simulate.photos import write_photos

        summary["photos"] = write_photos(
            part / "images", catalogue, photo_size, seed, threads, _phase(progress, 1, phases)
        )
    if out.exists():
        out.rmdir()
    part.rename(out)
    return summary


def _phase(progress: Progress, phase: int, phases: int) -> Progress:
    """Return a progress of one phase that moves the whole's, in thousandths of a phase."""

    def shown(done: int, total: int) -> None:
        progress(1000 * phase + 1000 * done // max(1, total), 1000 * phases)

    return shown


def _check(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ConfigError(f"{name} is {size}", hint="it must be at least 1")
