"""The purchases of the simulated shop, block by block of customers.

A customer shops on a few days, puts several things into the basket, and chooses each in
one of six ways: something fresh after her taste, what goes with the last thing, another
colour of it, the same article again, another colour of something bought before, or a
second piece of the very same (an exact repeat of the row). All but the first way point
to an earlier fresh row of the same customer, so that a block is computed column by column.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hemline.shop.simulate.catalogue import Catalogue
from hemline.shop.simulate.chance import stream
from hemline.shop.simulate.customers import Customers
from hemline.shop.simulate.market import DISCOUNTS, MEMBER, Market
from hemline.shop.simulate.tastes import TasteModel, Tastes, focus

BLOCK = 1 << 15
"""Customers in a block."""

CANDIDATES = (10, 24)
"""Articles a customer looks at, by popularity, before choosing after her taste: in a shop of
100,000 articles and in one of 1,000 or fewer, which must show tastes in far fewer purchases."""

AGAIN, COLOUR_LATER, COLOUR_NOW, PARTNER, COMPLETE, PIECE, FRESH = range(7)
SHARES = {COLOUR_LATER: 0.034, COLOUR_NOW: 0.105, PARTNER: 0.1, COMPLETE: 0.14, PIECE: 0.101}
"""Chances of the ways among the rows that can be chosen so; PIECE is of all later rows."""

AGAIN_EVER, AGAIN_SOON, SOON_DAYS = 0.001, 0.25, 4.2
"""The chance of the same article again falls with the days since the trip before."""

REDRAWS = 3
"""How often something else is looked for in place of what the customer has already."""

BASKET = 5.0
"""Rows of a trip, before some trips fall on the same day and customers differ."""


@dataclass(frozen=True)
class Rows:
    """Purchases of a block of customers, ascending by day.

    Attributes
    ----------
    customer : int32 (n,)
        The customer's number.
    article : int32 (n,)
    day : int16 (n,)
        Counted from the start.
    price : int16 (n,)
        Place in `market.price_table()`.
    channel : int8 (n,)
        1 in a shop, 2 online.
    """

    customer: npt.NDArray[np.int32]
    article: npt.NDArray[np.int32]
    day: npt.NDArray[np.int16]
    price: npt.NDArray[np.int16]
    channel: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.customer)


class Shoppers:
    """Draws the purchases of blocks of customers of one shop.

    Block b of B holds the customers b, b + B, b + 2B, ... so that every block is a fair
    sample of the shop, and what is written of it is not sorted by customer beforehand.

    Parameters
    ----------
    catalogue : Catalogue
    market : Market
    customers : Customers
    seed : int
    """

    def __init__(
        self, catalogue: Catalogue, market: Market, customers: Customers, seed: int
    ) -> None:
        self.catalogue = catalogue
        self.market = market
        self.customers = customers
        self.seed = seed
        self.n_blocks = max(1, -(-len(customers) // BLOCK))
        product = catalogue.product
        self.price = catalogue.price[product]
        self.partners = _partners(catalogue)
        self.focus = focus(len(product))
        few, many = CANDIDATES
        self.candidates = few + round((many - few) * self.focus)
        self.taste = TasteModel(catalogue, market.index_edges, self.focus)

    def block(self, number: int) -> Rows:
        """Draw all purchases of one block."""
        rng = stream(self.seed, "purchases", number)
        members = np.arange(number, len(self.customers), self.n_blocks, dtype=np.int32)
        counts = self.customers.rows[members]
        tastes = self.taste.draw(self.customers.age[members].astype(np.int16), rng)
        who = np.repeat(np.arange(len(members), dtype=np.int32), counts)
        begin = np.repeat(np.cumsum(counts) - counts, counts)
        trip_first, day = self._trips(who, begin, counts, rng)
        article = self._articles(who, begin, trip_first, day, tastes, rng)
        price, channel = self._terms(who, article, day, trip_first, tastes, rng)
        piece = article < 0
        if piece.any():
            source = np.maximum.accumulate(np.where(piece, 0, np.arange(len(who))))
            article, price = article[source], price[source]
        order = np.argsort(day, kind="stable")
        return Rows(
            members[who[order]],
            article[order],
            day[order],
            price[order],
            channel[order],
        )

    def _trips(
        self,
        who: npt.NDArray[np.int32],
        begin: npt.NDArray[np.int64],
        counts: npt.NDArray[np.int32],
        rng: np.random.Generator,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int16]]:
        """Cut each customer's rows into trips; return each row's first row of its trip, its day."""
        n, members = len(who), len(counts)
        size = BASKET * np.exp(rng.normal(-0.18, 0.6, members))
        starts = rng.random(n) * np.maximum(size[who], 1.05) < 1.0
        row = np.arange(n)
        starts |= row == begin
        trip_first = np.maximum.accumulate(np.where(starts, row, 0))
        trip_who = who[starts]
        trips = np.bincount(trip_who, minlength=members)
        # bursts: uneven gaps around a circle, which is cut anywhere, are in all evenly spread
        gap = rng.standard_gamma(0.4, len(trip_who)) + 1e-9
        running = np.cumsum(gap)
        before = np.concatenate(([0.0], running))[np.cumsum(trips) - trips]
        total = np.bincount(trip_who, gap, members)
        share = (running - before[trip_who]) / total[trip_who] + rng.random(members)[trip_who]
        share = np.sort(trip_who + share % 1.0) - trip_who
        # half of them from before the period until after it, as many joining as leaving in it
        ends = np.sort(rng.random((members, 2)), axis=1)
        kind = rng.random(members)
        joined = np.where((kind < 0.5) | (kind >= 0.8), 0.0, ends[:, 0])
        left = np.where(kind < 0.7, 1.0, ends[:, 1])
        clock = joined[trip_who] + (left - joined)[trip_who] * share
        found = np.searchsorted(self.market.day_clock, clock, side="right") - 1
        trip_day = np.clip(found, 0, self.market.days - 1).astype(np.int16)
        return trip_first, trip_day[np.cumsum(starts) - 1] if n else trip_day

    def _articles(
        self,
        who: npt.NDArray[np.int32],
        begin: npt.NDArray[np.int64],
        trip_first: npt.NDArray[np.int64],
        day: npt.NDArray[np.int16],
        tastes: Tastes,
        rng: np.random.Generator,
    ) -> npt.NDArray[np.int32]:
        """Choose the article of every row; -1 where it is one more piece of the row before."""
        n = len(who)
        row = np.arange(n)
        way = self._ways(begin, trip_first, day, rng)
        article = np.full(n, -1, dtype=np.int32)
        fresh = np.flatnonzero(way == FRESH)
        article[fresh] = self._fresh(who[fresh], day[fresh], tastes, rng)
        last_fresh = np.maximum.accumulate(np.where(way == FRESH, row, 0))
        # from the history: some rows before this trip, mostly few
        history = np.flatnonzero((way == AGAIN) | (way == COLOUR_LATER) | (way == COMPLETE))
        back = rng.geometric(0.5, len(history))
        earlier = np.maximum(trip_first[history] - back, begin[history])
        source = article[last_fresh[earlier]]
        how = way[history]
        article[history] = np.where(how == COLOUR_LATER, self._other_colour(source, rng), source)
        article[history] = np.where(how == COMPLETE, self._partner(source, rng), article[history])
        now = np.flatnonzero(way == COLOUR_NOW)
        article[now] = self._other_colour(article[last_fresh[now]], rng)
        beside = np.flatnonzero(way == PARTNER)
        article[beside] = self._partner(article[last_fresh[beside]], rng)
        # what is not on sale any more, or not yet, is replaced by something fresh
        pointed = np.flatnonzero((way != FRESH) & (way != PIECE))
        chosen = article[pointed]
        gone = (day[pointed] < self.market.sold_from[chosen]) | (
            day[pointed] >= self.market.sold_until[chosen]
        )
        gone |= chosen < 0
        again = pointed[gone]
        article[again] = self._fresh(who[again], day[again], tastes, rng)
        # who looks for something else does not want what she has
        meant = np.zeros(n, dtype=np.bool_)
        meant[pointed[~gone]] = way[pointed[~gone]] == AGAIN
        bought = np.flatnonzero(way != PIECE)
        for _ in range(REDRAWS):
            had = bought[_had_before(who[bought], article[bought], self.catalogue.n_articles)]
            had = had[~meant[had]]
            article[had] = self._fresh(who[had], day[had], tastes, rng)
        return article

    def _ways(
        self,
        begin: npt.NDArray[np.int64],
        trip_first: npt.NDArray[np.int64],
        day: npt.NDArray[np.int16],
        rng: np.random.Generator,
    ) -> npt.NDArray[np.int8]:
        n = len(begin)
        uniform = rng.random(n)
        later = np.arange(n) > trip_first
        has_history = trip_first > begin
        gap = day - day[np.maximum(trip_first - 1, 0)]
        sharper = 1 + 0.6 * self.focus
        again = AGAIN_EVER + AGAIN_SOON * sharper * np.exp(-np.maximum(gap, 0) / SOON_DAYS)
        way = np.full(n, FRESH, dtype=np.int8)
        floor = np.zeros(n)
        for kind, possible, chance in (
            (PIECE, later, SHARES[PIECE]),
            (AGAIN, has_history, again),
            (COLOUR_LATER, has_history, SHARES[COLOUR_LATER]),
            (COLOUR_NOW, later, SHARES[COLOUR_NOW]),
            (PARTNER, later, SHARES[PARTNER]),
            (COMPLETE, has_history, SHARES[COMPLETE] * sharper),
        ):
            ceiling = floor + np.where(possible, chance, 0.0)
            way[(uniform >= floor) & (uniform < ceiling)] = kind
            floor = ceiling
        return way

    def _fresh(
        self,
        who: npt.NDArray[np.int32],
        day: npt.NDArray[np.int16],
        tastes: Tastes,
        rng: np.random.Generator,
    ) -> npt.NDArray[np.int32]:
        """Choose articles by what is popular that week and by the customer's taste."""
        n = len(who)
        market = self.market
        week = day.astype(np.int64) // 7
        low, high = self._pools(who, week, tastes, rng)
        target = low[:, None] + rng.random((n, self.candidates)) * (high - low)[:, None]
        candidates = np.empty((n, self.candidates), dtype=np.int32)
        order = np.argsort(week.astype(np.int16), kind="stable")
        bounds = np.searchsorted(week[order], np.arange(len(market.edges) + 1))
        for one, (a, b) in enumerate(pairwise(bounds.tolist())):
            if a == b:
                continue
            here = order[a:b]
            part = slice(market.week_start[one], market.week_start[one + 1])
            at = np.searchsorted(market.cumulative[part], target[here], side="right")
            candidates[here] = market.articles[part][np.minimum(at, part.stop - part.start - 1)]
        fit = self.taste.fit(who, candidates, tastes)
        np.cumsum(fit, axis=1, out=fit)
        choice = (fit < (rng.random(n) * fit[:, -1])[:, None]).sum(axis=1)
        choice = np.minimum(choice, self.candidates - 1)
        found: npt.NDArray[np.int32] = candidates[np.arange(n), choice]
        return found

    def _pools(
        self,
        who: npt.NDArray[np.int32],
        week: npt.NDArray[np.int64],
        tastes: Tastes,
        rng: np.random.Generator,
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Choose where to look: a favourite department, one of three indexes, or everywhere."""
        edges, index_edges = self.market.edges, self.market.index_edges
        uniform = rng.random(len(who))
        inside = rng.random(len(who))
        favourite = np.searchsorted([0.5, 0.75, 0.9], inside, side="right")
        department = tastes.departments[who, favourite].astype(np.int64)
        preferred = np.searchsorted([0.6, 0.82], inside, side="right")
        index = tastes.indexes[who, preferred].astype(np.int64)
        whole = np.full(len(who), edges.shape[1] - 1)
        by_department, by_index = uniform < 0.30, uniform < 0.85
        first = np.where(by_department, department, np.where(by_index, index_edges[index], 0))
        last = np.where(
            by_department, department + 1, np.where(by_index, index_edges[index + 1], whole)
        )
        low, high = edges[week, first], edges[week, last]
        empty = high <= low
        low[empty] = 0.0
        high[empty] = edges[week[empty], -1]
        return low, high

    def _other_colour(
        self, source: npt.NDArray[np.int32], rng: np.random.Generator
    ) -> npt.NDArray[np.int32]:
        """Return another colour of each article's product, -1 when it has one only."""
        product = self.catalogue.product[source]
        first = self.catalogue.first[product]
        colours = self.catalogue.first[product + 1] - first
        step = np.floor(rng.random(len(source)) ** 1.5 * np.maximum(colours - 1, 1)).astype(int)
        found = first + step
        found += found >= source
        return np.where(colours > 1, found, -1).astype(np.int32)

    def _partner(
        self, source: npt.NDArray[np.int32], rng: np.random.Generator
    ) -> npt.NDArray[np.int32]:
        """Return an article of a product that goes with each article's product."""
        product = self.partners[
            self.catalogue.product[source],
            rng.integers(0, self.partners.shape[1], len(source)),
        ]
        first = self.catalogue.first[product]
        colours = self.catalogue.first[product + 1] - first
        found: npt.NDArray[np.int32] = first + np.floor(
            rng.random(len(source)) ** 3 * colours
        ).astype(np.int32)
        return found

    def _terms(
        self,
        who: npt.NDArray[np.int32],
        article: npt.NDArray[np.int32],
        day: npt.NDArray[np.int16],
        trip_first: npt.NDArray[np.int64],
        tastes: Tastes,
        rng: np.random.Generator,
    ) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int8]]:
        """Return price places and channels; a trip has one channel and one member discount."""
        uniform = rng.random(len(who))[trip_first]
        channel = np.where(uniform < tastes.online[who], 2, 1).astype(np.int8)
        member = (rng.random(len(who))[trip_first] < 0.12).astype(np.int64)
        sold = np.maximum(article, 0)
        past = (day - self.market.sold_from[sold]) / self.market.life[sold]
        past = past + rng.uniform(-0.06, 0.06, len(who))
        step = np.searchsorted([0.55, 0.68, 0.78, 0.87, 0.95], past, side="right")
        step = np.where(self.catalogue.basic[self.catalogue.product[sold]], 0, step)
        place = (self.price[sold] * len(DISCOUNTS) + step) * len(MEMBER) + member
        return place.astype(np.int16), channel


def _had_before(
    who: npt.NDArray[np.int32], article: npt.NDArray[np.int32], n_articles: int
) -> npt.NDArray[np.int64]:
    """Return the places of rows whose customer has the article in a row before."""
    key = who.astype(np.int64) * n_articles + article
    order = np.argsort(key, kind="stable")
    same = key[order[1:]] == key[order[:-1]]
    found: npt.NDArray[np.int64] = order[1:][same]
    return found


def _partners(catalogue: Catalogue) -> npt.NDArray[np.int32]:
    """Return three products that go with each: of its department and style, launched about then."""
    n = catalogue.n_products
    order = np.lexsort((catalogue.launch, catalogue.style, catalogue.department))
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    # sets of four neighbours in that order: whoever bought one of a set is offered the others
    base = np.minimum(place - place % 4, max(0, n - 4))
    others = np.array([[j for j in range(4) if j != i] for i in range(4)])
    beside = base[:, None] + others[place - base if n >= 4 else np.zeros(n, dtype=np.int64)]
    found: npt.NDArray[np.int32] = order[np.minimum(beside, n - 1)].astype(np.int32)
    return found
