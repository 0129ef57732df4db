"""A run that takes new purchases: they count from the next question on."""

from __future__ import annotations

import threading
import time as clock
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hemline.errors import ConfigError, UnknownIdError
from hemline.pipeline import New, additions
from hemline.purchase_log import NewPurchase, PurchaseLog
from hemline.runs import RunFolder
from hemline.service import Recommender
from hemline.shop.histories import Histories
from hemline.shop.source import Shop

LOG = "purchases.sqlite"
"""In the run folder: purchases that came after the run's data."""

Mask = npt.NDArray[np.bool_]


class LiveRecommender(Recommender):
    """A finished run and the purchases since.

    The run's tables are the record: a purchase of the log that lies before their end is taken
    to be in them, so that new data of the shop, when it is read in, replaces the log. Where the
    log itself was folded into the tables (`hemline update --log`), it is known up to which
    purchase. A customer whom the tables do not know becomes known by a purchase.

    Without new purchases every answer is the batch's: questions are asked as of the run's own
    moment, which a new purchase moves to the second after it.
    """

    def __init__(self, run: RunFolder) -> None:
        super().__init__(run)
        self._lock = threading.Lock()
        self._seen, self._known_until = _folded(run)
        self._latest = 0
        self._new: dict[str, list[NewPurchase]] = defaultdict(list)

    @cached_property
    def log(self) -> PurchaseLog:
        """The purchases since; the file is made when it is first asked for."""
        return PurchaseLog(self.run.path / LOG)

    @cached_property
    def _start(self) -> int:
        return super().as_of

    @property
    def _open_from(self) -> int:
        """The moment from which a purchase of the log is not taken to be in the tables."""
        return self._start if self._known_until is None else self._known_until

    @property
    def as_of(self) -> int:
        """The moment that is recommended for: just after all that is known."""
        return max(self._start, self._latest + 1)

    def open_all(self) -> None:
        """Map everything into memory and compile what answers, before the first question."""
        self.follow()
        self.recommend(basket=[], k=self.config.k)
        if len(self.tables.customer_ids):
            self.recommend(self.tables.customer_ids.id(0))
        if self.run.record("neighbours") is not None and len(self.tables.article_ids):
            self.similar(self.tables.article_ids.id(0), 1)

    def follow(self) -> int:
        """Take in what any process has logged since the last time; return how many purchases."""
        if "log" not in self.__dict__ and not (self.run.path / LOG).exists():
            return 0
        if self.log.last() == self._seen:
            return 0
        with self._lock:
            found = self.log.since(self._seen)
            for seq, one in found:
                self._seen = seq
                if one.time >= self._open_from and one.article in self.tables.article_ids:
                    self._new[one.customer].append(one)
                    self._latest = max(self._latest, one.time)
        return len(found)

    def add(self, purchases: Sequence[NewPurchase], token: str | None = None) -> int:
        """Write purchases down, durably; the next question knows them. Return how many.

        Raises
        ------
        UnknownIdError
            An article is not known to the run; nothing is written.
        ConfigError
            A purchase lies in the future or before the end of the run's data, its quantity is
            below 1, or its price negative; nothing is written.
        """
        latest = clock.time() + 60  # clocks differ a little
        for one in purchases:
            self.tables.article_ids.position(one.article)
            if not one.customer or len(one.customer.encode(errors="replace")) > 256:
                raise ConfigError(
                    f"customer {one.customer[:40]!r}", hint="an id has 1 to 256 bytes"
                )
            if not self._open_from <= one.time <= max(latest, self._start + 1):
                raise ConfigError(
                    f"a purchase at {one.time} s",
                    hint=f"from {self._open_from} s, where the run's data ends, to now",
                )
            if one.quantity < 1 or (one.price is not None and not one.price >= 0):
                raise ConfigError(
                    f"quantity {one.quantity}, price {one.price}",
                    hint="a quantity is 1 or more, a price 0 or more",
                )
        written = self.log.append(purchases, token)
        self.follow()
        return written

    def knows(self, customer: str) -> bool:
        """Tell whether the tables or the log have a customer."""
        return customer in self._new or customer in self.tables.customer_ids

    def history(
        self,
        customer: str | None = None,
        *,
        basket: Iterable[str] | None = None,
        age: float | None = None,
    ) -> Histories:
        """Return what `Recommender.history` does, with the purchases of the log."""
        new = self._new.get(customer) if customer is not None else None
        if customer is None or not new:
            return super().history(customer, basket=basket, age=age)
        try:
            place = self.tables.customer_ids.position(customer)
            known = self.tables.histories.block(place, place + 1).compact()
        except UnknownIdError:
            known = self._nobody()
        return _joined(known, new, self.tables.article_ids.positions(one.article for one in new))

    def _nobody(self) -> Histories:
        return Histories.from_baskets([[]], n_articles=len(self.tables.article_ids))

    def mask(
        self,
        *,
        departments: Sequence[str] = (),
        exclude: Sequence[str] = (),
        stock: Mask | None = None,
    ) -> Mask | None:
        """Return which articles may be recommended, bool (n_articles,); None: all of them.

        Parameters
        ----------
        departments : numbers of departments, optional
            Only articles of these.
        exclude : article ids, optional
            None of these.
        stock : bool (n_articles,), optional
            Only these.

        Raises
        ------
        UnknownIdError
            A department or an article is not known to the run.
        """
        if not departments and not exclude and stock is None:
            return None
        allowed = np.ones(len(self.tables.article_ids), bool) if stock is None else stock.copy()
        if departments:
            allowed &= self._in_departments(departments)
        for one in exclude:
            allowed[self.tables.article_ids.position(one)] = False
        return allowed

    @cached_property
    def departments(self) -> dict[str, npt.NDArray[np.int32]]:
        """The articles of each department, by its number; int32 positions."""
        values = self.tables.articles.column("department_no").to_pylist()
        found: dict[str, list[int]] = defaultdict(list)
        for place, one in enumerate(values):
            if one is not None:
                found[one].append(place)
        return {name: np.array(places, np.int32) for name, places in found.items()}

    def _in_departments(self, wanted: Sequence[str]) -> Mask:
        allowed = np.zeros(len(self.tables.article_ids), bool)
        for one in wanted:
            if one not in self.departments:
                raise UnknownIdError(
                    f"department {one[:80]!r} is not known to this run",
                    hint="departments are given by their number (department_no)",
                )
            allowed[self.departments[one]] = True
        return allowed

    def read_stock(self, path: Path) -> Mask:
        """Read which articles are in stock: a text file, one article id a line.

        Raises
        ------
        ConfigError
            The file cannot be read, or names no article of the run.
        """
        try:
            names = path.read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{path} cannot be read: {error}", hint="one article id a line"
            ) from None
        places = self.tables.article_ids.positions(names)
        known = places[places >= 0]
        if not len(known):
            raise ConfigError(
                f"{path} names no article of this run", hint="ids keep their leading zeros"
            )
        allowed = np.zeros(len(self.tables.article_ids), bool)
        allowed[known] = True
        return allowed


