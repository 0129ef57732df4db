"""The default recipe: candidates from many channels, put in order by boosted trees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from hemline.blocks import Progress, silent
from hemline.config import Config
from hemline.models.base import Mask
from hemline.models.popular import Popular
from hemline.recommend.base import Recipe, Recommendations, Request
from hemline.recommend.bundle import recipe_of
from hemline.recommend.channels import Channels
from hemline.recommend.earlier import Earlier
from hemline.recommend.features import Features
from hemline.recommend.filling import Filling
from hemline.recommend.learning import Learned, Learning
from hemline.recommend.ranker import Ranker
from hemline.recommend.stages import Stages
from hemline.shop.histories import SECONDS_PER_DAY, Histories, end_of_day
from hemline.shop.tables import Catalogue


class TwoStage:
    """Channels propose, features tell, a ranker decides; popularity fills what is left.

    The ranker learns on windows before the cutoff, for each of which channels and features
    are fitted on what lies before it. A customer without purchases gets what is popular. In a
    shop with too little to learn from, the simple recipe that did best on those windows
    answers, and the summary says so.

    The score is the probability that the customer buys the article within
    `ranker.horizon_days`, fitted on customers that were held out. What popularity fills in has
    0; for a customer without purchases it is the share of the shop's buyers in the days of
    `popular.days` who bought the article.
    """

    name: ClassVar[str] = "two-stage"

    n_articles_: int
    cutoff_: int | None
    summary_: dict[str, Any]
    simple: Recipe | None
    popular: Popular
    stages: Stages
    _fitted: tuple[Channels, Features]
    earlier: Earlier | None = None

    def __init__(self, config: Config) -> None:
        self.config = config
        self._unfitted()

    def _unfitted(self) -> None:
        self.simple = None
        self.popular = Popular(**{**self.config.popular.model_dump(), "by_age": True})
        self._names = Channels(self.config).names

    @property
    def channel_names(self) -> tuple[str, ...]:
        """The channels, and popularity where it is none of them."""
        return Filling.names(self._names) if self.simple is None else self.simple.channel_names

    def fit(
        self,
        train: Histories,
        catalogue: Catalogue,
        *,
        as_of: int | None = None,
        progress: Progress = silent,
    ) -> Self:
        """Learn the ranker on windows before `as_of` (seconds), then fit the channels up to it."""
        self._unfitted()
        if as_of is None:
            last = train.last_time()
            as_of = end_of_day(last) if last else None
        train = train.before(as_of)
        kept = self._kept(train, catalogue, as_of, progress)
        learned = kept or Learning(self.config, catalogue, train, as_of, _part(progress, 0)).learn()
        if kept is None:
            self.summary_ = _summary(learned)
        if learned.ranker is None:
            self.simple = recipe_of(str(learned.simple))(self.config)
            self.simple.fit(train, catalogue, as_of=as_of, progress=_part(progress, 1))
        else:
            if kept is None:
                self._fit_channels(train, catalogue, as_of, _part(progress, 1))
            self.stages = Stages(*self._fitted, learned.ranker)
            self.popular.threads = self.config.threads
            self.popular.fit(train, as_of=as_of)
            self._buyers = _buyers(train, as_of, self.config.popular.days)
        self._prepare()
        self.summary_["lines"] = _lines(learned, self.summary_)
        if learned.ranker is not None:
            self.summary_["lines"] += self._fitted[0].went_on
        return self

    def _fit_channels(
        self, train: Histories, catalogue: Catalogue, as_of: int | None, progress: Progress
    ) -> None:
        """Fit channels and features; those of before are gone on from."""
        channels = Channels(self.config)
        if self.earlier is not None and isinstance(self.earlier.recipe, TwoStage):
            before = self.earlier.recipe
            if before.simple is None:
                channels.go_on_from(self.earlier, before.stages.channels)
        channels.fit(train, catalogue, as_of=as_of, progress=progress)
        features = Features(self.config, channels.names)
        features.fit(train, catalogue, as_of=as_of)
        self._fitted = channels, features

    def _kept(
        self, train: Histories, catalogue: Catalogue, as_of: int | None, progress: Progress
    ) -> Learned | None:
        """Take the trees of before, when they go by the very same features; None otherwise.

        Then channels and features are fitted to the new purchases already.
        """
        earlier = self.earlier
        if earlier is None or not earlier.keep or not isinstance(earlier.recipe, TwoStage):
            return None
        before = earlier.recipe
        config, other = self.config, before.config
        if before.simple is not None or not (
            config.channel_settings() == other.channel_settings()
            and (config.features, config.ranker, config.seed)
            == (other.features, other.ranker, other.seed)
        ):
            return None
        self._fit_channels(train, catalogue, as_of, progress)
        ranker = before.stages.ranker
        if ranker.trees_.names != tuple(one.name for one in self._fitted[1].declared):
            return None
        learned_to = before.summary_.get("trees_of", before.cutoff_)
        self.summary_ = {
            key: before.summary_[key] for key in _summary(Learned()) if key in before.summary_
        } | {"trees_of": learned_to}
        found = Learned(ranker)
        found.customers = before.summary_["customers_with_a_hit"]
        found.examples = before.summary_["examples"]
        return found

    def _prepare(self) -> None:
        if self.simple is not None:
            self.n_articles_, self.cutoff_ = self.simple.n_articles_, self.simple.cutoff_
            self.summary_["simple"] = self.simple.name
            return
        channels, features = self.stages.channels, self.stages.features
        self.n_articles_, self.cutoff_ = channels.n_articles_, channels.cutoff_
        self._names = channels.names
        self._filling = Filling(self.popular, self._names)
        self.summary_.update(
            channels=list(channels.names),
            channels_left_out=channels.left_out,
            features=len(features.declared),
            features_left_out=features.left_out,
            importance=self.stages.ranker.importance(),
        )

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        as_of: int | None,
        among: Mask | None = None,
    ) -> Recommendations:
        """Answer one block of customers: see `Recipe.recommend`."""
        if self.simple is not None:
            return self.simple.recommend(histories, k, as_of=as_of, among=among)
        asked = Request.of(self, histories, k, as_of, among)
        found = Recommendations.empty(len(histories), k)
        warm = asked.histories.lengths > 0
        rows = np.flatnonzero(warm)
        mask = asked.among[rows] if len(asked.among) > 1 else among
        articles, scores, channels = self.stages.best(
            asked.histories.take(rows), k, as_of=as_of, among=mask
        )
        found.articles[rows], found.channels[rows] = articles, channels
        chosen = articles >= 0
        scores[chosen] = self.stages.ranker.calibration_(scores[chosen])
        found.scores[rows] = scores
        self._complete(asked, found, warm)
        return found

    def _complete(self, asked: Request, found: Recommendations, warm: Mask) -> None:
        """Fill the rows by popularity, with scores that go on falling."""
        ranked = found.articles >= 0
        lowest = np.where(ranked, found.scores, np.inf).min(axis=1, initial=0)
        at_age = warm | (self.config.ranker.cold == "popular-at-age")
        filled = self._filling.fill(asked, found, at_age=at_age)
        end = np.broadcast_to(lowest[:, None], filled.shape)
        share = found.scores / np.float32(max(self._buyers, 1))
        found.scores[filled] = np.where(warm[:, None], end, share)[filled]

    def save(self, folder: Path) -> None:
        """Write channels, features, ranker and counts, or the simple recipe in their place."""
        folder.mkdir(parents=True, exist_ok=True)
        description: dict[str, Any] = {"summary": self.summary_, "simple": None}
        if self.simple is not None:
            self.simple.save(folder / "simple")
            description["simple"] = self.simple.name
        else:
            self.stages.channels.save(folder / "channels")
            self.stages.features.save(folder / "features")
            self.stages.ranker.save(folder / "ranker")
            self.popular.save(folder / "popular")
            description["buyers"] = self._buyers
        (folder / "two_stage.json").write_text(json.dumps(description, indent=1))

    @classmethod
    def load(cls, folder: Path, config: Config, catalogue: Catalogue) -> Self:
        """Map what `save` wrote into memory. LightGBM is not loaded for it."""
        recipe = cls(config)
        description = json.loads((folder / "two_stage.json").read_text())
        recipe.summary_ = description["summary"]
        if description["simple"] is not None:
            kind = recipe_of(description["simple"])
            recipe.simple = kind.load(folder / "simple", config, catalogue)
        else:
            channels = Channels.load(folder / "channels", config, catalogue)
            features = Features.load(folder / "features", config, catalogue, channels.names)
            names = tuple(one.name for one in features.declared)
            ranker = Ranker.load(folder / "ranker", config.ranker, names)
            recipe.stages = Stages(channels, features, ranker)
            recipe.popular = Popular.load(folder / "popular")
            recipe._buyers = description["buyers"]
        recipe._prepare()
        return recipe


def _buyers(train: Histories, as_of: int | None, days: int) -> int:
    """Return how many customers bought something in the last days; undated: ever."""
    lately = train if as_of is None else train.since(as_of - days * SECONDS_PER_DAY)
    return int((lately.lengths > 0).sum())


def _part(progress: Progress, place: int) -> Progress:
    """Return the progress of the ranker (0) or of the channels (1), told as that of the whole."""
    weights, scale = (0.7, 0.3), 10_000
    before = sum(weights[:place])

    def tell(done: int, total: int) -> None:
        progress(round(scale * (before + weights[place] * done / max(total, 1))), scale)

    return tell


def _summary(learned: Learned) -> dict[str, Any]:
    return {
        "windows": [
            {"first_day": _day(one.cutoff), "last_day": _day(one.end - 1)}
            for one in learned.windows
        ],
        "customers_with_a_hit": learned.customers,
        "examples": learned.examples,
        "reason": learned.reason or None,
        "judged": learned.judged.means if learned.judged else None,
    }


def _day(time: int) -> str:
    return str(np.datetime64(time, "s").astype("datetime64[D]"))


def _lines(learned: Learned, summary: dict[str, Any]) -> list[str]:
    """Say what was learned from, or why not."""
    lines = []
    if summary.get("trees_of") is not None:
        lines.append(
            f"the trees are those learned up to {_day(summary['trees_of'] - 1)}: "
            f"{learned.customers:,} customers, {learned.examples:,} candidates"
        )
    if learned.windows:
        first, last = learned.windows[-1], learned.windows[0]
        n = len(learned.windows)
        lines.append(
            f"{learned.customers:,} customers with a hit in {n} window{'s' * (n > 1)}, "
            f"{_day(first.cutoff)} to {_day(last.end - 1)}: {learned.examples:,} candidates"
        )
    if learned.ranker is None:
        lines.append(f"no ranker: {learned.reason}")
        lines.append(f"the recipe {learned.simple} answers in its place")
    if learned.judged is not None:
        lines.append(learned.judged.told())
    if learned.ranker is not None:
        best = ", ".join(f"{one['feature']} {one['gain']:.0%}" for one in summary["importance"][:5])
        lines.append(
            f"{summary['features']} features of the candidates of {len(summary['channels'])} "
            f"channels; most gain: {best}"
        )
        for name, why in summary["channels_left_out"].items():
            lines.append(f"no channel {name}: {why}")
        reasons: dict[str, list[str]] = {}
        for name, why in summary["features_left_out"].items():
            reasons.setdefault(why, []).append(name)
        for why, names in reasons.items():
            lines.append(f"{len(names)} feature{'s' * (len(names) > 1)} left out: {why}")
    return lines
