"""The sources' way: similar to what you bought, ranked by ALS, completed in a fixed order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from hemline.blocks import Progress, silent
from hemline.config import Config
from hemline.errors import ConfigError
from hemline.models.als import ALS
from hemline.models.also_bought import AlsoBought
from hemline.models.base import Int32, Mask, Repeat
from hemline.models.popular import Popular
from hemline.recommend.base import Recommendations, Request
from hemline.recommend.earlier import Earlier
from hemline.shop.histories import Histories
from hemline.shop.kcore import Core
from hemline.shop.tables import Catalogue


class Cascade:
    """Every customer gets k articles, from five channels that fill the row one after another.

    - ``similar``: the similar articles of every purchase that share each of
      `cascade.attributes` with some purchase, ranked by ALS; score: the dot product.
    - ``similar-sample``: those of them that ALS cannot rank, because the article or the
      customer is not in its training, drawn at random; score: what was drawn, in [0, 1).
      The draw follows from `seed` and the set of articles bought, so that a basket is
      answered as the customer who bought it.
    - ``also-bought``: what others bought who bought the same; score: the sum of the counts.
    - ``popular-at-age``, then ``popular``; score: the count.

    What has been chosen by an earlier channel is not chosen again. When the repeat policies
    leave fewer than k articles, popularity fills the row with what was bought, too, so that
    there are k wherever the catalogue (or `among`) has k.

    After "Part 4: Combining", steps 1 to 5; there the last two are one, popularity among
    others who bought the same, and customers without any purchase stay blank.
    """

    name: ClassVar[str] = "cascade"
    channel_names: ClassVar[tuple[str, ...]] = (
        "similar",
        "similar-sample",
        "also-bought",
        "popular-at-age",
        "popular",
    )

    n_articles_: int
    cutoff_: int | None
    summary_: dict[str, Any]
    als: ALS
    also_bought: AlsoBought
    popular: Popular
    earlier: Earlier | None = None

    def __init__(self, config: Config) -> None:
        self.config = config
        chosen = config.cascade
        self.repeats = tuple(
            Repeat.parse(one)
            for one in (chosen.similar_repeat, chosen.also_bought_repeat, chosen.popular_repeat)
        )
        self._unfitted()

    def _unfitted(self) -> None:
        config = self.config
        self.als = ALS(**{**config.als.model_dump(), "seed": config.seed})
        self.also_bought = AlsoBought(**config.also_bought.model_dump())
        self.popular = Popular(**{**config.popular.model_dump(), "by_age": True})

    def fit(
        self,
        train: Histories,
        catalogue: Catalogue,
        *,
        as_of: int | None = None,
        progress: Progress = silent,
    ) -> Self:
        """Train ALS, also-bought and popularity on what was bought before `as_of` (seconds)."""
        self._unfitted()
        self.als.threads = self.also_bought.threads = self.popular.threads = self.config.threads
        self.als.progress = progress
        started = self._start()
        self.als.fit(train, as_of=as_of)
        self.also_bought.fit(train, as_of=as_of)
        self.popular.fit(train, as_of=as_of)
        self._prepare(catalogue)
        self.summary_["als_share_of_customers"] = self.als.share_
        self.summary_["lines"] = [*_lines(self.als.core_, self.summary_), *started]
        return self

    def _start(self) -> list[str]:
        """Let ALS begin at the vectors of the earlier recipe, and say so."""
        if self.earlier is None or not isinstance(self.earlier.recipe, Cascade):
            return []
        als = self.earlier.als_from(self.als, self.earlier.recipe.als, self.config.update)
        if als is None:
            return []
        als.threads, als.progress, self.als = self.als.threads, self.als.progress, als
        return [f"ALS went on from the vectors of before: {als.settings.iterations} iterations"]

    def _prepare(self, catalogue: Catalogue) -> None:
        self.als.threads = 1  # blocks are spread over threads by whoever asks for them
        self.als.progress = silent
        self.n_articles_ = self.als.n_articles_
        self.cutoff_ = self.als.cutoff_
        if catalogue.n_articles != self.n_articles_:
            raise ConfigError(
                f"a catalogue of {catalogue.n_articles} articles, histories over "
                f"{self.n_articles_}",
                hint="use one catalogue for both",
            )
        attributes = self.config.cascade.attributes
        codes, n_codes, left_out = filter_codes(catalogue, attributes)
        similar = np.ascontiguousarray(catalogue.similar, np.int32)
        self._catalogue = (similar, codes, n_codes)
        self._factors = (
            np.ascontiguousarray(self.als.whitened_),
            np.ascontiguousarray(self.als.known_),
        )
        self._also_bought = tuple(
            np.ascontiguousarray(one)
            for one in (
                self.also_bought.indptr_,
                self.also_bought.article_,
                self.also_bought.count_,
            )
        )
        self._popular = (
            np.ascontiguousarray(self.popular.order_),
            np.ascontiguousarray(self.popular.counts_),
        )
        self.summary_ = {
            "attributes": [one for one in attributes if one not in left_out],
            "attributes_left_out": left_out,
            "articles_with_similar": int((similar >= 0).any(axis=1).sum()),
            "articles_in_als": int(self.als.known_.sum()),
            "also_bought_pairs": len(self.also_bought.article_),
        }

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        as_of: int | None,
        among: Mask | None = None,
    ) -> Recommendations:
        """Answer one block of customers: see `Recipe.recommend`."""
        from hemline.recommend.cascade_kernel import NEVER, cascade_block

        asked = Request.of(self, histories, k, as_of, among)
        vectors = self.als.customer_vectors(asked.histories, as_of=as_of, whitened=True)
        since = [repeat.excluded_since(as_of) for repeat in self.repeats]
        found = Recommendations.empty(len(histories), k)
        cascade_block(
            asked.arrays(),
            self._catalogue,
            (vectors, *self._factors),
            self._also_bought,
            (*self._popular, self.popular.band_of(histories.age)),
            np.uint64(self.config.seed % 2**64),
            asked.among,
            np.array([NEVER if one is None else one for one in since], np.int64),
            (found.articles, found.scores, found.channels),
        )
        return found

    def save(self, folder: Path) -> None:
        """Write the three models, each in a folder of its own, and what was said of the fit."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "summary.json").write_text(json.dumps(self.summary_, indent=1))
        self.als.save(folder / "als")
        self.also_bought.save(folder / "also_bought")
        self.popular.save(folder / "popular")

    @classmethod
    def load(cls, folder: Path, config: Config, catalogue: Catalogue) -> Self:
        """Map what `save` wrote into memory."""
        recipe = cls(config)
        recipe.als = ALS.load(folder / "als")
        recipe.also_bought = AlsoBought.load(folder / "also_bought")
        recipe.popular = Popular.load(folder / "popular")
        recipe._prepare(catalogue)
        recipe.summary_ = json.loads((folder / "summary.json").read_text())
        return recipe


