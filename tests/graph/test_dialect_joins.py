"""The embedded engine finds every path, also over edges that stand side by side."""

from __future__ import annotations

import numpy as np

import hemline
from hemline.pipeline.graph import build_graph, open_graph


def test_no_row_is_lost_where_a_product_was_bought_twice(
    simulated_run: hemline.Recommender,
) -> None:
    """The engine alone loses rows here: of this shop for every fourth customer."""
    build_graph(simulated_run.run)
    histories = simulated_run.tables.histories
    bought = histories.matrix(np.ones(histories.n_purchases, np.float32))
    paths = bought @ (bought.T @ bought.sum(axis=1))
    texts = [
        "MATCH (c:Customer {id: $id})-[:PURCHASED]->(:Product)<-[:PURCHASED]-(:Customer)"
        "-[:PURCHASED]->(:Product) RETURN count(*) AS n",
        "MATCH (c:Customer {id: $id})-[:PURCHASED]->(p:Product) "
        "MATCH (p)<-[:PURCHASED]-(o:Customer) MATCH (o)-[:PURCHASED]->(:Product) "
        "RETURN count(*) AS n",
    ]
    with open_graph(simulated_run.run) as graph:
        for text in texts:
            for at in range(len(histories)):
                found = graph.rows(text, {"id": simulated_run.tables.customer_ids.id(at)})
                assert found == [{"n": int(paths[at, 0])}], at
