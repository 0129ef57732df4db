"""Where a shop's data breaks its own hierarchy: every edge is kept, and counted here."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hemline.graph.model import GraphModel
from hemline.schema import HIERARCHY

_EXAMPLES = 3


def irregularities(articles: pa.Table, model: GraphModel) -> list[dict[str, Any]]:
    """Count the values that lie within several parents, and names and numbers that are not one.

    Parameters
    ----------
    articles : Table
        schema.ARTICLES.

    Returns
    -------
    list of dict
        ``what``, ``count`` of it, ``of`` how many, and up to three ``examples``, each a text.
        What does not occur is there with a count of 0.
    """
    found = []
    for child, parent in HIERARCHY:
        if all(articles.column(one).null_count < articles.num_rows for one in (child, parent)):
            what = f"{child} in more than one {parent}"
            found.append(_several(articles, child, parent, what))
    for label in model.labels:
        if label.table != "articles" or label.key.column == "article_id" or not label.properties:
            continue
        key, name = label.key.column, label.properties[0].column
        found.append(_several(articles, name, key, f"{name} shared by more than one {key}"))
        found.append(_several(articles, key, name, f"{key} with more than one {name}"))
    return found


def _several(articles: pa.Table, one: str, other: str, what: str) -> dict[str, Any]:
    pairs = pa.table({"one": articles.column(one), "other": articles.column(other)}).drop_null()
    pairs = pairs.group_by(["one", "other"]).aggregate([])
    counted = pairs.group_by("one").aggregate(
        [("other", "count"), ("other", "min"), ("other", "max")]
    )
    several = counted.filter(pc.greater(counted.column("other_count"), 1)).sort_by("one")
    examples = [
        f"{row['one']}: {row['other_min']}, {row['other_max']}"
        + (f" and {row['other_count'] - 2} more" if row["other_count"] > 2 else "")
        for row in several.slice(0, _EXAMPLES).to_pylist()
    ]
    return {
        "what": what,
        "count": several.num_rows,
        "of": counted.num_rows,
        "examples": examples,
    }
