"""Which channels proposed an article to a customer, and at which rank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hemline.recommend.base import check_as_of
from hemline.recommend.bundle import Bundle
from hemline.recommend.channels import Channels
from hemline.shop.histories import Histories


@dataclass(frozen=True)
class Proposal:
    """One channel's word for an article.

    Attributes
    ----------
    channel, model : str
    rank, of : int
        Its place among what the channel proposes to this customer, 1 is first.
    score : float or None
        The channel's own; None where it has none.
    """

    channel: str
    model: str
    rank: int
    of: int
    score: float | None


def proposals(
    bundle: Bundle, history: Histories, article: int, as_of: int | None
) -> tuple[Proposal, ...]:
    """Return the channels that propose `article` to the customer, in the order of the settings.

    None for a recipe without channels, or when popularity filled the place.

    Parameters
    ----------
    bundle : Bundle
    history : Histories of one customer
    article : int
    as_of : int or None
        Seconds. Purchases at or after it are not seen. None only for undated data.

    Raises
    ------
    CutoffError
        As `Bundle.recommend`.
    """
    check_as_of(bundle.recipe, as_of)
    channels = channels_of(bundle)
    history = history.before(as_of)
    if channels is None or not int(history.lengths[0]):
        return ()
    found = channels.gather(history, as_of=as_of)
    places = np.flatnonzero(found.article == article)
    return tuple(
        Proposal(
            name,
            channels.settings[name].model_name,
            int(found.rank[place, at]),
            int((found.rank[:, at] > 0).sum()),
            None if np.isnan(found.score[place, at]) else float(found.score[place, at]),
        )
        for place in places
        for at, name in enumerate(found.channels)
        if found.rank[place, at] > 0
    )


def channels_of(bundle: Bundle) -> Channels | None:
    """Return the fitted channels of a bundle's recipe, or of the one that stands in for it."""
    recipe = getattr(bundle.recipe, "simple", None) or bundle.recipe
    stages = getattr(recipe, "stages", recipe)
    found = getattr(stages, "channels", None)
    return found if isinstance(found, Channels) else None
