from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hemline.errors import ConfigError
from hemline.recommend.bundle import Bundle

OFF = {"enabled": False}


def test_channels_fill_the_row_in_their_order(train: Callable[..., Bundle], shop: Any) -> None:
    order = ("also-bought", "repurchase", "popular-at-age")
    bundle = train(recipe="rules", rules={"channels": order})
    found = bundle.recommend(shop.histories, 12, as_of=shop.as_of)
    channels = bundle.recipe.channels
    assert channels.names == order
    parts = [channels.propose(one, shop.histories, as_of=shop.as_of) for one in order]
    for i in range(0, 300, 7):
        expected: list[tuple[int, float, str]] = []
        for name, part in zip(order, parts, strict=True):
            for article, score in zip(part.articles[i], part.scores[i], strict=True):
                if article >= 0 and article not in {one[0] for one in expected}:
                    expected.append((int(article), float(score), name))
        for place, (article, score, name) in enumerate(expected[:12]):
            assert found.articles[i, place] == article
            assert found.scores[i, place] == np.float32(score)
            assert bundle.recipe.channel_names[found.channels[i, place]] == name


def test_popularity_fills_what_the_channels_leave(train: Callable[..., Bundle], shop: Any) -> None:
    bundle = train(recipe="rules", rules={"channels": ["repurchase"]})
    assert bundle.recipe.channel_names == ("repurchase", "popular-at-age", "popular")
    found = bundle.recommend(shop.histories, 12, as_of=shop.as_of)
    expected = train(recipe="repurchase", popular={"by_age": True})
    same = expected.recommend(shop.histories, 12, as_of=shop.as_of)
    assert np.array_equal(found.articles, same.articles)
    whole = bundle.recommend(shop.histories.block(0, 5), 200, as_of=shop.as_of).articles
    assert (np.sort(whole[:, :90], axis=1) == np.arange(90)).all()


def test_an_unknown_channel(train: Callable[..., Bundle]) -> None:
    with pytest.raises(ConfigError, match=r"rules\.channels: no channel 'bought'"):
        train(recipe="rules", rules={"channels": ["bought"]})
    with pytest.raises(ConfigError, match="no channel is enabled"):
        train(recipe="rules", rules={"channels": ["popular"]}, channels={"popular": OFF})


def test_a_channel_that_is_off_is_passed_over(train: Callable[..., Bundle]) -> None:
    assert train(recipe="rules", channels={"repurchase": OFF}).recipe.channels.names == (
        "also-bought", "popular-at-age",
    )  # fmt: skip
    names = ("repurchase", "also-bought", "popular-at-age")
    ranked = train(recipe="two-stage", channels=dict.fromkeys(names, OFF))
    assert "rules" not in ranked.summary["judged"]
