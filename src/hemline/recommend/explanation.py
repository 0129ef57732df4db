"""An explanation that a reader can check: paths, sentences, numbers and where each comes from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hemline.models.popular import Popular
from hemline.recommend.bundle import Bundle
from hemline.recommend.evidence import (
    TOGETHER,
    BoughtTogether,
    Evidence,
    Popularity,
    SimilarTo,
    fitted_model,
)
from hemline.recommend.proposals import Proposal
from hemline.shop.histories import SECONDS_PER_DAY

ATTRIBUTES: Final = {
    "department_no": ("department", "explain-department"),
    "index_code": ("index", "explain-index"),
    "product_type_no": ("product type", "explain-type"),
    "colour_group_code": ("colour", "explain-colour"),
    "garment_group_no": ("garment group", "explain-garment-group"),
    "graphical_appearance_no": ("appearance", "explain-appearance"),
    "perceived_colour_value_id": ("colour value", "explain-colour-value"),
    "perceived_colour_master_id": ("master colour", "explain-master-colour"),
    "product_code": ("product, in any colour,", "explain-product-code"),
}
"""Column of the product table -> what it is called, and the query that counts it.

The others (the section, say) hang from something else than the product in the graph, where
the data may break the hierarchy: what is said of them has no query.
"""


@dataclass(frozen=True)
class Thing:
    """An article or a customer: the shop's id, and what the shop calls it."""

    id: str
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.name else self.id


@dataclass(frozen=True)
class Check:
    """A query that comes with Hemline, its parameters, and the number that it should give."""

    query: str
    parameters: dict[str, Any]
    expected: dict[str, Any]
    """Column -> value, in the row that speaks of this."""
    where: dict[str, Any] = field(default_factory=dict)
    """Which row of the answer that is, where there may be several."""


@dataclass(frozen=True)
class Reason:
    """One thing that speaks for an article.

    Attributes
    ----------
    kind : str
        "recommended", "proposed", "bought", "similar", "attribute", "together", "age" or "popular".
    sentence : str
    numbers : dict
        What the sentence says, as plain values.
    check : Check or None
        How to find the same in the graph.
    purchased : Thing or None
        The purchase that the path goes through.
    """

    kind: str
    sentence: str
    numbers: dict[str, Any]
    check: Check | None = None
    purchased: Thing | None = None


@dataclass(frozen=True)
class Explanation:
    """Why an article, for a customer or a basket, as of a moment."""

    customer: Thing | None
    article: Thing
    as_of: dt.datetime | None
    reasons: tuple[Reason, ...]

    @property
    def sentences(self) -> list[str]:
        """What is said, a sentence for each reason."""
        return [one.sentence for one in self.reasons]

    def of_kind(self, kind: str) -> list[Reason]:
        """Return the reasons of one kind."""
        return [one for one in self.reasons if one.kind == kind]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "customer_id": self.customer.id if self.customer else None,
            "article_id": self.article.id,
            "name": self.article.name,
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "reasons": [
                {
                    "kind": one.kind,
                    "sentence": one.sentence,
                    **({"purchased": one.purchased.id} if one.purchased else {}),
                    **{
                        name: str(value) if isinstance(value, dt.date) else value
                        for name, value in one.numbers.items()
                    },
                    "query": one.check.query if one.check else None,
                }
                for one in self.reasons
            ],
        }


@dataclass(frozen=True)
class Names:
    """How the shop calls things: positions to ids and names."""

    article: Callable[[int], Thing]
    attribute: Callable[[str, int], tuple[str | None, str | None]]
    """(column of the product table, article) -> the code it has there, and its name."""


@dataclass(frozen=True)
class Place:
    """Where an article stands among those recommended."""

    rank: int
    of: int
    score: float
    channel: str


