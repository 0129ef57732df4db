"""The default recipe from files to lists, as a person would run it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.e2e.test_run import cli

import hemline
from hemline.config import Config

SETTINGS = {
    "photos.embedder": "descriptor",
    "als.factors": 8,
    "als.iterations": 3,
    "ranker.trees": 20,
    "ranker.windows": 3,
    "ranker.most_windows": 3,
    "ranker.min_customers": 30,
    "ranker.enough_customers": 60,
    "evaluate.folds": 0,
}


@pytest.fixture(scope="module")
def ranked(simulated_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> hemline.Recommender:
    return hemline.run(
        simulated_shop, tmp_path_factory.mktemp("two-stage") / "run", settings=SETTINGS
    )


def test_it_is_the_default_and_has_a_ranker(ranked: hemline.Recommender) -> None:
    assert Config().recipe == ranked.bundle.recipe.name == "two-stage"
    assert ranked.bundle.recipe.simple is None, ranked.bundle.summary["lines"]
    folder = ranked.run.folder("train") / "recipe"
    assert (folder / "ranker" / "model.txt").read_text().startswith("tree\n")
    assert any("customers with a hit" in one for one in ranked.run.record("train").summary["lines"])


def test_batch_customer_and_basket_agree(ranked: hemline.Recommender) -> None:
    frame = ranked.recommendations().to_pandas()
    groups = frame.groupby("customer_id", observed=True)
    assert (groups.article_id.nunique() == 12).all()
    assert len(groups) == len(ranked.tables.customer_ids)
    for place in np.linspace(0, len(ranked.tables.customer_ids) - 1, 7).astype(int):
        customer = ranked.tables.customer_ids.id(int(place))
        alone, batch = ranked.recommend(customer), frame[frame.customer_id == customer]
        assert [one.article_id for one in alone] == batch.article_id.tolist()
        assert [one.channel for one in alone] == batch.channel.tolist()
        assert [one.score for one in alone] == batch.score.tolist()
    assert len(ranked.recommend(basket=[], k=5)) == 5
    article = ranked.tables.article_ids.id(3)
    basket = ranked.recommend(basket=[article], age=30, k=20)
    assert len({one.article_id for one in basket}) == 20


def test_an_explanation_names_the_channels(ranked: hemline.Recommender) -> None:
    customer = ranked.tables.customer_ids.id(5)
    first = ranked.recommend(customer)[0]
    found = ranked.explain(first.article_id, customer=customer)
    proposed = [one for one in found.reasons if one.kind == "proposed"]
    assert proposed[0].numbers["channel"] == first.channel
    assert f"by the channel {first.channel}" in found.sentences[0]


def test_the_commands(ranked: hemline.Recommender, tmp_path: Path) -> None:
    listed = json.loads(cli("recipes", "--json").stdout)
    assert {one["recipe"] for one in listed if one["default"]} == {"two-stage"}
    assert "two-stage (default)" in cli("recipes").stdout
    text = cli("recipes", "two-stage").stdout
    mine = tmp_path / "mine.toml"
    mine.write_text(text)
    assert Config.of({"recipe": str(mine)}) == Config()
    assert "no recipe 'none'" in cli("recipes", "none", status=2).stderr
    found = json.loads(cli("importance", ranked.run.path, "--json").stdout)
    gains = [one["gain"] for one in found["features"]]
    assert gains == sorted(gains, reverse=True)
    assert sum(gains) == pytest.approx(1)
    assert all(one["meaning"] and one["family"] for one in found["features"])
    shown = cli("importance", ranked.run.path, "--top", "3").stdout
    assert found["features"][0]["feature"] in shown
    assert found["features"][5]["feature"] not in shown


def test_another_size_of_a_channel_is_another_training(
    ranked: hemline.Recommender, simulated_shop: Path
) -> None:
    from hemline.pipeline.stages import PIPELINE

    settings = PIPELINE["train"].settings
    base = ranked.config
    for change in (
        {"channels.popular.n": 7},
        {"ranker.trees": 21},
        {"features.decay": 0.4},
        {"als.factors": 9},
        {"seed": 3},
    ):
        assert settings(base.replaced(change)) != settings(base)
    for change in ({"threads": 5}, {"k": 3}, {"evaluate.folds": 2}, {"photos.batch": 3}):
        assert settings(base.replaced(change)) == settings(base)
    rules = base.replaced({"recipe": "rules"})
    assert settings(rules.replaced({"channels.popular.n": 7})) == settings(rules)
    assert settings(rules.replaced({"channels.repurchase.n": 7})) != settings(rules)
