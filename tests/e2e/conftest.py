"""One finished run of a small simulated shop, for all end-to-end tests."""

from __future__ import annotations

from pathlib import Path

import pytest

import hemline

SETTINGS = {
    "recipe": "cascade",  # the quickest with all that a run may hold; the default has its own file
    "photos.embedder": "descriptor",
    "als.factors": 8,
    "als.iterations": 3,
    "als.min_customer": 2,
    "als.min_article": 2,
}


@pytest.fixture(scope="session")
def finished(simulated_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> hemline.Recommender:
    """The simulated shop, run whole. Not to be written to."""
    return hemline.run(simulated_shop, tmp_path_factory.mktemp("e2e") / "run", settings=SETTINGS)
