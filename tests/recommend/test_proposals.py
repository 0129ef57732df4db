from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.recommend.test_two_stage import RANKER

from hemline.errors import CutoffError
from hemline.recommend.bundle import Bundle
from hemline.recommend.proposals import proposals


@pytest.mark.parametrize("recipe", ["two-stage", "rules"])
def test_every_place_has_the_channels_that_proposed_it(
    recipe: str, train: Callable[..., Bundle], shop: Any
) -> None:
    bundle = train(recipe=recipe, ranker=RANKER)
    channels = getattr(bundle.recipe, "stages", bundle.recipe).channels
    names = bundle.recipe.channel_names
    for row in np.flatnonzero(shop.histories.lengths)[:12]:
        history = shop.histories.block(row, row + 1)
        found = bundle.recommend(history, 12, as_of=shop.as_of)
        for article, channel in zip(found.articles[0], found.channels[0], strict=True):
            said = proposals(bundle, history, int(article), shop.as_of)
            if said:
                assert said[0].channel == names[channel]
            for one in said:
                own = channels.propose(one.channel, history, as_of=shop.as_of)
                assert own.articles[0, one.rank - 1] == article
                assert (own.articles[0] >= 0).sum() == one.of
                assert one.score == pytest.approx(float(own.scores[0, one.rank - 1]))


def test_without_channels_or_purchases_there_are_none(
    train: Callable[..., Bundle], cascade: Bundle, shop: Any
) -> None:
    history = shop.histories.block(0, 1)
    article = int(cascade.recommend(history, 1, as_of=shop.as_of).articles[0, 0])
    assert proposals(cascade, history, article, shop.as_of) == ()
    bundle = train(recipe="rules")
    cold = shop.histories.block(299, 300)
    article = int(bundle.recommend(cold, 1, as_of=shop.as_of).articles[0, 0])
    assert proposals(bundle, cold, article, shop.as_of) == ()
    with pytest.raises(CutoffError):
        proposals(bundle, history, article, shop.as_of - 1)