def explain(
    why: Evidence,
    bundle: Bundle,
    names: Names,
    *,
    customer: Thing | None,
    as_of: int | None,
    place: Place | None,
    k: int,
    proposed: Sequence[Proposal] = (),
) -> Explanation:
    """Say what the evidence says, in the order of how close it is to the customer.

    Parameters
    ----------
    why : Evidence
    bundle : Bundle
        The one that gave it.
    names : Names
    customer : Thing or None
        None for a basket: what can be checked is then less.
    as_of : int or None
        Seconds.
    place : Place or None
        None when the article is not among the k.
    proposed : sequence of Proposal
        The channels that propose it.
    """
    writer = _Writer(why, bundle, names, customer, as_of)
    reasons = [
        writer.place(place, k),
        *(writer.proposed(one) for one in proposed),
        *writer.bought(),
        *(writer.similar(one) for one in why.similar),
        *(writer.attribute(column) for column in writer.attributes()),
        *(writer.together(one) for one in why.also_bought[:TOGETHER]),
        *writer.more(why.also_bought),
        *(writer.popular(one) for one in (why.at_age, why.overall) if one is not None),
    ]
    moment = None if as_of is None else dt.datetime.fromtimestamp(as_of, dt.UTC)
    return Explanation(customer, writer.article, moment, tuple(reasons))


