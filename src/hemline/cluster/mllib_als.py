"""Item factors by Spark's own ALS, for a matrix that does not fit one machine.

The interactions are made by the block function that makes them on one machine, over parts of
the customers; the k-core is the Ibis expression. Only the articles' vectors come back. A
customer's is folded in from the history, as with any trainer.

What MLlib minimizes is not quite what Hemline's own trainers do:

- a confidence c is `1 + alpha_mllib * |rating|` there and `alpha * weight` here. The rating is
  therefore c - 1, and one that would be 0 or less, which MLlib takes for "not bought", is the
  smallest above it: a purchase with a confidence below 1 counts as 1.
- its regularization grows with the number of ratings of a row (ALS-WR, Zhou et al. 2008): it is
  given `regularization` divided by the mean number of articles of a customer, so that the mean
  customer has the same; an article, with more of them, has more.
- every row is solved exactly, from a random start of its own; how sums are added up depends on
  the order in which Spark's blocks arrive, so that runs agree to a few digits and not in bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from hemline.cluster.failures import explained
from hemline.cluster.parts import sizes
from hemline.cluster.sharing import SharedHistories
from hemline.config import Als, Weights
from hemline.errors import DataError
from hemline.models.base import Float32
from hemline.shop.histories import Histories
from hemline.shop.kcore import Core, Density, k_core_expression

if TYPE_CHECKING:
    from hemline.engines.spark import Spark
    from hemline.models.als_elsewhere import Trainer

LEAST: Final = 1e-6
"""The smallest rating that MLlib counts as bought, in place of a confidence of 1."""

BLOCK: Final = 1 << 14
_INTERACTIONS: Final = "customer int, article int, confidence float"


@dataclass(frozen=True)
class Interactions:
    """The function of `mapInArrow` that turns parts of customers into interactions."""

    histories: SharedHistories
    bounds: tuple[tuple[int, int], ...]
    as_of: int | None
    weights: Weights

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield customer, article and confidence of the parts whose numbers come in."""
        from hemline.models.weights import interactions

        for batch in batches:
            for number in batch.column(0).to_pylist():
                first, last = self.bounds[number]
                histories = self.histories.open()
                for low in range(first, last, BLOCK):
                    block = histories.block(low, min(low + BLOCK, last)).before(self.as_of)
                    matrix = interactions(block, self.as_of, self.weights, 1)
                    customer = np.repeat(
                        np.arange(low, low + len(block), dtype=np.int32), np.diff(matrix.indptr)
                    )
                    columns = [customer, matrix.indices.astype(np.int32), matrix.data]
                    yield pa.record_batch(
                        [pa.array(one) for one in columns], ["customer", "article", "confidence"]
                    )


def mllib_trainer(spark: Spark, work: Path) -> Trainer:
    """Return a trainer of ALS on an open Spark.

    Parameters
    ----------
    work : path
        A folder that driver and executors see under this path.
    """
    made = 0

    def train(histories: Histories, as_of: int | None, settings: Als) -> tuple[Core, Float32]:
        nonlocal made
        made += 1
        try:
            return _train(spark, work / f"als-{made}", histories, as_of, settings)
        except Exception as error:
            conf = spark.session.sparkContext.getConf()
            raise explained(error, lambda name: conf.get(name)) from error

    return train


