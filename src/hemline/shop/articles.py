"""The product table."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from hemline import schema
from hemline.shop.checks import as_text


def typed_articles(raw: ibis.Table) -> dict[str, ir.Value]:
    """Return the columns of schema.ARTICLES that a shop's table has, as text."""
    return {name: as_text(raw[name], name) for name in schema.ARTICLES.names if name in raw.columns}


def article_rows(kept: ibis.Table) -> ibis.Table:
    """Return the product table, schema.ARTICLES, by ascending id."""
    nothing = ibis.null("string")
    columns = {
        name: kept[name] if name in kept.columns else nothing for name in schema.ARTICLES.names
    }
    return kept.select(**columns).order_by("article_id")
