"""One finished run of a small simulated shop, for the tests that ask its graph."""

from __future__ import annotations

from pathlib import Path

import pytest

import hemline


@pytest.fixture(scope="session")
def simulated_run(
    simulated_shop: Path, tmp_path_factory: pytest.TempPathFactory
) -> hemline.Recommender:
    """The simulated shop with vectors, neighbours and recommendations; graphs may be added."""
    return hemline.run(
        simulated_shop,
        tmp_path_factory.mktemp("graphs") / "run",
        recipe="cascade",
        settings={
            "photos.embedder": "descriptor",
            "als.factors": 8,
            "als.iterations": 3,
            "als.min_customer": 2,
            "als.min_article": 2,
            "evaluate.folds": 0,
        },
    )