class _Writer:
    def __init__(
        self,
        why: Evidence,
        bundle: Bundle,
        names: Names,
        customer: Thing | None,
        as_of: int | None,
    ) -> None:
        self.why, self.bundle, self.names = why, bundle, names
        self.customer, self.as_of = customer, as_of
        self.article = names.article(why.article)
        self.who = f"customer {customer.id}" if customer else "the basket"

    def check(
        self,
        query: str,
        expected: dict[str, Any],
        where: dict[str, Any] | None = None,
        **parameters: Any,
    ) -> Check | None:
        """Return the check by a query that asks for the customer; none for a basket."""
        if self.customer is None:
            return None
        given = {"customer_id": self.customer.id, "article_id": self.article.id, **parameters}
        return Check(query, given, expected, where or {})

    def place(self, place: Place | None, k: int) -> Reason:
        if place is None:
            return Reason(
                "recommended",
                f"{self.article} is not among the {k} recommended to {self.who}.",
                {"rank": None, "score": None, "channel": None},
                self.check("explain-recommended", {}),
            )
        numbers = {"rank": place.rank, "score": place.score, "channel": place.channel}
        return Reason(
            "recommended",
            f"{self.article} is number {place.rank} of {place.of} recommended to {self.who}, "
            f"by the channel {place.channel} ({self.score(place)}).",
            numbers,
            self.check("explain-recommended", numbers),
        )

    def score(self, place: Place) -> str:
        """Say what the score of a place means."""
        recipe = self.bundle.recipe
        name = (getattr(recipe, "simple", None) or recipe).name
        if name == "cascade":
            return {
                "similar": f"ranked by ALS, {place.score:.3f}",
                "similar-sample": "drawn by chance from those that ALS cannot rank",
            }.get(place.channel, f"{place.score:g}")
        if name == "two-stage" and not self.why.purchases:
            days = self.bundle.config.popular.days
            return f"bought by {place.score:.2%} of those who bought in the last {days} days"
        if name == "two-stage" and place.score > 0:
            days = self.bundle.config.ranker.horizon_days
            return f"bought within {days} days with a probability of {place.score:.2%}"
        return f"{place.score:.3g}"

    def proposed(self, one: Proposal) -> Reason:
        return Reason(
            "proposed",
            f"Proposed by the channel {one.channel}: number {one.rank} of its {one.of}.",
            {"channel": one.channel, "rank": one.rank, "of": one.of, "score": one.score},
        )

    def bought(self) -> list[Reason]:
        if not self.why.bought:
            return []
        day = None if self.as_of is None else _day(self.why.last_bought or 0)
        numbers = {"times": self.why.bought, "last": day}
        sentence = f"Bought already, {_times(self.why.bought)}"
        sentence += f", the last time on {day}." if day else "."
        return [Reason("bought", sentence, numbers, self.check("explain-bought", numbers))]

    def similar(self, one: SimilarTo) -> Reason:
        purchased = self.names.article(one.purchased)
        return Reason(
            "similar",
            f"Bought {purchased} -SIMILAR {one.similarity:.2f}-> {self.article}.",
            {"score": one.similarity},
            self.check("explain-similar", {"score": one.similarity}, {"purchased": purchased.id}),
            purchased,
        )

    def attributes(self) -> list[str]:
        """Return the attributes that the recipe looks at and some purchase shares."""
        looked_at = self.bundle.config.cascade.attributes
        return [one for one in looked_at if self.why.attributes.get(one)]

    def attribute(self, column: str) -> Reason:
        what, query = ATTRIBUTES.get(column, (column.rpartition("_")[0].replace("_", " "), ""))
        code, name = self.names.attribute(column, self.why.article)
        times = self.why.attributes[column]
        called = f"{name} ({code})" if name else str(code)
        sentence = f"Of the {what} {called}, bought from {_times(times)}."
        numbers = {"attribute": column, "code": code, "name": name, "times": times}
        check = self.check(query, {"times": times}) if query else None
        return Reason("attribute", sentence, numbers, check)

    def together(self, one: BoughtTogether) -> Reason:
        purchased = self.names.article(one.purchased)
        pairs = int(one.count / one.times)
        numbers: dict[str, Any] = {"paths": pairs, "times": one.times, "counts": int(one.count)}
        expected = {"paths": pairs}
        if one.customers is None:
            said = f"in {pairs:,} {'pair' if pairs == 1 else 'pairs'} of purchases"
        else:
            said = f"by {_customers(one.customers)}"
            numbers["customers"] = expected["customers"] = one.customers
        often = f", which was bought {_times(one.times)}" if one.times > 1 else ""
        parameters = {"purchased": purchased.id, "article_id": self.article.id}
        return Reason(
            "together",
            f"Bought with {purchased} {said}{often}.",
            numbers,
            Check("explain-together", parameters, expected),
            purchased,
        )

    def more(self, listed: tuple[BoughtTogether, ...]) -> list[Reason]:
        """Say how many purchases are not named, and what the counts of all of them add up to."""
        n = len(listed) - TOGETHER
        if n <= 0:
            return []
        total = int(sum(one.count for one in listed))
        sentence = (
            f"Bought with {n:,} more of the purchases; over all of them, {total:,} pairs "
            "of a purchase of one and a purchase of the other."
        )
        return [Reason("more", sentence, {"more": n, "counts": total})]

    def popular(self, one: Popularity) -> Reason:
        model: Popular = fitted_model(self.bundle.recipe, "popular")
        days, by = model.settings.days, model.settings.by
        count = int(one.count)
        ages = _ages(model, one.band)
        sold = f"bought by {_customers(count)}" if by == "customers" else f"{count:,} pieces sold"
        among = f"of the age group {ages.name}" if ages else "of everyone"
        window = "" if self.as_of is None else f" in the last {days} days"
        numbers: dict[str, Any] = {by: count, "rank": one.rank, "days": days}
        if ages:
            numbers["age_group"] = ages.name
        return Reason(
            "age" if ages else "popular",
            f"Popular: {sold} {among}{window}, number {one.rank:,} there.",
            numbers,
            self._popular_check(by, {by: count, "rank": one.rank}, days, ages),
        )

    def _popular_check(
        self, by: str, expected: dict[str, Any], days: int, ages: _Ages | None
    ) -> Check | None:
        cutoff = self.bundle.cutoff
        if cutoff is None or cutoff % SECONDS_PER_DAY:
            return None  # the graph is asked by days
        parameters: dict[str, Any] = {
            "article_id": self.article.id,
            "since": _day(cutoff - days * SECONDS_PER_DAY),
            "until": _day(cutoff),
        }
        query = "explain-rank" if by == "customers" else "explain-rank-by-units"
        if ages is None:
            return Check(query, parameters, expected)
        parameters |= {"from_age": ages.lowest, "below_age": ages.below}
        return Check(f"{query}-at-age", parameters, expected)


@dataclass(frozen=True)
class _Ages:
    name: str
    lowest: int
    below: int


def _ages(model: Popular, band: int) -> _Ages | None:
    """Return the years of age of a band; None for everyone."""
    if band == 0:
        return None
    bounds = model.settings.age_bounds
    if band == 1:
        return _Ages(f"up to {bounds[0]}", 0, bounds[0] + 1)
    if band > len(bounds):
        return _Ages(f"over {bounds[-1]}", bounds[-1] + 1, 1000)
    low, high = bounds[band - 2] + 1, bounds[band - 1]
    return _Ages(f"{low}-{high}", low, high + 1)


def _day(seconds: int) -> dt.date:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).date()


def _times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(n, f"{n:,} times")


def _customers(n: int) -> str:
    return "one customer" if n == 1 else f"{n:,} customers"