def _train(
    spark: Spark, work: Path, histories: Histories, as_of: int | None, settings: Als
) -> tuple[Core, Float32]:
    from pyspark.ml.recommendation import ALS

    session = spark.session
    cores = int(session.sparkContext.defaultParallelism)
    bounds = tuple(sizes(0, len(histories), 4 * cores, BLOCK))
    made = Interactions(SharedHistories.of(histories, work), bounds, as_of, settings.weights)
    pairs = session.range(0, len(bounds), 1, numPartitions=len(bounds)).mapInArrow(
        made, _INTERACTIONS
    )
    pairs = pairs.persist()
    try:
        core, kept = _core(spark, work, pairs, histories, settings)
        rating = f"greatest({settings.alpha!r}D * confidence - 1D, {LEAST!r}D)"
        ratings = kept.selectExpr("customer", "article", f"float({rating}) AS rating")
        mean = core.after.pairs / max(core.after.customers, 1)
        trainer = ALS(
            rank=settings.factors,
            maxIter=settings.iterations,
            regParam=settings.regularization / max(mean, 1.0),
            numUserBlocks=max(2, cores),
            numItemBlocks=max(2, cores),
            implicitPrefs=True,
            alpha=1.0,
            userCol="customer",
            itemCol="article",
            ratingCol="rating",
            seed=settings.seed,
        )
        found = trainer.fit(ratings).itemFactors.toArrow()
        kept.unpersist()
    finally:
        pairs.unpersist()
    return core, _ordered(found, core, settings.factors)


def _core(
    spark: Spark, work: Path, pairs: Any, histories: Histories, settings: Als
) -> tuple[Core, Any]:
    """Return the k-core and its interactions; thresholds are lowered as by `core_that_holds`."""
    stored = _Stored(spark, work / "core")
    try:
        before = _density(pairs)
        if not before.pairs:
            raise DataError("there is no purchase to train on", hint="check the purchases")
        table = stored.table(pairs.select("customer", "article"))
        customer, article = settings.min_customer, settings.min_article
        while True:
            core = k_core_expression(table, customer, article, keep=stored.keep)
            kept = spark.session.sql(str(spark.ibis.compile(core)))
            after = _density(kept)
            if after.pairs or max(customer, article) <= 1:
                break
            customer, article = max(customer - 1, 1), max(article - 1, 1)
        masks = [
            _mask(kept, one, n)
            for one, n in (("customer", len(histories)), ("article", histories.n_articles))
        ]
        held = pairs.join(kept, ["customer", "article"], "left_semi").persist()
        held.count()  # before the views under it are gone
        return Core(masks[0], masks[1], (before, after), customer, article), held
    finally:
        stored.forget()


class _Stored:
    """Tables in Parquet files of the run folder: a lost executor loses none of them."""

    def __init__(self, spark: Spark, folder: Path) -> None:
        self.spark, self.folder = spark, folder
        self.names: list[str] = []

    def keep(self, expression: Any) -> Any:
        """Compute an Ibis expression."""
        return self.table(self.spark.session.sql(str(self.spark.ibis.compile(expression))))

    def table(self, frame: Any) -> Any:
        """Compute a data frame into files, and return them as a table of Ibis."""
        name = f"hemline_core_{id(self):x}_{len(self.names)}"
        place = str((self.folder / str(len(self.names))).resolve())
        frame.write.mode("overwrite").parquet(place)
        self.spark.session.read.parquet(place).createOrReplaceTempView(name)
        self.names.append(name)
        return self.spark.ibis.table(name)

    def forget(self) -> None:
        """Take the names away; the files go with the folder."""
        for one in self.names:
            self.spark.session.catalog.dropTempView(one)


def _density(pairs: Any) -> Density:
    counted = "count(DISTINCT customer) AS c", "count(DISTINCT article) AS a", "count(*) AS p"
    row = pairs.selectExpr(*counted).collect()[0]
    return Density(int(row["c"]), int(row["a"]), int(row["p"]))


def _mask(pairs: Any, column: str, n: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    held = np.zeros(n, dtype=bool)
    held[pairs.select(column).distinct().toArrow().column(0).to_numpy()] = True
    return held


def _ordered(found: pa.Table, core: Core, factors: int) -> Float32:
    """Return the vectors by rising position; zeros for an article that MLlib left out."""
    whole = np.zeros((len(core.articles), factors), np.float32)
    vectors = found.column("features").combine_chunks().flatten().to_numpy()
    whole[found.column("id").to_numpy()] = vectors.reshape(-1, factors)
    return whole[core.articles]
