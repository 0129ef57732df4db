"""What is known of each article as of a moment: sales, trend, price, who buys it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hemline.models.base import Float32, Int32
from hemline.recommend.features import articles_kernel as columns
from hemline.shop.histories import Histories

DRAWN_TO_ALL = 10
"""Buyers like those of the whole shop that are added to each article's before shares are taken."""


@dataclass(frozen=True)
class ArticleFacts:
    """Features of the articles by themselves.

    Attributes
    ----------
    values : float32 (n_articles, 18)
        The families "sales" and "article" as declared, without the last two of them.
    sold : int64 (n_articles, 2)
        Seconds: the first and the last sale, the smallest int64 for none.
    """

    values: Float32
    sold: npt.NDArray[np.int64]

    @classmethod
    def of(cls, train: Histories, codes: dict[str, Int32], as_of: int | None) -> ArticleFacts:
        """Count the purchases of `train`, none of which is at or after `as_of` (seconds).

        Parameters
        ----------
        train : Histories
        codes : dict of int32 (n_articles,)
            Of `product_code`, `product_type_no` and `department_no`, -1 where there is none;
            any of them may be missing.
        as_of : int or None
            None for undated data.
        """
        n = train.n_articles
        none = np.full(n, -1, np.int32)
        product, type_, department = (
            codes.get(one, none) for one in ("product_code", "product_type_no", "department_no")
        )
        after = n + int(product.max(initial=-1)) + 1
        kinds = np.stack([product, np.where(type_ >= 0, type_ + (after - n), -1)], axis=1)
        sums = np.zeros((n, columns.N_SUMS))
        sold = np.full((n, 2), columns.NEVER, np.int64)
        buyers = np.zeros((after + int(type_.max(initial=-1)) + 1, 2))
        columns.count_articles(
            (
                np.ascontiguousarray(train.start), np.ascontiguousarray(train.stop),
                train.article, train.time, train.price, train.channel,
                np.ascontiguousarray(train.age),
            ),
            np.ascontiguousarray(kinds, np.int32), as_of or 0, as_of is not None, sums, sold,
            buyers,
        )  # fmt: skip
        with np.errstate(divide="ignore", invalid="ignore"):
            rebuys = [
                _rebuys(buyers[:n]),
                _at_code(_rebuys(buyers[n:after]), product),
                _at_code(_rebuys(buyers[after:]), type_),
            ]
            values = _facts(sums.T, rebuys, product, department)
        return cls(np.ascontiguousarray(values.T, np.float32), sold)

    def save(self, folder: Path) -> None:
        """Write two .npy files."""
        np.save(folder / "facts.npy", self.values, allow_pickle=False)
        np.save(folder / "sold.npy", self.sold, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> ArticleFacts:
        """Map what `save` wrote into memory."""
        values, sold = (
            np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in ("facts", "sold")
        )
        return cls(values, sold)


def _facts(
    sums: npt.NDArray[np.float64],
    rebuys: list[npt.NDArray[np.float64]],
    product: Int32,
    department: Int32,
) -> npt.NDArray[np.float64]:
    week = sums[columns.WEEK]
    mean_age = sums[columns.AGE_SUM] / sums[columns.AGES]
    variance = sums[columns.AGE_SQUARES] / sums[columns.AGES] - mean_age**2
    price = sums[columns.PRICE_SUM] / sums[columns.PRICES]
    return np.stack(
        [
            *(
                _of_a_million(sums[one])
                for one in (columns.ALL, columns.LAST_DAY, columns.WEEK, columns.MONTH)
            ),
            (week / 7) / (sums[columns.MONTH] / 30),
            sums[columns.LAST_DAY] / (week / 7),
            (week + 1) / (sums[columns.WEEK_BEFORE] + 1),
            _of_a_million(week, product),
            week / _by_code(week, department),
            week / _by_code(week, product),
            *rebuys,
            mean_age,
            np.where(sums[columns.AGES] > 1, np.sqrt(np.maximum(variance, 0)), np.nan),
            price,
            price / sums[columns.PRICE_HIGHEST],
            sums[columns.CHANNEL_SUM] / sums[columns.CHANNELS],
        ]
    )


def _of_a_million(
    count: npt.NDArray[np.float64], code: Int32 | None = None
) -> npt.NDArray[np.float64]:
    """Return counts, of all articles of a code when it is given, in a million of all counts."""
    total = max(count.sum(), 1.0)
    found: npt.NDArray[np.float64] = (count if code is None else _by_code(count, code)) * (
        1e6 / total
    )
    return found


def _by_code(count: npt.NDArray[np.float64], code: Int32) -> npt.NDArray[np.float64]:
    """Return for each article the sum over the articles of its code; NaN where it has none."""
    held = code >= 0
    sums = np.bincount(code[held], count[held]).astype(np.float64)
    return _at_code(sums, code)


def _at_code(value: npt.NDArray[np.float64], code: Int32) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = np.append(value, np.nan)[np.where(code >= 0, code, -1)]
    return found


def _rebuys(buyers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the share of those who came again, over that of all; (n, 2) gives (n,)."""
    overall = buyers[:, 1].sum() / buyers[:, 0].sum()
    drawn = (buyers[:, 1] + DRAWN_TO_ALL * overall) / (buyers[:, 0] + DRAWN_TO_ALL)
    found: npt.NDArray[np.float64] = drawn / overall
    return found
