"""Whatever the recipe, what is said for an article can be found in the graph."""

from __future__ import annotations

from pathlib import Path

import hemline
from hemline.graph.stores import open_store
from hemline.pipeline.graph import run_graph_tables
from hemline.recommend.explanation_checks import differences


def test_the_default_recipe_is_explained(finished: hemline.Recommender, tmp_path: Path) -> None:
    tables = run_graph_tables(finished.run, tmp_path / "tables", embeddings=False)
    kinds = set()
    with open_store(tmp_path / "graph", read_only=False) as graph:
        graph.load(tables)
        for at in range(0, len(finished.tables.customer_ids), 90):
            customer = finished.tables.customer_ids.id(at)
            for one in finished.recommend(customer):
                found = finished.explain(one.article_id, customer=customer)
                kinds |= {reason.kind for reason in found.reasons}
                place = found.of_kind("recommended")[0].numbers
                assert (place["rank"], place["channel"]) == (one.rank, one.channel)
                assert differences(found, graph.rows) == []
    assert {"recommended", "attribute", "similar", "together", "popular"} <= kinds
