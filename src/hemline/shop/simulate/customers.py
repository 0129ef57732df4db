"""The customers of the simulated shop: ages, club, news, tastes, how much they buy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hemline.blocks import block_bounds
from hemline.shop.simulate.chance import mix, stream

BLOCK = 1 << 16

CLUBS = ["ACTIVE", "PRE-CREATE", "LEFT CLUB"]
NEWS = ["NONE", "Regularly", "Monthly"]


@dataclass(frozen=True)
class Customers:
    """What is kept of every customer: a few bytes each, so that ten million fit.

    Attributes
    ----------
    seed : int
    age : int8 (n,)
        Years, 16 to 99. What the table does not tell is drawn all the same.
    age_known : bool (n,)
    active : int8 (n,)
        0 or 1; FN and Active mostly go together.
    fn : int8 (n,)
    club, news : int8 (n,)
        Places in CLUBS and NEWS, -1 for a null.
    rows : int32 (n,)
        Rows in the purchases; 0 for those without history.
    """

    seed: int
    age: npt.NDArray[np.int8]
    age_known: npt.NDArray[np.bool_]
    active: npt.NDArray[np.int8]
    fn: npt.NDArray[np.int8]
    club: npt.NDArray[np.int8]
    news: npt.NDArray[np.int8]
    rows: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.age)

    def table(self, low: int, high: int) -> pa.Table:
        """Return customers [low, high) as a table with the columns of H&M's file."""
        part = slice(low, high)
        postal = _postal(self.seed, np.arange(low, high, dtype=np.uint64), len(self))
        return pa.table(
            {
                "customer_id": hex_ids(self.seed, np.arange(low, high), len(self)),
                "FN": _flag(self.fn[part]),
                "Active": _flag(self.active[part]),
                "club_member_status": _words(CLUBS, self.club[part]),
                "fashion_news_frequency": _words(NEWS, self.news[part]),
                "age": pa.array(
                    self.age[part].astype(np.float64), mask=~self.age_known[part], type=pa.float64()
                ),
                "postal_code": postal,
            }
        )


def make_customers(customers: int, purchases: int, seed: int) -> Customers:
    """Draw all customers.

    Parameters
    ----------
    customers : int
    purchases : int
        Rows that they have together, exactly.
    seed : int
    """
    age = np.empty(customers, dtype=np.int8)
    age_known = np.empty(customers, dtype=np.bool_)
    active, fn, club, news = (np.empty(customers, dtype=np.int8) for _ in range(4))
    size = np.empty(customers, dtype=np.float32)
    for block, (low, high) in enumerate(block_bounds(customers, BLOCK)):
        rng = stream(seed, "customers", block)
        n = high - low
        part = slice(low, high)
        kind = rng.random(n)
        years = np.where(
            kind < 0.56,
            20 + rng.gamma(2.6, 2.7, n) - 2.0,
            np.where(kind < 0.90, rng.normal(50, 6.5, n), rng.uniform(18, 75, n)),
        )
        age[part] = np.clip(np.rint(years), 16, 99)
        age_known[part] = rng.random(n) >= 0.0116
        subscribed = rng.random(n)
        active[part] = subscribed < 0.338
        fn[part] = (subscribed < 0.338) | (rng.random(n) < 0.018)
        club[part] = np.searchsorted([0.0044, 0.9318, 0.9996], rng.random(n), side="right") - 1
        news[part] = np.where(subscribed < 0.352, 1, 0)
        news[part][rng.random(n) < 0.0006] = 2
        news[part][rng.random(n) < 0.0117] = -1
        # Weibull with shape 0.65 has H&M's quartiles: 3, 9 and 26 rows, and its sd
        size[part] = rng.standard_exponential(n) ** (1 / 0.65)
        size[part][rng.random(n) < 0.0071] = 0
    return Customers(seed, age, age_known, active, fn, club, news, _rows(size, purchases))


def _rows(size: npt.NDArray[np.float32], purchases: int) -> npt.NDArray[np.int32]:
    """Scale sizes to whole numbers that sum to `purchases`, at least 1 where there is a size."""
    buyers = np.flatnonzero(size > 0)
    rows = np.zeros(len(size), dtype=np.int32)
    if purchases <= len(buyers) or not len(buyers):
        # fewer purchases than buyers: those of the largest size buy once, the rest never
        chosen = buyers[np.argsort(-size[buyers], kind="stable")[:purchases]]
        rows[chosen] = 1
        return rows
    wanted = purchases - len(buyers)
    low, high = 0.0, 4.0 * wanted / float(size.sum(dtype=np.float64)) + 4.0
    while True:
        middle = (low + high) / 2
        # float32 cannot count beyond 2 ** 24
        total = int(np.floor(size * middle).sum(dtype=np.float64))
        if total == wanted or middle in (low, high):
            break
        low, high = (middle, high) if total < wanted else (low, middle)
    rows[buyers] = 1 + np.floor(size[buyers] * middle).astype(np.int32)
    short = wanted - total  # not zero only where several customers step up at once
    if short:
        largest = buyers[np.argsort(-rows[buyers], kind="stable")[: abs(short)]]
        rows[largest] += 1 if short > 0 else -1
    return rows


def hex_ids(seed: int, numbers: npt.NDArray[np.integer], total: int) -> pa.Array:
    """Return ids of 64 hexadecimal digits, ascending with the customers' numbers.

    The first 16 digits are the number's share of all 64-bit values plus noise below it,
    the rest a hash, so that ids look like H&M's, never repeat, and need no sorting.

    Parameters
    ----------
    seed : int
    numbers : int64 (n,)
    total : int
        Customers in all.
    """
    number = numbers.astype(np.uint64)
    step = np.uint64((1 << 64) // max(1, total + 1))
    words = np.empty((len(number), 4), dtype=">u8")
    words[:, 0] = number * step + mix(number, seed * 8 + 1) % step
    for at in range(1, 4):
        words[:, at] = mix(number ^ np.uint64(seed & 0xFFFFFFFF), seed * 8 + 1 + at)
    return _hex(words.view(np.uint8))


def _postal(seed: int, numbers: npt.NDArray[np.uint64], total: int) -> pa.Array:
    """Return postal codes as hashes; about four customers share one, and a few have none told."""
    area = mix(numbers, seed * 8 + 6)
    codes = max(1, total // 4)
    place = area % np.uint64(codes)
    # H&M's commonest postal code, 8.8 % of the customers, stands for "not told"
    place = np.where(area >> np.uint64(54) < 90, np.uint64(codes), place)
    words = np.empty((len(place), 4), dtype=">u8")
    for at in range(4):
        words[:, at] = mix(place, seed * 8 + 7 + 16 * at)
    return _hex(words.view(np.uint8))


_DIGITS = np.array([f"{one:02x}".encode() for one in range(256)], dtype="S2").view(np.uint16)


def _hex(raw: npt.NDArray[np.uint8]) -> pa.Array:
    """Write rows of 32 bytes as strings of 64 hexadecimal digits, without a Python object each."""
    n, width = raw.shape
    text = _DIGITS[raw]
    offsets = np.arange(n + 1, dtype=np.int32) * np.int32(2 * width)
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(text))


def _flag(values: npt.NDArray[np.int8]) -> pa.Array:
    # the file has 1.0 or nothing
    return pa.array(np.ones(len(values)), mask=values == 0, type=pa.float64())


def _words(words: list[str], places: npt.NDArray[np.int8]) -> pa.Array:
    indices = pa.array(places.astype(np.int32), mask=places < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(words)).cast(pa.string())
