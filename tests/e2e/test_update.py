"""New purchases into a run: what a rebuild would give, once, and whole at any instant."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.e2e.conftest import SETTINGS
from typer.testing import CliRunner

import hemline
from hemline import api
from hemline.cli import app
from hemline.errors import (
    ConfigError,
    CutoffError,
    DataError,
    HemlineError,
    RunError,
    UnknownIdError,
)
from hemline.live import LOG, LiveRecommender, unfolded
from hemline.pipeline import Silent, additions
from hemline.purchase_log import NewPurchase, PurchaseLog
from hemline.runs import STAGES, UPDATED, RunFolder

LAST = 200
QUICK = {**SETTINGS, "evaluate.folds": 0, "threads": 1}
DAY = 86_400


class Listener(Silent):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.done: dict[str, bool] = {}
        self.notices: list[str] = []

    def finished(self, record: Any, skipped: bool) -> None:
        self.done[record.name] = not skipped

    def notice(self, text: str) -> None:
        self.notices.append(text)


def digests(run: Path) -> dict[str, str]:
    """Return a digest of every file of a run but its lock."""
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def same_folder(one: Path, other: Path, but: tuple[str, ...] = ()) -> None:
    names = {str(path.relative_to(one)) for path in one.rglob("*") if path.is_file()}
    for name in sorted(names - {"stage.json", "ingest.json", "customers_updated.npy", *but}):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


@pytest.fixture(scope="module")
def parts(simulated_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop without its last purchases and newest article, and a folder with these."""
    folder = tmp_path_factory.mktemp("parts")
    old, new = folder / "old", folder / "new"
    for one in (old, new):
        one.mkdir()
    head, *rows = (simulated_shop / "transactions_train.csv").read_text().splitlines()
    old_rows, new_rows = rows[:-LAST], rows[-LAST:]
    sold = {row.split(",")[2] for row in old_rows}
    article_head, *articles = (simulated_shop / "articles.csv").read_text().splitlines()
    late = next(one for one in articles[5:] if one[:10] not in sold)
    customers = (simulated_shop / "customers.csv").read_text()
    (old / "transactions_train.csv").write_text("\n".join([head, *old_rows]) + "\n")
    (new / "transactions_train.csv").write_text("\n".join([head, *new_rows]) + "\n")
    listed = [one for one in articles if one != late]
    (old / "articles.csv").write_text("\n".join([article_head, *listed]) + "\n")
    (new / "articles.csv").write_text("\n".join([article_head, late]) + "\n")
    (old / "customers.csv").write_text(customers)
    shutil.copytree(simulated_shop / "images", old / "images")
    return folder