def filter_codes(catalogue: Catalogue, attributes: tuple[str, ...]) -> tuple[Int32, int, list[str]]:
    """Return the attributes that similar articles must share with a purchase, as one array.

    Returns
    -------
    codes : int32 (n_articles, number of attributes used)
        No number is used by two attributes; -1 where an article lacks one: then it is
        never similar enough.
    n_codes : int
        All codes are below it.
    left_out : list of str
        Attributes that no article of this shop has. They do not filter.

    Raises
    ------
    ConfigError
        The product table has no such column.
    """
    columns: list[Int32] = []
    left_out = []
    n_codes = 0
    for name in attributes:
        if name not in catalogue.codes:
            raise ConfigError(
                f"cascade.attributes: no attribute {name!r}",
                hint=f"known here: {', '.join(sorted(catalogue.codes)) or 'none'}",
            )
        codes = catalogue.codes[name]
        highest = int(codes.max(initial=-1))
        if highest < 0:
            left_out.append(name)
            continue
        columns.append(np.where(codes >= 0, codes + n_codes, -1).astype(np.int32))
        n_codes += highest + 1
    if not columns:
        return np.zeros((catalogue.n_articles, 0), np.int32), 0, left_out
    return np.ascontiguousarray(np.stack(columns, axis=1)), n_codes, left_out


def _lines(core: Core, summary: dict[str, Any]) -> list[str]:
    """Say what was trained on, as the sources print it, and what else was learned."""
    lines = [
        f"ALS on purchases with at least {core.min_customer} articles a customer and "
        f"{core.min_article} customers an article"
    ]
    if summary["als_share_of_customers"] < 1:
        lines.append(f"  of a sample, {summary['als_share_of_customers']:.1%} of the customers")
    for name, one in (("before", core.before), ("after", core.after)):
        lines.append(f"  {name}: " + str(one).replace("\n", ", "))
    lines.append(
        f"similar articles for {summary['articles_with_similar']:,}, "
        f"{summary['also_bought_pairs']:,} pairs also bought"
    )
    if summary["attributes_left_out"]:
        left_out = ", ".join(summary["attributes_left_out"])
        lines.append(f"not filtered by {left_out}: the shop does not tell it")
    return lines