def _folded(run: RunFolder) -> tuple[int, int | None]:
    """Return up to which purchase of the log the tables have it, and when they ended before that.

    None where the tables end with other data than the log's: then their own end counts.
    """
    added = additions(run.source)
    upto = max((one["log"]["upto"] for one in added if "log" in one), default=0)
    after = None
    for one in reversed(added):  # several foldings, one after the other, are one
        if "log" not in one:
            break
        after = one["log"]["after"]
    return upto, after


def unfolded(run: RunFolder) -> New | None:
    """Return the purchases of a run's log that its tables do not have, for `update_run`."""
    if not (run.path / LOG).exists():
        return None
    live = LiveRecommender(run)
    try:
        found = [
            (seq, one)
            for seq, one in live.log.since(live._seen)
            if one.time >= live._open_from and one.article in live.tables.article_ids
        ]
    finally:
        live.log.close()
    if not found:
        return None
    names = run.config.columns.purchases
    columns = {
        "customer_id": pa.array([one.customer for _, one in found], pa.string()),
        "article_id": pa.array([one.article for _, one in found], pa.string()),
        "time": pa.array([one.time for _, one in found], pa.timestamp("s", "UTC")),
        "price": pa.array([one.price for _, one in found], pa.float64()),
        # the log's 0 is no channel
        "channel": pa.array([one.channel or None for _, one in found], pa.int8()),
        "quantity": pa.array([one.quantity for _, one in found], pa.int32()),
    }
    times = [one.time for _, one in found]
    return New(
        Shop(purchases=pa.table({names.get(name, name): one for name, one in columns.items()})),
        span=(min(times), max(times) + 1),
        upto=found[-1][0],
        after=live._open_from,
    )


def _joined(
    known: Histories, new: Sequence[NewPurchase], articles: npt.NDArray[np.int32]
) -> Histories:
    columns: dict[str, Any] = {
        "article": (known.article, articles),
        "time": (known.time, [one.time for one in new]),
        "weight": (known.weight, [one.quantity for one in new]),
        "price": (known.price, [np.nan if one.price is None else one.price for one in new]),
        "channel": (known.channel, [one.channel for one in new]),
    }
    joined = {name: np.concatenate([a, np.asarray(b)]) for name, (a, b) in columns.items()}
    return Histories.from_purchases(
        np.zeros(len(joined["article"]), np.int64),
        joined.pop("article"),
        n_customers=1,
        n_articles=known.n_articles,
        age=known.age,
        **joined,
    )
