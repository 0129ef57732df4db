"""Features on real purchases: what comes later changes nothing, and everything is known of some."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from hemline.blocks import silent
from hemline.config import ATTRIBUTES, Config
from hemline.recommend.candidates import Candidates
from hemline.recommend.features import Features
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop
from hemline.shop.splits import Fold
from hemline.shop.tables import Catalogue, Tables

AS_OF = Fold.at(dt.date(2020, 6, 1), 7).cutoff
CUSTOMERS = 200


@pytest.mark.real_data
def test_later_purchases_change_nothing(real_data: Path, tmp_path: Path) -> None:
    config = Config.of({"threads": 1})
    ingest(Shop.from_folder(real_data / "hm-sample", config.ingest), config, tmp_path, silent)
    tables = Tables.open(tmp_path)
    catalogue = Catalogue.of(tables.articles, ATTRIBUTES)
    whole = tables.histories
    cut = whole.before(AS_OF).compact()
    assert cut.n_purchases < 0.9 * whole.n_purchases
    rng = np.random.default_rng(1)
    sold = np.unique(cut.article)
    rows = [
        np.unique(
            np.concatenate(
                [whole.article[whole.start[i] : whole.stop[i]][-30:], rng.choice(sold, 60)]
            )
        )
        for i in range(CUSTOMERS)
    ]
    bounds = np.concatenate([[0], np.cumsum([len(one) for one in rows])])
    article = np.concatenate(rows).astype(np.int32)
    rank = rng.integers(0, 3, (len(article), 1)).astype(np.int16)
    score = rng.random((len(article), 1)).astype(np.float32)
    candidates = Candidates(bounds, article, rank, score, ("some",))
    found = []
    for histories in (whole, cut):
        features = Features(config, ("some",)).fit(histories, catalogue, as_of=AS_OF)
        assert not any(one.family == "visual" for one in features.declared)
        part = histories.block(0, CUSTOMERS)
        found.append(features.compute(part, candidates, as_of=AS_OF))
    assert found[0].tobytes() == found[1].tobytes()
    for at, one in enumerate(features.declared):
        known = found[0][:, at][~np.isnan(found[0][:, at])]
        assert len(np.unique(known)) > 1, f"{one.name} says the same of every candidate"
