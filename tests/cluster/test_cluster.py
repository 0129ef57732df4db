"""Recommending, evaluating and training on a real standalone cluster: the laptop's answers."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.parity.test_metrics_engines import Engine, agree, check_a_fold, drawn
from tests.spark_cluster import SparkCluster
from typer.testing import CliRunner

import hemline
from hemline.cli import app
from hemline.cluster import Recommending, cluster_lists
from hemline.cluster.learning import ClusterExamples
from hemline.cluster.task import RecommendTask as Task
from hemline.config import Spark as Settings
from hemline.engines.chosen import chosen_spark, engine
from hemline.errors import ConfigError, CutoffError, DataError, EngineError
from hemline.evaluate.backtest import backtest
from hemline.models import ALS
from hemline.models.als_elsewhere import trained_by
from hemline.photos.neighbours import Neighbours
from hemline.pipeline import run_stages
from hemline.recommend.bundle import Bundle, catalogue_of, train_bundle
from hemline.recommend.examples import Fitted
from hemline.recommend.examples_elsewhere import gathered_by
from hemline.recommend.output import write_recommendations
from hemline.recommend.ranker import Examples
from hemline.runs import RunFolder
from hemline.shop.source import Shop
from hemline.shop.tables import Tables

pytestmark = pytest.mark.spark

BLOCK = 256


class SlowTask(Task):
    """A part takes half a second more, so that there is a middle to be killed in."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for one in super().__call__(batches):
            time.sleep(0.5)
            yield one


class KilledTask(Task):
    """The kernel ends the process, as where a machine or a container runs out of memory."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGKILL)
        yield from super().__call__(batches)


class BrokenTask(Task):
    """A defect."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from super().__call__(batches)
        raise ValueError("the cause of it all")


def by_value(kind: type[Task], task: Task) -> Task:
    """A task of another kind, which is sent as a whole: executors have no tests."""
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    return kind(**vars(task))


class Slowly(Recommending):
    def task(self, *arguments: Any) -> Task:
        return by_value(SlowTask, super().task(*arguments))


def answered(
    run: RunFolder, job: Recommending, out: Path, after: Callable[[], None] | None = None
) -> bytes:
    """The file of a job on the cluster; `after` is called when its first block is there."""
    tables = Tables.open(run.folder("ingest"))

    def blocks() -> Iterator[Any]:
        for i, one in enumerate(job.blocks(tables.histories, 12, as_of=tables.cutoff)):
            if i == 0 and after is not None:
                after()
            yield one

    names = Bundle.open(run.folder("train")).recipe.channel_names
    write_recommendations(out, blocks(), tables.customer_ids, tables.article_ids, names)
    return out.read_bytes()


def laptops(run: RunFolder) -> bytes:
    return (run.folder("recommend") / "recommendations.parquet").read_bytes()


def state(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        one.name: (one.stat().st_ino, one.stat().st_mtime_ns)
        for one in (folder / "parts").glob("*.arrow")
    }


