"""The split at a cutoff as Ibis expressions, for purchases that are a table of an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemline.shop.splits import Fold

if TYPE_CHECKING:
    import ibis.expr.types as ir


def split_expression(purchases: ir.Table, fold: Fold) -> tuple[ir.Table, ir.Table]:
    """Part purchases at a cutoff: those before it, and the distinct pairs of [cutoff, end).

    The same rule as `hemline.shop.splits.split`.

    Parameters
    ----------
    purchases : Ibis table of schema.PURCHASES

    Returns
    -------
    Ibis table, Ibis table
        What is learned from, with all columns; `customer` and `article` of what is judged by.
    """
    train = purchases.filter(purchases.time < fold.cutoff)
    test = purchases.filter((purchases.time >= fold.cutoff) & (purchases.time < fold.end))
    return train, test.select("customer", "article").distinct()


def folds_span_expression(purchases: ir.Table) -> ir.Table:
    """Return one row, `first` and `last`: the times of the earliest and latest purchase."""
    return purchases.aggregate(first=purchases.time.min(), last=purchases.time.max())