@pytest.fixture(scope="module")
def whole(parts: Path, simulated_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of old and new together."""
    shop = hemline.Shop(
        simulated_shop / "transactions_train.csv",
        simulated_shop / "articles.csv",
        simulated_shop / "customers.csv",
        images=parts / "old" / "images",
    )
    out = tmp_path_factory.mktemp("whole") / "run"
    hemline.run(shop, out, settings=QUICK)
    return out


@pytest.fixture(scope="module")
def base(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of what was known before. Not to be written to."""
    out = tmp_path_factory.mktemp("base") / "run"
    hemline.run(parts / "old", out, settings=QUICK)
    return out


@pytest.fixture
def run(base: Path, tmp_path: Path) -> Path:
    """A copy of it that may be written to."""
    return Path(shutil.copytree(base, tmp_path / "run", symlinks=True))


def test_an_update_equals_a_rebuild_and_goes_on_from_what_was_learned(
    parts: Path, base: Path, run: Path, whole: Path
) -> None:
    listener = Listener()
    found = hemline.update(run, parts / "new", listener=listener)
    rebuilt = hemline.open(whole)
    for stage in ("ingest", "embed", "neighbours"):
        but = ("photos.json",)
        same_folder(rebuilt.run.folder(stage), found.run.folder(stage), but)
    summary, other = found.tables.summary, rebuilt.tables.summary
    for name in ("articles", "customers", "purchases"):
        assert {**summary[name], "source": 0} == {**other[name], "source": 0}
    assert summary["lines"] == other["lines"]
    # counts and popularity are exact; ALS alone began elsewhere
    recipe, recipe_ = found.run.folder("train") / "recipe", rebuilt.run.folder("train") / "recipe"
    for model in ("popular", "also_bought"):
        same_folder(recipe / model, recipe_ / model)
    assert (recipe / "als" / "model.json").read_text() != (
        recipe_ / "als" / "model.json"
    ).read_text()
    assert any("2 iterations" in line for line in found.bundle.summary["lines"])
    # everyone has twelve; those who bought something new have theirs apart as well
    everyone = found.recommendations().to_pandas()
    assert len(everyone) == 12 * len(found.tables.customer_ids)
    updated = found.updated()
    assert updated is not None
    bought = {
        row.split(",")[1]
        for row in (parts / "new" / "transactions_train.csv").read_text().splitlines()[1:]
    }
    assert set(updated.column("customer_id").to_pylist()) == bought
    mine = everyone[everyone.customer_id.isin(bought)].reset_index(drop=True)
    for name in ("rank", "article_id", "score", "channel"):
        assert updated.to_pandas()[name].tolist() == mine[name].tolist(), name
    assert any(one.startswith("update 1: ") for one in listener.notices)
    assert found.run.record("evaluate") is None


def test_the_same_file_twice_changes_nothing(parts: Path, run: Path, tmp_path: Path) -> None:
    day = parts / "new" / "transactions_train.csv"
    hemline.update(run, day)
    before = digests(run)
    again = Path(shutil.copy(day, tmp_path / "called otherwise.csv"))
    listener = Listener()
    hemline.update(run, [again, day], listener=listener)
    assert digests(run) == before
    assert not any(listener.done.values())
    assert sum("nothing to do" in one for one in listener.notices) == 2


def test_the_same_purchases_in_another_form_are_refused_and_leave_the_run_as_it_was(
    parts: Path, run: Path
) -> None:
    day = parts / "new" / "transactions_train.csv"
    hemline.update(run, day)
    before = digests(run)
    head, *rows = day.read_text().splitlines()
    columns = zip(*(row.split(",") for row in reversed(rows)), strict=True)
    names = [one.strip() for one in head.split(",")]
    frame = pa.table(dict(zip(names, map(list, columns), strict=True)))
    with pytest.raises(DataError, match="are in the run already"):
        hemline.update(run, frame)
    assert {name: one for name, one in digests(run).items() if "work" not in name} == before
    pieces = hemline.open(run).tables.summary["purchases"]["pieces"]
    found = hemline.update(run, frame, overlap=True)
    assert found.tables.summary["purchases"]["pieces"] == pieces + len(rows)


def test_a_purchase_waits_for_its_article_and_is_taken_once(parts: Path, tmp_path: Path) -> None:
    old, new, day = parts / "old", parts / "new", tmp_path / "day.csv"
    article = (new / "articles.csv").read_text().splitlines()[1]
    rows = (new / "transactions_train.csv").read_text().splitlines()
    customer = rows[1].split(",")[1]
    waits = f"2019-03-20,{customer},{article[:10]},0.05,1"
    day.write_text("\n".join([*rows, waits, waits]) + "\n")
    later = pa.table(
        {"customer_id": ["somebody"], "article_id": [article[:10]], "t_dat": ["2019-03-25"]}
    )
    run, settings = tmp_path / "run", {**QUICK, "recipe": "popular", "photos.embedder": ""}
    hemline.run(old, run, settings=settings)
    found = hemline.update(run, day, recommend=False)
    assert found.tables.summary["purchases"]["rejects"] == {"unknown article": 2}
    with pytest.raises(UnknownIdError):
        found.tables.article_ids.position(article[:10])
    listener = Listener()
    second = hemline.Shop(later, new / "articles.csv")
    found = hemline.update(run, second, listener=listener)
    assert any(one.startswith("2 purchases that were rejected") for one in listener.notices)
    updated = found.updated()
    assert updated is not None
    assert set(updated.column("customer_id").to_pylist()) == {customer, "somebody"}
    # all of it read at once
    whole = tmp_path / "whole"
    whole.mkdir()
    text = (old / "transactions_train.csv").read_text() + "\n".join([*rows[1:], waits, waits])
    (whole / "transactions_train.csv").write_text(f"{text}\n2019-03-25,somebody,{article[:10]},,\n")
    (whole / "articles.csv").write_text((old / "articles.csv").read_text() + article + "\n")
    shutil.copyfile(old / "customers.csv", whole / "customers.csv")
    rebuilt = hemline.run(whole, tmp_path / "rebuilt", settings=settings)
    same_folder(rebuilt.run.folder("ingest"), found.run.folder("ingest"))
    assert found.tables.summary["lines"] == rebuilt.tables.summary["lines"]
    assert found.recommendations().equals(rebuilt.recommendations())
    before = digests(run)
    hemline.update(run, [day, second])
    assert digests(run) == before
    # and once more where the tables are made again from the shop and all that was added
    kept = Path(shutil.copytree(found.run.folder("ingest"), tmp_path / "kept"))
    shutil.rmtree(found.run.folder("ingest"))
    again = hemline.update(run)
    same_folder(kept, again.run.folder("ingest"))


def test_a_later_run_keeps_the_update_and_does_nothing_again(parts: Path, run: Path) -> None:
    hemline.update(run, parts / "new")
    before = digests(run)
    listener = Listener()
    found = hemline.run(parts / "old", run, settings=QUICK, listener=listener)
    assert listener.done == {name: name == "evaluate" for name in STAGES}
    assert {name: before[name] for name in before if name != "run.json"}.items() <= digests(
        run
    ).items()
    assert found.tables.summary["update"]["number"] == 1


def test_data_that_changed_under_an_update_needs_a_word(
    parts: Path, run: Path, whole: Path, tmp_path: Path
) -> None:
    found = hemline.update(run, parts / "new")
    pieces = found.tables.summary["purchases"]["pieces"]
    changed = Path(shutil.copytree(parts / "old", tmp_path / "shop"))
    with pytest.raises(RunError, match="1 update on top of data that has changed"):
        hemline.run(changed, run, settings=QUICK)
    listener = Listener()
    found = hemline.run(changed, run, settings=QUICK, updates="keep", listener=listener)
    assert listener.done["ingest"]
    assert found.tables.summary["purchases"]["pieces"] == pieces
    same_folder(hemline.open(whole).run.folder("ingest"), found.run.folder("ingest"))
    found = hemline.run(changed, run, settings=QUICK, updates="drop")
    assert found.tables.summary["purchases"]["pieces"] == pieces - LAST
    assert additions(found.run.source) == []
    assert found.updated() is None
    assert not list((run / "added").iterdir())


def test_tables_are_made_again_from_the_shop_and_all_that_was_added(
    parts: Path, run: Path, tmp_path: Path
) -> None:
    head, *rows = (parts / "new" / "transactions_train.csv").read_text().splitlines()
    for at, some in enumerate((rows[:90], rows[90:])):
        (tmp_path / f"{at}.csv").write_text("\n".join([head, *some]) + "\n")
        hemline.update(run, tmp_path / f"{at}.csv", recommend=False)
    folder = RunFolder.open(run)
    assert [one["update"] for one in additions(folder.source)] == [1, 2]
    kept = Path(shutil.copytree(folder.folder("ingest"), tmp_path / "kept"))
    shutil.rmtree(folder.folder("ingest"))
    found = hemline.run(parts / "old", run, settings=QUICK)
    same_folder(kept, found.run.folder("ingest"))
    assert (kept / "ingest.json").read_bytes() == (
        found.run.folder("ingest") / "ingest.json"
    ).read_bytes()
    np.testing.assert_array_equal(
        np.load(kept / "customers_updated.npy"),
        np.load(found.run.folder("ingest") / "customers_updated.npy"),
    )


def test_only_those_concerned_then_everyone(parts: Path, run: Path) -> None:
    before = (run / "recommendations.parquet").read_bytes()
    found = hemline.update(run, parts / "new", customers="concerned")
    updated = found.updated()
    assert updated is not None
    assert found.run.record("recommend") is None
    assert (run / "recommendations.parquet").read_bytes() == before
    found = hemline.update(run)
    assert (run / "recommendations.parquet").read_bytes() != before
    again = found.updated()
    assert again is not None
    assert again.equals(updated)
    with pytest.raises(ConfigError, match="customers 'some'"):
        hemline.update(run, customers="some")  # type: ignore[arg-type]


def test_retrain_learns_as_a_rebuild_does(parts: Path, run: Path, whole: Path) -> None:
    found = hemline.update(run, parts / "new", retrain=True)
    for model in ("als", "popular", "also_bought"):
        same_folder(
            hemline.open(whole).run.folder("train") / "recipe" / model,
            found.run.folder("train") / "recipe" / model,
        )
    rebuilt = hemline.open(whole)
    assert found.recommendations().equals(rebuilt.recommendations())


@pytest.mark.parametrize("recipe", ["popular", "repurchase", "rules", "two-stage"])
def test_every_recipe_takes_an_update(recipe: str, parts: Path, tmp_path: Path) -> None:
    settings = {
        "evaluate.folds": 0,
        "ranker.min_customers": 5,
        "ranker.enough_customers": 5,
        "ranker.trees": 5,
        "ranker.windows": 2,
        "threads": 1,
    }
    run, fresh = tmp_path / "run", tmp_path / "fresh"
    shop = hemline.Shop(
        *(parts / "old" / f"{one}.csv" for one in ("transactions_train", "articles", "customers"))
    )
    hemline.run(shop, run, recipe=recipe, settings=settings)
    shutil.copytree(run, fresh)
    kept = hemline.update(run, parts / "new")
    retrained = hemline.update(fresh, parts / "new", retrain=True)
    assert len(kept.recommendations()) == 12 * len(kept.tables.customer_ids)
    same_folder(kept.run.folder("ingest"), retrained.run.folder("ingest"))
    if recipe in ("popular", "repurchase"):
        assert kept.recommendations().equals(retrained.recommendations())
        return
    one, other = kept.run.folder("train") / "recipe", retrained.run.folder("train") / "recipe"
    channels = {path.name for path in (one / "channels").iterdir()}
    assert channels == {path.name for path in (other / "channels").iterdir()}
    for name in channels - {"als"}:
        if (one / "channels" / name).is_dir():
            same_folder(one / "channels" / name, other / "channels" / name)
    if recipe == "two-stage":
        same_folder(one / "features", other / "features")
        before = hemline.open(fresh).run
        assert kept.bundle.summary["trees_of"] < kept.bundle.cutoff
        assert "trees_of" not in retrained.bundle.summary
        assert any("the trees are those" in line for line in kept.bundle.summary["lines"])
        # and they are still the same with the next update
        trees = (one / "ranker" / "model.txt").read_text()
        frame = pa.table(
            {
                "customer_id": [kept.tables.customer_ids.id(0)],
                "article_id": [kept.tables.article_ids.id(0)],
                "t_dat": ["2019-03-25"],
            }
        )
        again = hemline.update(run, frame)
        assert (again.run.folder("train") / "recipe" / "ranker" / "model.txt").read_text() == trees
        assert again.bundle.summary["trees_of"] == kept.bundle.summary["trees_of"]
        assert before.record("train") is not None


def test_learned_channels_are_kept_until_there_is_a_new_article(
    parts: Path, tmp_path: Path
) -> None:
    settings = {
        "rules.channels": ["bpr", "popular-at-age"],
        "channels.bpr.model": "bpr",
        "bpr.iterations": 2,
        "evaluate.folds": 0,
        "threads": 1,
    }
    run = tmp_path / "run"
    shop = hemline.Shop(parts / "old" / "transactions_train.csv", parts / "old" / "articles.csv")
    hemline.run(shop, run, recipe="rules", settings=settings)

    def factors() -> bytes:
        model = RunFolder.open(run).folder("train") / "recipe" / "channels" / "bpr"
        return (model / "item_factors.npy").read_bytes()

    before = factors()
    hemline.update(run, parts / "new" / "transactions_train.csv")
    assert factors() == before
    record = RunFolder.open(run).record("train")
    assert record is not None
    assert "bpr is kept as it was" in record.summary["lines"]
    articles = parts / "new" / "articles.csv"
    frame = pa.table(
        {
            "customer_id": ["somebody"],
            "article_id": [articles.read_text().splitlines()[1][:10]],
            "t_dat": ["2019-03-25"],
        }
    )
    hemline.update(run, hemline.Shop(frame, articles))
    assert factors() != before


def test_purchases_of_the_log_are_folded_in_once(parts: Path, run: Path, tmp_path: Path) -> None:
    live = LiveRecommender(RunFolder.open(run))
    start, article = live.as_of, live.tables.article_ids.id(3)
    known = live.tables.customer_ids.id(5)
    live.add(
        [
            NewPurchase("somebody new", article, start + 60, 0.5, 2),
            NewPurchase(known, article, start + 60, None, 0, 2),
        ]
    )
    answers = [live.recommend(known), live.recommend("somebody new")]
    pieces = live.tables.summary["purchases"]["pieces"]
    found = hemline.update(run, log=True)
    assert found.tables.summary["purchases"]["pieces"] == pieces + 3
    place = found.tables.customer_ids.position(known)
    row = found.tables.histories.block(place, place + 1).compact()
    assert (row.time[-1], row.weight[-1], row.channel[-1]) == (start + 60, 2, 0)
    # the service that is still running has what it had, and takes more
    assert live.recommend(known) == answers[0]
    live.add([NewPurchase("another", article, start + 120)])
    # one that is opened now has them from the tables, and only the last from the log
    reopened = LiveRecommender(RunFolder.open(run))
    assert reopened.follow() == 1
    assert reopened.knows("another")
    assert len(reopened.history("somebody new").article) == 1
    assert len(reopened.history(known).article) == len(row.article)
    assert reopened.as_of == start + DAY
    reopened.add([NewPurchase("a fourth", article, start + 180)])
    # a day of the shop's own that the log was folded in for may be the same purchases
    day = pa.table({"customer_id": ["x"], "article_id": [article], "t_dat": [start]}).set_column(
        2, "t_dat", pa.array([start], pa.timestamp("s"))
    )
    with pytest.raises(DataError, match="the service's log of these days"):
        hemline.update(run, day)
    found = hemline.update(run, log=True)
    assert found.tables.summary["purchases"]["pieces"] == pieces + 5
    listener = Listener()
    hemline.update(run, log=True, listener=listener)
    assert "the log has no purchase that the run does not have" in listener.notices
    assert unfolded(RunFolder.open(run)) is None
    third = LiveRecommender(RunFolder.open(run))
    assert third.follow() == 0
    # with the shop's own data of a later day the log is what came after it, as ever
    later = pa.table({"customer_id": ["x"], "article_id": [article]}).append_column(
        "t_dat", pa.array([start + 2 * DAY], pa.timestamp("s"))
    )
    hemline.update(run, later)
    log = PurchaseLog(run / LOG)
    log.append([NewPurchase("y", article, start + 200), NewPurchase("y", article, start + 4 * DAY)])
    log.close()
    fourth = LiveRecommender(RunFolder.open(run))
    fourth.follow()
    assert len(fourth.history("y").article) == 1
    for one in (live, reopened, third, fourth):
        one.log.close()


def test_a_bundle_may_begin_at_that_of_another_run(
    parts: Path, base: Path, whole: Path, tmp_path: Path
) -> None:
    found = api.train(
        parts / "old", tmp_path / "run", start=base,
        settings={**QUICK, "photos.embedder": "", "update.als_iterations": 1},
    )  # fmt: skip
    assert any("1 iterations" in line for line in found.bundle.summary["lines"])
    moved = hemline.open(base).bundle.recipe
    assert moved.als.known_.sum() == found.bundle.recipe.als.known_.sum()  # type: ignore[attr-defined]
    with pytest.raises(CutoffError, match="may know those up to"):
        api.train(
            parts / "old", tmp_path / "other", start=whole,
            settings={**QUICK, "photos.embedder": "", "ingest.until": "2018-12-31"},
        )  # fmt: skip
    afresh = api.train(tmp_path / "run", retrain=True)
    assert not any("went on" in line for line in afresh.bundle.summary["lines"])
    with pytest.raises(RunError, match="is no run folder"):
        api.train(parts / "old")
    with pytest.raises(ConfigError, match="--from and --retrain"):
        api.train(base, start=base, retrain=True)


def test_vectors_of_new_articles_come_with_them(parts: Path, tmp_path: Path) -> None:
    ids = [one[:10] for one in (parts / "old" / "articles.csv").read_text().splitlines()[1:]]
    new = (parts / "new" / "articles.csv").read_text().splitlines()[1][:10]
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(len(ids) + 1, 8)).astype(np.float32)
    folders = {"old": (ids, vectors[:-1]), "new": ([new], vectors[-1:]),
               "both": ([*ids, new], vectors)}  # fmt: skip
    for name, (listed, rows) in folders.items():
        folder = tmp_path / name
        folder.mkdir()
        np.save(folder / "vectors.npy", rows)
        (folder / "article_ids.txt").write_text("\n".join(listed) + "\n")
    purchases = parts / "old" / "transactions_train.csv"
    old = hemline.Shop(purchases, parts / "old" / "articles.csv", vectors=tmp_path / "old")
    run = tmp_path / "run"
    settings = {"recipe": "popular", "evaluate.folds": 0, "threads": 1}
    hemline.run(old, run, settings=settings)
    addition = hemline.Shop(
        parts / "new" / "transactions_train.csv", parts / "new" / "articles.csv",
        vectors=tmp_path / "new",
    )  # fmt: skip
    found = hemline.update(run, addition)
    (tmp_path / "articles.csv").write_text(
        (parts / "old" / "articles.csv").read_text()
        + (parts / "new" / "articles.csv").read_text().splitlines()[1] + "\n"
    )  # fmt: skip
    both = hemline.Shop(purchases, tmp_path / "articles.csv", vectors=tmp_path / "both")
    rebuilt = hemline.run(both, tmp_path / "rebuilt", settings=settings)
    for stage in ("embed", "neighbours"):
        same_folder(rebuilt.run.folder(stage), found.run.folder(stage))
    place = found.tables.article_ids.position(new)
    assert (found.neighbours.articles[place] >= 0).all()


