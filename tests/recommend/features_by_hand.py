"""The features in plain NumPy, one candidate at a time: what defines them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from hemline.recommend.candidates import Candidates
from hemline.recommend.features.declared import ATTRIBUTES
from hemline.shop.histories import Histories
from hemline.shop.tables import Catalogue

DAY = 86_400
NAN = float("nan")


def article_facts(train: Histories, catalogue: Catalogue, as_of: int | None) -> dict[str, Any]:
    """The features of articles alone, by name, each (n_articles,)."""
    n = train.n_articles
    place, who = train.rows(), train.customers()
    article, time = train.article[place], train.time[place]
    price, channel, age = train.price[place], train.channel[place], train.age[who]
    since = (0 if as_of is None else as_of) - time
    codes = {name: catalogue.codes.get(name, np.full(n, -1)) for name in ATTRIBUTES}
    product, department = codes["product_code"], codes["department_no"]

    def count(chosen: Any) -> Any:
        return np.bincount(article[chosen], minlength=n).astype(float)

    def by_code(values: Any, code: Any) -> Any:
        return np.array([values[code == one].sum() if one >= 0 else NAN for one in code])

    def rebuys(key: Any, size: int) -> Any:
        days: dict[tuple[int, int], set[int]] = {}
        for customer, one, t in zip(who, key, time, strict=True):
            if one >= 0:
                days.setdefault((customer, one), set()).add(t // DAY)
        buyers, again = np.zeros(size), np.zeros(size)
        for (_, one), seen in days.items():
            buyers[one] += 1
            again[one] += len(seen) > 1
        overall = again.sum() / buyers.sum()
        return (again + 10 * overall) / (buyers + 10) / overall

    def rebuys_of(code: Any) -> Any:
        by_kind = rebuys(code[article], int(code.max(initial=-1)) + 1)
        return np.append(by_kind, NAN)[np.where(code >= 0, code, -1)]

    everything = np.ones(len(article), bool)
    day, week, month = (count(since <= days * DAY) for days in (1, 7, 30))
    before = count((since > 7 * DAY) & (since <= 14 * DAY))

    def million(values: Any, total: float) -> Any:
        return values * 1e6 / max(total, 1)

    found: dict[str, Any] = {
        "sales.all": million(count(everything), len(article)),
        "sales.day": million(day, day.sum()),
        "sales.week": million(week, week.sum()),
        "sales.month": million(month, month.sum()),
        "sales.trend": (week / 7) / (month / 30),
        "sales.trend_day": day / (week / 7),
        "sales.change": (week + 1) / (before + 1),
        "sales.product_week": million(by_code(week, product), week.sum()),
        "sales.in_department": week / by_code(week, department),
        "sales.in_product": week / by_code(week, product),
        "article.rebuys": rebuys(article, n),
        "article.product_rebuys": rebuys_of(product),
        "article.type_rebuys": rebuys_of(codes["product_type_no"]),
    }
    for name in (
        "buyer_age", "buyer_age_sd", "price", "discount", "channel", "first_days", "last_days"
    ):  # fmt: skip
        found[f"article.{name}"] = np.full(n, NAN)
    for one in range(n):
        mine = article == one
        if not mine.any():
            continue
        ages = age[mine & ~np.isnan(age)].astype(float)
        if len(ages):
            found["article.buyer_age"][one] = ages.mean()
        if len(ages) > 1:
            found["article.buyer_age_sd"][one] = ages.std()
        lately = mine & ~np.isnan(price)
        if as_of is not None:
            lately &= time > time[mine].max() - 7 * DAY
            found["article.first_days"][one] = since[mine].max() / DAY
            found["article.last_days"][one] = since[mine].min() / DAY
        if lately.any():
            found["article.price"][one] = price[lately].astype(float).mean()
            found["article.discount"][one] = found["article.price"][one] / np.nanmax(price[mine])
        if (channel[mine] > 0).any():
            found["article.channel"][one] = channel[mine & (channel > 0)].mean()
    return found


def features_by_hand(
    train: Histories,
    histories: Histories,
    candidates: Candidates,
    catalogue: Catalogue,
    pairs: Any,
    *,
    as_of: int | None,
    decay: float,
) -> dict[str, Any]:
    """Every feature by name, each (number of candidates,)."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        facts = article_facts(train.before(as_of), catalogue, as_of)
        rows = []
        seen = histories.before(as_of)
        for row in range(len(seen)):
            history = _History(seen, row, as_of, decay)
            for at in range(candidates.bounds[row], candidates.bounds[row + 1]):
                one = int(candidates.article[at])
                rows.append(
                    {
                        **{name: value[one] for name, value in facts.items()},
                        **history.features(one, facts, catalogue, pairs),
                        **_channels(candidates, at),
                    }
                )
    return {name: np.array([row[name] for row in rows], np.float64) for name in rows[0]}