class TestOnTwoExecutors:
    @pytest.mark.parametrize("recipe", ["cascade", "rules", "two-stage"])
    def test_the_file_is_the_laptops_in_any_number_of_parts(
        self, spark, spark_cluster, run_of, work, recipe
    ):
        run = run_of(recipe)
        for parts in (1, 3, 8):
            folder = work / str(parts)
            job = Recommending(spark, run.folder("train"), folder, parts, BLOCK)
            assert answered(run, job, work / "out.parquet") == laptops(run)
            assert len(job.reports) == parts
            assert job.reports[0].low == 0
            assert all(one.high == two.low for one, two in pairwise(job.reports))
            assert not any(one.kept for one in job.reports)
            assert all(one.peak_bytes > 50e6 for one in job.reports)
            assert len(list((folder / "parts").iterdir())) == parts
        # the bundle is opened once by each executor's process, and a part more costs nothing
        opened = [one for one in job.reports if one.opening > 0.05]
        assert len(opened) <= 2

    def test_a_part_that_is_there_whole_is_kept_and_another_is_made(self, spark, run_of, work):
        run = run_of("cascade")
        job = Recommending(spark, run.folder("train"), work, 4, BLOCK)
        answered(run, job, work / "out.parquet")
        parts = sorted((work / "parts").glob("*.arrow"))
        parts[0].unlink()
        parts[1].write_bytes(parts[1].read_bytes()[:-100])
        before = state(work)
        again = Recommending(spark, run.folder("train"), work, 4, BLOCK)
        assert answered(run, again, work / "out.parquet") == laptops(run)
        assert [one.kept for one in again.reports] == [False, False, True, True]
        after = state(work)
        assert all(after[one.name] == before[one.name] for one in parts[2:])

    def test_kernels_come_compiled(self, spark, run_of, work):
        run = run_of("cascade")
        job = Recommending(spark, run.folder("train"), work, 2, BLOCK)
        answered(run, job, work / "out.parquet")

        def compiled(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            import os

            from hemline.models import foldin_kernel

            stats = foldin_kernel.fold_in.stats
            hits, misses = sum(stats.cache_hits.values()), sum(stats.cache_misses.values())
            there = stats.cache_path.startswith(os.environ["NUMBA_CACHE_DIR"])
            for _ in batches:
                yield pa.record_batch([[hits], [misses], [there]], ["hits", "misses", "there"])

        # the same processes, whose environment the first job has set
        kinds = "hits long, misses long, there boolean"
        found = spark.session.range(0, 2, 1, 2).mapInArrow(compiled, kinds).collect()
        assert [one.asDict() for one in found] == [{"hits": 1, "misses": 0, "there": True}] * 2

    def test_a_worker_is_killed_in_the_middle(self, spark, spark_cluster, run_of, work):
        run = run_of("rules")
        job = Slowly(spark, run.folder("train"), work, 10, BLOCK)
        seen: dict[str, tuple[int, int]] = {}

        def kill() -> None:
            seen.update(state(work))
            alive = [one for one in spark_cluster.workers if one.alive]
            spark_cluster.kill(alive[0])
            spark_cluster.start_worker()

        assert answered(run, job, work / "out.parquet", after=kill) == laptops(run)
        assert 0 < len(seen) < 10, "killed in the middle"
        after = state(work)
        assert len(after) == 10
        assert {name: after[name] for name in seen} == seen, "what was there was not written again"
        assert [one.part for one in job.reports] == list(range(10))

    def test_who_stops_reading_stops_the_job(self, spark, run_of, work):
        run = run_of("cascade")
        tables = Tables.open(run.folder("ingest"))
        job = Slowly(spark, run.folder("train"), work, 60, 32)
        blocks = job.blocks(tables.histories, 12, as_of=tables.cutoff)
        next(blocks)
        blocks.close()
        until = time.monotonic() + 10
        tracker = spark.session.sparkContext.statusTracker()
        while tracker.getActiveJobsIds() and time.monotonic() < until:
            time.sleep(0.05)
        assert not tracker.getActiveJobsIds()
        assert len(state(work)) < 60

    def test_an_error_is_the_one_of_the_laptop(self, spark, run_of, work):
        run = run_of("cascade")
        tables = Tables.open(run.folder("ingest"))
        job = Recommending(spark, run.folder("train"), work, 2, BLOCK)
        with pytest.raises(CutoffError) as here:
            list(job.blocks(tables.histories, 12, as_of=tables.cutoff - 1))
        assert here.value.hint

    def test_an_error_of_a_task_is_told_as_it_was_raised(self, spark, run_of, work):
        run = run_of("cascade")
        tables = Tables.open(run.folder("ingest"))

        class Wrong(Recommending):
            def task(self, archive, histories, k, as_of):
                return super().task(archive, histories, k, as_of - 1)

        job = Wrong(spark, run.folder("train"), work, 2, BLOCK)
        with pytest.raises(CutoffError, match="fitted on purchases up to") as there:
            list(job.blocks(tables.histories, 12, as_of=tables.cutoff))
        assert there.value.hint == "fit it again on what came before that moment"

        class Broken(Recommending):
            def task(self, *arguments):
                return by_value(BrokenTask, super().task(*arguments))

        broken = Broken(spark, run.folder("train"), work, 1, BLOCK)
        with pytest.raises(EngineError) as failed:
            list(broken.blocks(tables.histories, 12, as_of=tables.cutoff))
        assert str(failed.value).endswith(": ValueError: the cause of it all")

    def test_a_process_that_is_killed_again_and_again_lacks_memory(self, spark, run_of, work):
        run = run_of("cascade")
        tables = Tables.open(run.folder("ingest"))

        class Killed(Recommending):
            def task(self, *arguments):
                return by_value(KilledTask, super().task(*arguments))

        job = Killed(spark, run.folder("train"), work, 1, BLOCK)
        with pytest.raises(
            EngineError, match=r"executor \d+ on 127.0.0.1 had too little"
        ) as raised:
            list(job.blocks(tables.histories, 12, as_of=tables.cutoff))
        assert "spark.executor.memory 1g" in str(raised.value)
        assert "spark.executor_overhead" in raised.value.hint

    @pytest.mark.parametrize("recipe", ["cascade", "two-stage"])
    def test_the_backtest_is_the_laptops(self, spark, run_of, work, recipe):
        run = run_of(recipe)
        config = run.config.replaced({"evaluate.folds": 1, "evaluate.horizon_days": 14})
        tables = Tables.open(run.folder("ingest"))
        catalogue = catalogue_of(config, tables.articles, Neighbours.open(run.folder("neighbours")))
        here = backtest(config, catalogue, tables.histories)
        there = backtest(config, catalogue, tables.histories, lists=cluster_lists(spark, work, 3))
        assert len(here.results) == 2
        for one, other in zip(here.results, there.results, strict=True):
            assert one.metrics == other.metrics

    def test_a_whole_run_is_the_laptops(self, spark, spark_cluster, run_of, work):
        here = run_of("rules")
        config = here.config.replaced({"evaluate.folds": 1, "evaluate.horizon_days": 14})
        shop = Shop.from_folder(here.path.parent / "shop")
        with engine("spark", config, spark_cluster.url):
            there = run_stages(work / "run", config, shop)
            assert chosen_spark().session is spark.session
        assert (there.path / "recommendations.parquet").read_bytes() == laptops(here)
        assert not (there.path / "work").exists()
        for one in sorted((here.folder("ingest") / "histories").glob("*.npy")):
            other = there.folder("ingest") / "histories" / one.name
            assert other.read_bytes() == one.read_bytes(), one.name
        # whoever did a stage, it is done: the laptop only looks
        again = run_stages(work / "run", config, shop)
        assert again.record("evaluate") == there.record("evaluate")
        judged = json.loads((there.folder("evaluate") / "backtest.json").read_text())
        by_hand = backtest(
            config,
            catalogue_of(
                config,
                Tables.open(here.folder("ingest")).articles,
                Neighbours.open(here.folder("neighbours")),
            ),
            Tables.open(here.folder("ingest")).histories,
        )
        assert [one["metrics"] for one in judged["folds"]] == [
            one.metrics for one in by_hand.results
        ]

    def test_an_update_is_the_laptops(self, spark, spark_cluster, run_of, work, monkeypatch):
        here, there = (
            Path(shutil.copytree(run_of("rules").path, work / name, symlinks=True))
            for name in ("here", "there")
        )
        tables = Tables.open(run_of("rules").folder("ingest"))
        day = work / "day.csv"
        bought = [f"new,{tables.article_ids.id(3)}", f"{tables.customer_ids.id(5)},none"]
        bought += [f"{tables.customer_ids.id(n)},{tables.article_ids.id(n)}" for n in range(200)]
        rows = [f"{np.datetime64(tables.cutoff, 's').astype('M8[D]')},{one}" for one in bought]
        day.write_text("t_dat,customer_id,article_id\n" + "\n".join(rows) + "\n")
        hemline.update(here, day)
        asked: list[int] = []
        blocks = Recommending.blocks

        def counted(job: Recommending, histories: Any, *arguments: Any, **named: Any) -> Any:
            asked.append(len(histories))
            return blocks(job, histories, *arguments, **named)

        monkeypatch.setattr(Recommending, "blocks", counted)
        words = ["update", str(there), day.as_uri(), "--engine", "spark"]
        words += ["--master", spark_cluster.url, "--set", "spark.executor_memory=1g"]
        found = CliRunner().invoke(app, words, catch_exceptions=False)
        assert found.exit_code == 0
        assert asked == [len(tables.customer_ids) + 1]  # everyone, once, on the cluster
        for name in ("recommendations.parquet", "recommendations-updated.parquet"):
            assert (here / name).read_bytes() == (there / name).read_bytes()
        assert RunFolder.open(there).source["added"] == RunFolder.open(here).source["added"]
        with pytest.raises(
            ConfigError, match=r"als\.factors: an update has the settings of its run"
        ):
            hemline.update(there, day, settings={"als.factors": 8})
        with pytest.raises(DataError, match="not on this machine"):
            hemline.update(there, day.as_uri())

    def test_what_a_ranker_learns_from_is_the_laptops_in_any_number_of_parts(
        self, spark, run_of, work
    ):
        run = run_of("two-stage")
        tables = Tables.open(run.folder("ingest"))
        catalogue = catalogue_of(
            run.config, tables.articles, Neighbours.open(run.folder("neighbours"))
        )
        made = []

        def both(fitted: Fitted, rows: Any, negatives: int, digest: Any) -> Examples:
            here = fitted.examples(rows, negatives, digest)
            for parts in (1, 4):
                there = ClusterExamples(spark, work, parts, block=64)
                found = there(fitted, rows, negatives, digest)
                for name in ("features", "bought", "counts"):
                    one, other = getattr(here, name), getattr(found, name)
                    assert one.dtype == other.dtype
                    assert one.tobytes() == other.tobytes()
                assert len(there.reports[0]) == parts
                assert not any(one.kept for one in there.reports[0])
                assert not list(work.iterdir())
            made.append(len(here))
            nobody = there(fitted, rows[:0], negatives, digest[:0])
            assert nobody.features.shape == (0, here.features.shape[1])
            return here

        with gathered_by(both):
            train_bundle(run.config, catalogue, tables.histories, as_of=tables.cutoff)
        assert len(made) == 2
        assert min(made) > 20

    def test_a_ranker_trained_on_the_cluster_is_the_laptops(
        self, spark, spark_cluster, run_of, work
    ):
        here = run_of("two-stage")
        shop = Shop.from_folder(here.path.parent / "shop")
        asked: list[int] = []

        class Counted(ClusterExamples):
            def __call__(self, *arguments: Any) -> Examples:
                found = super().__call__(*arguments)
                asked.append(len(found))
                return found

        with (
            pytest.MonkeyPatch.context() as patch,
            engine("spark", here.config, spark_cluster.url),
        ):
            patch.setattr("hemline.pipeline.cluster.ClusterExamples", Counted)
            there = run_stages(work / "run", here.config, shop, stages=["train"])
        assert len(asked) == 2
        bundles = [one.folder("train") for one in (here, there)]
        names = [
            sorted(one.relative_to(folder) for one in folder.rglob("*") if one.is_file())
            for folder in bundles
        ]
        assert names[0] == names[1]
        assert Path("recipe/ranker/model.txt") in names[0]
        for name in names[0]:
            if name.name != "stage.json":  # when it was done, and how long it took
                assert (bundles[0] / name).read_bytes() == (bundles[1] / name).read_bytes(), name

    def test_every_customer_has_the_same_metrics(self, tables_on_spark):
        lists, truth = drawn(700, 14, 60)
        agree(lists, truth, 12, tables_on_spark, "relevant")

    def test_a_fold_is_judged_alike(self, tables_on_spark):
        check_a_fold(tables_on_spark)

    @pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")
    @pytest.mark.filterwarnings("ignore:The 'future.infer_string' option is deprecated")
    def test_mllib_trains_item_factors_for_the_same_fold_in(self, spark, run_of, work):
        from hemline.cluster.mllib_als import mllib_trainer

        tables = Tables.open(run_of("cascade").folder("ingest"))
        settings = {"factors": 8, "iterations": 6, "regularization": 0.1}
        ours = ALS(**settings).fit(tables.histories, as_of=tables.cutoff)
        with trained_by(mllib_trainer(spark, work)):
            theirs = ALS(**settings, trainer="mllib").fit(tables.histories, as_of=tables.cutoff)
        assert np.array_equal(ours.core_.customers, theirs.core_.customers)
        assert np.array_equal(ours.known_, theirs.known_)
        assert ours.core_.after == theirs.core_.after
        # the same taste: what one thinks likely, the other does
        some = tables.histories.take(np.flatnonzero(ours.core_.customers)[:300])
        scores = [
            one.customer_vectors(some, as_of=tables.cutoff) @ np.asarray(one.item_factors_).T
            for one in (ours, theirs)
        ]
        assert np.corrcoef(scores[0].ravel(), scores[1].ravel())[0, 1] > 0.7
        theirs.save(work / "saved")
        again = ALS.load(work / "saved").recommend(some, 5, as_of=tables.cutoff)
        kept = theirs.recommend(some, 5, as_of=tables.cutoff)
        assert np.array_equal(again.articles, kept.articles)


@pytest.fixture(scope="class")
def tables_on_spark(spark):
    def named(name: str, table: pa.Table) -> Any:
        spark.session.createDataFrame(table).createOrReplaceTempView(name)
        return spark.ibis.table(name)

    def rows(expression: Any) -> pa.Table:
        return spark.session.sql(str(spark.ibis.compile(expression))).toArrow()

    return Engine(named, rows)


class TestStarved:
    def test_an_executor_without_memory_is_named_with_what_to_set(
        self, spark_cluster: SparkCluster, run_of, work
    ):
        from hemline.engines.spark import Spark

        run = run_of("cascade")
        tables = Tables.open(run.folder("ingest"))
        settings = Settings(
            master=spark_cluster.url,
            executor_memory="512m",
            timeout_seconds=60,
            settings={"spark.executor.pyspark.memory": "700m", "spark.task.maxFailures": "2"},
        )
        with Spark(settings) as spark:
            job = Recommending(spark, run.folder("train"), work, 2, BLOCK)
            with pytest.raises(EngineError, match="too little memory") as raised:
                list(job.blocks(tables.histories, 12, as_of=tables.cutoff))
        said = str(raised.value)
        assert re.search(r"executor \d+ on \S+ had too little memory", said)
        assert "spark.executor.memory 512m" in said
        assert "spark.executor.pyspark.memory 700m" in said
        assert re.search(r"may take 700 MiB of addresses and needs 1,5\d\d", said)
        assert "spark.executor.pyspark.memory" in raised.value.hint
        assert "\n" not in said
        assert "Exception" not in said
