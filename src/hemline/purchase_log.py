"""New purchases, written down before they are acknowledged."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hemline.errors import RunError

_TABLE = """
CREATE TABLE IF NOT EXISTS purchases (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    customer TEXT NOT NULL,
    article TEXT NOT NULL,
    time INTEGER NOT NULL,
    price REAL,
    channel INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    token TEXT
)
"""
_INDEX = "CREATE INDEX IF NOT EXISTS by_token ON purchases (token) WHERE token IS NOT NULL"


@dataclass(frozen=True)
class NewPurchase:
    """One purchase by the shop's ids.

    Attributes
    ----------
    time : int
        Seconds since 1970-01-01 UTC.
    price : float or None
        In the shop's currency.
    channel : int
        0 where there is none.
    quantity : int
    """

    customer: str
    article: str
    time: int
    price: float | None = None
    channel: int = 0
    quantity: int = 1


class PurchaseLog:
    """A SQLite file with a write-ahead log: what has been appended outlives the machine.

    Several processes may append and follow at once.

    Parameters
    ----------
    path : path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(path, timeout=30, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            # a commit is on the disk when it returns
            self._connection.execute("PRAGMA synchronous = FULL")
            with self._connection:
                self._connection.execute(_TABLE)
                self._connection.execute(_INDEX)
        except sqlite3.Error as error:
            raise RunError(
                f"{path} cannot be used as a log of purchases: {error}",
                hint="the run folder must be writable; a broken file may be moved away",
            ) from None

    def append(self, purchases: Sequence[NewPurchase], token: str | None = None) -> int:
        """Write purchases, all or none, and return how many were written.

        Parameters
        ----------
        purchases : sequence of NewPurchase
        token : str, optional
            Of the request: when it has been written before, nothing is written again.
        """
        rows = [
            (one.customer, one.article, one.time, one.price, one.channel, one.quantity, token)
            for one in purchases
        ]
        with self._lock, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            if token is not None:
                asked = self._connection.execute(
                    "SELECT 1 FROM purchases WHERE token = ? LIMIT 1", (token,)
                )
                if asked.fetchone():
                    return 0
            self._connection.executemany(
                "INSERT INTO purchases (customer, article, time, price, channel, quantity, token)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
        return len(rows)

    def last(self) -> int:
        """Return the number of the latest purchase, 0 when there is none."""
        with self._lock:
            found = self._connection.execute("SELECT max(seq) FROM purchases").fetchone()
        return int(found[0] or 0)

    def since(self, seq: int) -> list[tuple[int, NewPurchase]]:
        """Return the purchases after number `seq`, each with its own number, in order."""
        with self._lock:
            found = self._connection.execute(
                "SELECT seq, customer, article, time, price, channel, quantity FROM purchases"
                " WHERE seq > ? ORDER BY seq",
                (seq,),
            ).fetchall()
        return [(row[0], NewPurchase(*row[1:])) for row in found]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