DRIVER = """
import os, signal, sys
import hemline
from hemline.pipeline import Silent
from hemline.runs import RunFolder

run, day, stage, moment = sys.argv[1:5]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Killer(Silent):
    def started(self, name):
        if name == stage and moment == "start":
            die()

publish, promote = RunFolder.publish, RunFolder.promote
def publish_and_die(run, record, work):
    publish(run, record, work)
    if record.name == stage and moment == "after":
        die()
def promote_and_die(run, *arguments):
    if stage == "promote" and moment == "start":
        die()
    promote(run, *arguments)
    if stage == "promote":
        die()
RunFolder.publish, RunFolder.promote = publish_and_die, promote_and_die
hemline.update(run, day, listener=Killer())
"""


def test_killed_at_any_instant_the_old_run_is_whole_and_the_same_call_resumes(
    parts: Path, run: Path, tmp_path: Path
) -> None:
    wanted = tmp_path / "wanted"
    shutil.copytree(run, wanted)
    day = parts / "new"
    hemline.update(wanted, day)
    before = json.loads((run / "run.json").read_text())
    answers = (run / "recommendations.parquet").read_bytes()
    for stage, moment in (
        ("ingest", "after"), ("concerned", "start"), ("promote", "start"), ("promote", "after"),
    ):  # fmt: skip
        ended = subprocess.run(
            [sys.executable, "-c", DRIVER, str(run), str(day), stage, moment],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        if (stage, moment) != ("promote", "after"):
            assert json.loads((run / "run.json").read_text()) == before
            assert (run / "recommendations.parquet").read_bytes() == answers
            assert len(hemline.open(run).recommendations()) > 0
    found = hemline.update(run, day)
    assert (run / "recommendations.parquet").read_bytes() == (
        wanted / "recommendations.parquet"
    ).read_bytes()
    assert (run / UPDATED).read_bytes() == (wanted / UPDATED).read_bytes()
    assert not (run / "work").exists()
    for name in ("ingest", "train", "recommend"):
        assert found.run.record(name).fingerprint == RunFolder.open(wanted).record(name).fingerprint  # type: ignore[union-attr]


def test_what_cannot_be_updated_says_so(parts: Path, base: Path, run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a run folder"):
        hemline.update(tmp_path / "nothing", parts / "new")
    empty = tmp_path / "empty.csv"
    empty.write_text("t_dat,customer_id,article_id,price,sales_channel_id\n")
    before = digests(run)
    for bad in (empty, tmp_path / "gone.csv"):
        with pytest.raises(HemlineError):
            hemline.update(run, bad)
    assert {name: one for name, one in digests(run).items() if "work" not in name} == before


def test_the_command(parts: Path, run: Path) -> None:
    runner = CliRunner()
    found = runner.invoke(
        app, ["update", str(run), str(parts / "new"), "--customers", "concerned"],
        catch_exceptions=False,
    )  # fmt: skip
    assert found.exit_code == 0
    assert "200 purchases" in found.output or "purchases of" in found.output
    assert "recommendations-updated.parquet" in found.output
    assert f"everyone else:   hemline update {run}" in found.output
    found = runner.invoke(app, ["update", str(run)], catch_exceptions=False)
    assert f"recommendations: {run / 'recommendations.parquet'}" in found.output
    with pytest.raises(ConfigError):
        runner.invoke(app, ["update", str(run), "--customers", "x"], catch_exceptions=False)
    found = runner.invoke(app, ["train", str(run), "--retrain"], catch_exceptions=False)
    assert found.exit_code == 0
    assert hemline.open(run).run.source["start"] is None
    assert pq.read_metadata(run / UPDATED).num_rows > 0
