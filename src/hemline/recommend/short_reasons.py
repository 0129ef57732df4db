"""One reason for each article of a list, in a word and at once: for pages, not for proofs.

`explanation` says everything that speaks for one article, with numbers that can be checked;
here is the one thing that a customer would see first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hemline.recommend.bundle import Bundle
from hemline.shop.histories import Histories

Rows = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class ShortReason:
    """Why, and by which purchase.

    Attributes
    ----------
    kind : str
        "bought", "product" (another article of a product bought), "similar", "together",
        "age", "popular" or "learned" (nothing that can be said in a word).
    purchased : int or None
        Position of the article bought that leads there.
    time : int or None
        Seconds: when it was bought last.
    """

    kind: str
    purchased: int | None = None
    time: int | None = None


def short_reasons(
    bundle: Bundle, history: Histories, articles: list[int], channels: list[str]
) -> list[ShortReason]:
    """Return a reason for each recommended article of one customer.

    Parameters
    ----------
    bundle : Bundle
        The one that recommended.
    history : Histories of one customer
        What was known then.
    articles : list of int
        Positions.
    channels : list of str
        The channel by which each came.
    """
    places = history.rows()
    bought = history.article[places]
    last = dict(zip(bought.tolist(), history.time[places].tolist(), strict=True))  # sorted by time
    purchased = list(last)
    teller = _Teller(bundle, last, purchased)
    return [teller.reason(one, channel) for one, channel in zip(articles, channels, strict=True)]


def together_rows(bundle: Bundle) -> Rows | None:
    """Return what is bought together with each article, the most first; None without counts.

    Returns
    -------
    indptr : int64 (n_articles + 1,)
    article : int32 (m,)
    value : float32 (m,)
    """
    recipe: Any = bundle.recipe
    recipe = getattr(recipe, "simple", None) or recipe
    counted = getattr(recipe, "also_bought", None)
    if counted is not None:
        return counted.indptr_, counted.article_, counted.count_
    channels = getattr(recipe, "channels", None) or getattr(
        getattr(recipe, "stages", None), "channels", None
    )
    for name in ("also-bought", "same-day"):
        model = channels.models.get(name) if channels is not None else None
        if model is not None and hasattr(model, "indptr_"):
            values = getattr(model, "value_", None)
            return model.indptr_, model.article_, model.count_ if values is None else values
    return None


class _Teller:
    def __init__(self, bundle: Bundle, last: dict[int, int], purchased: list[int]) -> None:
        self.last = last
        self.purchased = np.array(purchased, np.int64)
        self.codes = bundle.catalogue.codes.get("product_code")
        catalogue = bundle.catalogue
        self.similar = np.asarray(catalogue.similar)[self.purchased] if purchased else None
        self.similarity = np.asarray(catalogue.similarity)[self.purchased] if purchased else None
        self.together = together_rows(bundle)

    def reason(self, article: int, channel: str) -> ShortReason:
        if article in self.last:
            return self._by("bought", article)
        ways = [self._product, self._alike, self._together]
        if channel.startswith(("also", "same-day")):
            ways = [self._together, self._product, self._alike]
        elif channel.startswith("similar"):
            ways = [self._alike, self._product, self._together]
        elif channel.startswith("popular") or channel in ("trending", "new-arrivals"):
            # the nearest thing to the customer is worth more than that everyone buys it
            ways = [self._product]
        if len(self.purchased):
            for way in ways:
                found = way(article)
                if found is not None:
                    return found
        if channel.startswith("popular-at-age"):
            return ShortReason("age")
        if channel.startswith("popular") or channel in ("trending", "new-arrivals"):
            return ShortReason("popular")
        return ShortReason("learned")

    def _by(self, kind: str, purchased: int) -> ShortReason:
        return ShortReason(kind, purchased, self.last[purchased])

    def _product(self, article: int) -> ShortReason | None:
        if self.codes is None or self.codes[article] < 0:
            return None
        same = self.purchased[self.codes[self.purchased] == self.codes[article]]
        return self._by("product", int(same[-1])) if len(same) else None

    def _alike(self, article: int) -> ShortReason | None:
        if self.similar is None or self.similarity is None or not self.similar.shape[1]:
            return None
        found = np.where(self.similar == article, self.similarity, -np.inf).max(axis=1)
        best = int(found.argmax())
        return self._by("similar", int(self.purchased[best])) if np.isfinite(found[best]) else None

    def _together(self, article: int) -> ShortReason | None:
        if self.together is None:
            return None
        indptr, other, value = self.together
        best, most = -1, 0.0
        for one in self.purchased.tolist():
            row = slice(int(indptr[one]), int(indptr[one + 1]))
            at = np.flatnonzero(other[row] == article)
            if len(at) and value[row][at[0]] > most:
                best, most = one, float(value[row][at[0]])
        return self._by("together", best) if best >= 0 else None