def _channels(candidates: Candidates, at: int) -> dict[str, float]:
    rank = candidates.rank[at].astype(float)
    proposed = rank > 0
    found = {
        "channels.number": proposed.sum(),
        "channels.best": rank[proposed].min() if proposed.any() else NAN,
    }
    for name, value, held, score in zip(
        candidates.channels, rank, proposed, candidates.score[at], strict=True
    ):
        found |= {f"flag.{name}": held, f"score.{name}": score}
        found[f"rank.{name}"] = value if held else NAN
    return found


class _History:
    """What one customer bought."""

    def __init__(self, histories: Histories, row: int, as_of: int | None, decay: float) -> None:
        mine = slice(histories.start[row], histories.stop[row])
        self.article, self.time = histories.article[mine], histories.time[mine]
        self.units, self.channel = histories.weight[mine], histories.channel[mine]
        self.price = histories.price[mine].astype(float)
        self.age = float(histories.age[row])
        self.dated = as_of is not None
        self.days = ((as_of or 0) - self.time) / DAY
        self.weight = (1 + self.days) ** -decay if self.dated else np.ones(len(self.article))
        self.visit = np.unique(self.time // DAY, return_inverse=True)[1]
        self.n = len(self.article)
        self.mean_price = np.nanmean(self.price) if self.n else NAN
        self.last_price = {
            int(one): self._last_known(self.article == one) for one in np.unique(self.article)
        }

    def _last_known(self, chosen: Any) -> float:
        known = self.price[chosen & ~np.isnan(self.price)]
        return float(known[-1]) if len(known) else NAN

    def _last_visit(self, one: int) -> int:
        return int(self.visit[self.article == one].max())

    def features(self, one: int, facts: Any, catalogue: Catalogue, pairs: Any) -> dict[str, float]:
        found = {**self._customer(), **self._own(one, facts), **self._match(one, facts)}
        for attribute, name in ATTRIBUTES.items():
            found |= self._attribute(catalogue.codes.get(attribute), name, one)
        found |= self._product(catalogue.codes.get("product_code"), one)
        return {**found, **self._pairs(one, pairs), **self._visual(one, catalogue)}

    def _customer(self) -> dict[str, float]:
        first_visit = {int(a): self.visit[self.article == a].min() for a in self.article}
        back = [self.visit[e] > first_visit[int(self.article[e])] for e in range(self.n)]
        known = self.channel > 0
        last = self.visit == self.visit.max(initial=0)
        return {
            "customer.purchases": self.n,
            "customer.articles": len(first_visit),
            "customer.visits": len(set(self.visit)),
            "customer.days": self.days[-1] if self.n else NAN,
            "customer.first_days": self.days[0] if self.n else NAN,
            "customer.basket": last.sum() if self.n else 0,
            "customer.week": (self.days <= 7).sum(),
            "customer.month": (self.days <= 30).sum(),
            "customer.repeats": np.mean(back) if self.n else NAN,
            "customer.price": self.mean_price,
            "customer.age": self.age,
            "customer.channel": self.channel[known].mean() if known.any() else NAN,
        }

    def _own(self, one: int, facts: Any) -> dict[str, float]:
        mine = self.article == one
        names = (
            "days", "visits_since", "basket", "price", "price_rank", "price_ratio",
            "basket_price_rank", "price_change", "channel",
        )  # fmt: skip
        found = dict.fromkeys((f"own.{name}" for name in names), NAN)
        found |= {
            "own.purchases": mine.sum(),
            "own.units": self.units[mine].sum(),
            "own.share": self.weight[mine].sum() / self.weight.sum() if self.n else 0,
            "own.visits": len(set(self.visit[mine])),
        }
        if not mine.any():
            return found
        last, price = self._last_visit(one), self.last_price[one]
        found["own.days"] = self.days[mine].min()
        found["own.visits_since"] = self.visit.max() - last
        found["own.basket"] = (self.visit == last).sum()
        found["own.price"] = price
        found["own.channel"] = self.channel[mine][-1] or NAN
        found["own.price_ratio"] = price / self.mean_price
        found["own.price_change"] = facts["article.price"][one] / price
        if not np.isnan(price):
            dearer = [a for a, paid in self.last_price.items() if paid > price]
            found["own.price_rank"] = 1 + len(dearer)
            found["own.basket_price_rank"] = 1 + sum(self._last_visit(a) == last for a in dearer)
        return found

    def _match(self, one: int, facts: Any) -> dict[str, float]:
        older = self.age - facts["article.buyer_age"][one]
        prices = self.price[~np.isnan(self.price)]
        spread = prices.std() if len(prices) > 1 else NAN
        apart = (facts["article.price"][one] - self.mean_price) / spread
        sd = facts["article.buyer_age_sd"][one]
        return {
            "match.age": older,
            "match.age_distance": abs(older) / sd if sd > 0 else NAN,
            "match.price": facts["article.price"][one] / self.mean_price,
            "match.price_distance": apart if spread > 0 else NAN,
            "match.channel": facts["article.channel"][one] - self._customer()["customer.channel"],
        }

    def _attribute(self, codes: Any, name: str, one: int) -> dict[str, float]:
        found = {f"{name}.share": NAN, f"{name}.days": NAN, f"{name}.purchases": 0.0}
        if codes is None or codes[one] < 0:
            return found
        mine = codes[self.article] == codes[one]
        if self.n:
            found[f"{name}.share"] = self.weight[mine].sum() / self.weight.sum()
        if mine.any():
            found[f"{name}.days"] = self.days[mine].min()
        found[f"{name}.purchases"] = mine.sum()
        return found

    def _product(self, codes: Any, one: int) -> dict[str, float]:
        mine = np.zeros(self.n, bool)
        if codes is not None and codes[one] >= 0:
            mine = codes[self.article] == codes[one]
        others = mine & (self.article != one)
        return {
            "product.articles": len(set(self.article[mine])),
            "product.others": len(set(self.article[others])),
            "product.other_days": self.days[others].min() if others.any() else NAN,
            "product.price": self._last_known(mine),
        }

    def _pairs(self, one: int, pairs: Any) -> dict[str, float]:
        share = {}
        for bought in np.unique(self.article):
            row = slice(pairs.indptr_[bought], pairs.indptr_[bought + 1])
            here = pairs.value_[row][pairs.article_[row] == one]
            share[int(bought)] = float(here.sum())
        basket = set(self.article[self.visit == self.visit.max(initial=0)])
        total = self.weight.sum()
        spoken = [share[int(a)] * w for a, w in zip(self.article, self.weight, strict=True)]
        return {
            "pairs.basket": sum(share[int(b)] for b in basket) / max(len(basket), 1),
            "pairs.history": sum(spoken) / total if self.n else 0.0,
        }

    def _visual(self, one: int, catalogue: Catalogue) -> dict[str, float]:
        cosines = {
            int(bought): catalogue.similarity[bought][catalogue.similar[bought] == one]
            for bought in np.unique(self.article)
        }
        basket = set(self.article[self.visit == self.visit.max(initial=0)])
        best = [value.max() for value in cosines.values() if len(value)]
        lately = [value.max() for b, value in cosines.items() if b in basket and len(value)]
        return {
            "visual.best": max(best, default=NAN),
            "visual.basket": max(lately, default=NAN),
        }
