"""Ask a finished run: what to recommend, what is similar."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hemline import pipeline
from hemline.blocks import Progress, silent
from hemline.errors import ConfigError
from hemline.runs import STAGES, UPDATED, RunFolder, StageRecord
from hemline.schema import RECOMMENDATIONS
from hemline.shop.histories import Histories
from hemline.shop.tables import Tables

if TYPE_CHECKING:
    from hemline.config import Config
    from hemline.photos.neighbours import Neighbours
    from hemline.recommend.bundle import Bundle
    from hemline.recommend.explanation import Explanation
    from hemline.recommend.features import Features


class Recommended(NamedTuple):
    """One recommended article: its rank from 1, its score within its channel, the channel."""

    rank: int
    article_id: str
    score: float
    channel: str
    name: str | None
    """What the shop calls it, where the product table tells."""


class SimilarArticle(NamedTuple):
    """One visually similar article: its rank from 1 and the cosine of the two photos."""

    rank: int
    article_id: str
    score: float
    name: str | None
    type: str | None
    department: str | None


class Recommender:
    """A finished run, opened: small arrays mapped into memory, nothing computed ahead."""

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self.config = run.config

    @classmethod
    def open(cls, run: Path | str) -> Recommender:
        """Open a run folder.

        Raises
        ------
        RunError
            There is no run.
        """
        return cls(RunFolder.open(run))

    @cached_property
    def tables(self) -> Tables:
        """The shop's checked tables."""
        return Tables.open(self.run.folder("ingest"))

    @cached_property
    def bundle(self) -> Bundle:
        """Everything that was learned."""
        return pipeline.open_bundle(self.run)

    @cached_property
    def neighbours(self) -> Neighbours:
        """The visually similar articles of every article."""
        from hemline.photos.neighbours import Neighbours

        return Neighbours.open(self.run.folder("neighbours"))

    @cached_property
    def as_of(self) -> int:
        """The moment that the run recommends for, in seconds: nothing later was seen."""
        return pipeline.as_of(self.config, self.tables)

    def recommend(
        self,
        customer: str | None = None,
        *,
        basket: Iterable[str] | None = None,
        age: float | None = None,
        k: int | None = None,
        among: npt.NDArray[np.bool_] | None = None,
    ) -> list[Recommended]:
        """Recommend k articles to a customer of the shop, or for a basket of articles.

        The same function as in the batch: a customer's answer equals the one in
        `recommendations()`, and a basket's equals that of a customer who bought it just
        before the run's moment.

        Parameters
        ----------
        customer : str, optional
            The shop's id. Either this or `basket`.
        basket : article ids, optional
            May be empty: then the popular articles are the answer.
        age : float, optional
            Years; for a basket only.
        k : int, optional
            The run's `k` when None.
        among : bool (n_articles,), optional
            True where an article may be recommended.

        Raises
        ------
        UnknownIdError
            The customer, or an article of the basket, is not known to the run.
        """
        if (customer is None) == (basket is None):
            raise ConfigError("recommend() takes either a customer or a basket")
        k = self.config.k if k is None else k
        if k < 1:
            raise ConfigError(f"k = {k}", hint="k is at least 1")
        k = min(k, len(self.tables.article_ids))
        history = self.history(customer, basket=basket, age=age)
        found = self.bundle.recommend(history, k, as_of=self.as_of, among=among)
        names, ids = self.bundle.recipe.channel_names, self.tables.article_ids
        titles = self._attribute("prod_name")
        return [
            Recommended(rank, ids.id(article), float(score), names[channel], titles(article))
            for rank, (article, score, channel) in enumerate(
                zip(
                    found.articles[0].tolist(),
                    found.scores[0].tolist(),
                    found.channels[0].tolist(),
                    strict=True,
                ),
                start=1,
            )
            if article >= 0
        ]

    def history(
        self,
        customer: str | None = None,
        *,
        basket: Iterable[str] | None = None,
        age: float | None = None,
    ) -> Histories:
        """Return what a customer bought, or a basket bought just before the run's moment: one row.

        Raises
        ------
        UnknownIdError
            The customer, or an article of the basket, is not known to the run.
        """
        if customer is not None:
            place = self.tables.customer_ids.position(customer)
            # a copy: the recipe looks into it often, and a mapped array is slow to look into
            return self.tables.histories.block(place, place + 1).compact()
        articles = [self.tables.article_ids.position(one) for one in basket or ()]
        return Histories.from_baskets(
            [articles],
            n_articles=len(self.tables.article_ids),
            time=self.as_of - 1,
            age=[np.nan if age is None else age],
        )

    def explain(
        self,
        article: str,
        *,
        customer: str | None = None,
        basket: Iterable[str] | None = None,
        age: float | None = None,
    ) -> Explanation:
        """Explain why an article is, or would be, recommended to a customer or for a basket.

        Works on what the run holds, without a graph; every number can be checked in one
        (`explanation_checks`).

        Parameters
        ----------
        article : str
            The shop's id.
        customer, basket, age
            As in `recommend`.

        Raises
        ------
        UnknownIdError
            The customer, or an article, is not known to the run.
        """
        from hemline.recommend.evidence import evidence
        from hemline.recommend.explanation import Names, Place, Thing, explain
        from hemline.recommend.proposals import proposals

        if (customer is None) == (basket is None):
            raise ConfigError("explain() takes either a customer or a basket")
        basket = None if basket is None else list(basket)
        place = self.tables.article_ids.position(article)
        k = min(self.config.k, len(self.tables.article_ids))
        listed = self.recommend(customer, basket=basket, age=age, k=k)
        among = next((one for one in listed if one.article_id == article), None)
        history = self.history(customer, basket=basket, age=age)
        why = evidence(
            self.bundle,
            history,
            place,
            self.as_of,
            self.tables.histories,
        )
        titles, ids = self._attribute("prod_name"), self.tables.article_ids
        return explain(
            why,
            self.bundle,
            Names(lambda one: Thing(ids.id(one), titles(one)), self._coded),
            customer=None if customer is None else Thing(customer),
            as_of=self.as_of or None,
            place=among and Place(among.rank, k, among.score, among.channel),
            k=k,
            proposed=proposals(self.bundle, history, place, self.as_of),
        )

    def _coded(self, column: str, article: int) -> tuple[str | None, str | None]:
        """Return what an article has in a column, and the name that goes with it."""
        name = f"{column.rpartition('_')[0]}_name"
        known = name in self.tables.articles.column_names
        return self._attribute(column)(article), self._attribute(name)(article) if known else None

    def similar(self, article: str, k: int | None = None) -> list[SimilarArticle]:
        """Return the visually most similar articles; none for an article without a photo.

        Raises
        ------
        UnknownIdError
            The article is not known to the run.
        """
        place = self.tables.article_ids.position(article)
        articles, scores = self.neighbours.articles[place], self.neighbours.scores[place]
        names, types, departments = (
            self._attribute(one) for one in ("prod_name", "product_type_name", "department_name")
        )
        return [
            SimilarArticle(
                rank,
                self.tables.article_ids.id(one),
                float(score),
                names(one),
                types(one),
                departments(one),
            )
            for rank, (one, score) in enumerate(
                zip(articles[:k].tolist(), scores[:k].tolist(), strict=True), start=1
            )
            if one >= 0
        ]

    def _attribute(self, column: str) -> Any:
        values = self.tables.articles.column(column)
        return lambda position: values[position].as_py()

    def features(self, config: Config | None = None) -> Features:
        """Return the features that the shop has the data for, and those that it has not.

        Parameters
        ----------
        config : Config, optional
            Other settings than those of the run.
        """
        from hemline.recommend.bundle import catalogue_of
        from hemline.recommend.features import Features

        config = self.config if config is None else config
        tables = self.tables
        neighbours = self.neighbours if self.run.record("neighbours") else None
        catalogue = catalogue_of(config, tables.articles, neighbours)
        found = Features(config, tuple(config.channel_settings()))
        return found.narrow(catalogue, dated=bool(tables.histories.last_time()))

    def recommendations(self) -> pa.Table:
        """Return the twelve of every customer as an Arrow table, schema.RECOMMENDATIONS."""
        path = self.run.folder("recommend") / "recommendations.parquet"
        return pq.read_table(path, schema=RECOMMENDATIONS)

    def updated(self) -> pa.Table | None:
        """Return the recommendations of the customers whom the last update concerned.

        None where the run has no update, or none was asked to recommend.
        """
        path = self.run.path / UPDATED
        return pq.read_table(path, schema=RECOMMENDATIONS) if path.exists() else None

    def write_submission(self, out: Path | str) -> int:
        """Write a Kaggle submission and check it; return the number of customers in it.

        One row for every customer of the customer table, or of the purchases when the shop
        has no customer table.
        """
        from hemline.recommend.submission import validate_submission, write_submission

        path = self.run.folder("recommend") / "recommendations.parquet"
        listed = self.tables.listed_customers()
        write_submission(path, listed, Path(out))
        articles = self.tables.article_ids
        return validate_submission(Path(out), listed, articles, k=min(self.config.k, len(articles)))

    def status(self) -> list[tuple[str, StageRecord | None]]:
        """Return every stage with its record, or None where it has not been done."""
        return [(name, self.run.record(name)) for name in STAGES]

    def backtest(self) -> dict[str, Any]:
        """Return the report of the stage `evaluate`; empty when there were no folds."""
        path = self.run.folder("evaluate") / "backtest.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return {**found, "n_folds": self.config.evaluate.folds} if found else found

    def channels(
        self, changes: dict[str, Any] | None = None, *, progress: Progress = silent
    ) -> dict[str, Any]:
        """Return what each channel reaches in the newest fold of the backtest, as JSON.

        Parameters
        ----------
        changes : dict, optional
            Settings to replace, by `section.key`.
        progress : callable

        Raises
        ------
        DataError
            The purchases have no dates or span too few days.
        """
        from hemline.evaluate.channels import channel_report
        from hemline.recommend.bundle import catalogue_of

        return channel_report(
            self.config.replaced(changes or {}),
            catalogue_of(self.config, self.tables.articles, self.neighbours),
            self.tables.histories,
            as_of=self.as_of,
            progress=progress,
        ).to_json()

    def importance(self) -> dict[str, Any]:
        """Return what the run's ranker goes by: each feature's share of the gain.

        Returns
        -------
        dict
            ``features``: name, family, meaning, gain, splits, the largest gain first; empty
            where a simple recipe answers. ``lines``: what was said of the training.

        Raises
        ------
        ConfigError
            The run's recipe has no ranker.
        """
        from hemline.recommend.features import Features

        summary = self.bundle.summary
        if "windows" not in summary:
            raise ConfigError(
                f"the recipe {summary['recipe']} has no ranker",
                hint="run with the recipe two-stage",
            )
        declared = Features(self.bundle.config, tuple(summary.get("channels", ()))).declared
        known = {one.name: one for one in declared}
        return {
            "features": [
                {
                    "feature": one["feature"],
                    "family": known[one["feature"]].family,
                    "meaning": known[one["feature"]].meaning,
                    "gain": one["gain"],
                    "splits": one["splits"],
                }
                for one in summary.get("importance", ())
            ],
            "lines": summary["lines"],
        }

    def holdout(self) -> dict[str, Any]:
        """Return the talk's table: precision@5 by confidence weights, on a random hold-out."""
        from hemline.evaluate.holdout import talk_table

        return talk_table(self.tables.histories, self.config).to_json()
