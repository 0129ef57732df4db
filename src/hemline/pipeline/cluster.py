"""What stages let a cluster do, where `context.spark()` is one; imported only then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hemline.cluster import Recommending, cluster_lists
from hemline.cluster.learning import ClusterExamples
from hemline.evaluate.backtest import ListMaker
from hemline.pipeline.stage import Context
from hemline.recommend.base import Recommendations
from hemline.shop.histories import Histories

if TYPE_CHECKING:
    from hemline.engines.spark import Spark


def recommended(
    context: Context, spark: Spark, histories: Histories, as_of: int, name: str
) -> Iterator[Recommendations]:
    """Yield the recommendations of everyone by the bundle of `train`, as `recommend_all` does.

    Parts that are whole are kept in the run folder until the stage is done: a driver that was
    killed goes on with them.

    Parameters
    ----------
    name : str
        Of the stage's folder, which tells the bundle and all that the answer depends on.
    """
    job = Recommending(spark, context.folder("train"), _work(context) / f"parts-{name}")
    return job.blocks(histories, context.config.k, as_of=as_of, progress=context.progress)


@contextmanager
def working(context: Context, spark: Spark | None) -> Iterator[ListMaker | None]:
    """Let the cluster train ALS where it asks for MLlib, and make what rankers learn from.

    Gives what recommends in a backtest.

    Without a cluster it changes nothing.
    """
    if spark is None:
        yield None
        return
    from hemline.cluster.mllib_als import mllib_trainer
    from hemline.models.als_elsewhere import trained_by
    from hemline.recommend.examples_elsewhere import gathered_by

    work = _work(context)
    examples = ClusterExamples(spark, work / "examples")
    with trained_by(mllib_trainer(spark, work / "mllib")), gathered_by(examples):
        yield cluster_lists(spark, work / "folds")


def _work(context: Context) -> Path:
    return context.run.path.resolve() / "work"
