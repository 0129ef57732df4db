"""What a cluster is not needed for: parts, where histories lie, what errors say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.cluster.archive import loaded_kernels, pack_bundle
from hemline.cluster.failures import explained, rebuilt
from hemline.cluster.parts import (
    examples_said,
    is_readable,
    is_whole,
    part_name,
    read_examples,
    read_part,
    sizes,
    write_examples,
    write_part,
)
from hemline.cluster.sharing import SharedHistories
from hemline.cluster.task import STARVED, check_room, is_memory
from hemline.errors import CutoffError, EngineError, QueryError
from hemline.recommend.base import Recommendations
from hemline.recommend.ranker import Examples
from hemline.shop.histories import Histories


def recommendations(n: int, k: int = 3, seed: int = 1) -> Recommendations:
    random = np.random.default_rng(seed)
    found = Recommendations(
        random.integers(0, 99, (n, k)).astype(np.int32),
        random.random((n, k)).astype(np.float32),
        random.integers(0, 5, (n, k)).astype(np.int8),
    )
    found.articles[0, 1:], found.scores[0, 1:], found.channels[0, 1:] = -1, -np.inf, -1
    return found


def test_a_part_is_read_as_it_was_written(tmp_path: Path) -> None:
    blocks = [recommendations(5), recommendations(2, seed=2)]
    path = tmp_path / "parts" / part_name(0, 7)
    assert write_part(path, "a", blocks, 3) == 7
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    for one, other in zip(blocks, read_part(path), strict=True):
        for name in ("articles", "scores", "channels"):
            assert np.array_equal(getattr(one, name), getattr(other, name))
            assert getattr(one, name).dtype == getattr(other, name).dtype


def test_what_an_executor_imports_first_is_not_compiled() -> None:
    code = "import sys, hemline.cluster.task; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_examples_are_read_as_they_were_written(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    features = random.random((9, 4)).astype(np.float32)
    features[2, 1] = np.nan
    some = Examples(features, random.random(9) < 0.5, np.array([4, 1, 4]))
    none = Examples(features[:0], np.zeros(0, bool), np.zeros(0, np.int64))
    said = examples_said(0, 5, 40)
    for at, examples in enumerate((some, none)):
        path = tmp_path / "parts" / f"{at}.arrow"
        assert not is_readable(path, said)
        write_examples(path, "a", examples, said)
        assert is_readable(path, said)
        assert not is_readable(path, examples_said(0, 5, 39))
        found = read_examples(path)
        for name in ("features", "bought", "counts"):
            one, other = getattr(found, name), getattr(examples, name)
            assert one.dtype == other.dtype
            assert one.shape == other.shape
            assert one.tobytes() == other.tobytes()
    path.write_bytes(path.read_bytes()[:-20])
    assert not is_readable(path, said)
    assert len(list(path.parent.iterdir())) == 2


def test_a_part_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / part_name(0, 7)

    def broken():
        yield recommendations(5)
        assert not path.exists()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_part(path, "a", broken(), 3)
    assert list(tmp_path.iterdir()) == []
    assert not is_whole(path, 7, 3)
    write_part(path, "b", [recommendations(7)], 3)
    assert is_whole(path, 7, 3)
    assert not is_whole(path, 8, 3)
    assert not is_whole(path, 7, 4)
    path.write_bytes(path.read_bytes()[:-9])
    assert not is_whole(path, 7, 3)


@given(st.integers(0, 500), st.integers(1, 60), st.integers(1, 12))
def test_parts_hold_every_customer_once_and_whole_blocks(n: int, parts: int, block: int) -> None:
    bounds = sizes(0, n, parts, block)
    assert sum(high - low for low, high in bounds) == n
    assert len(bounds) <= parts
    assert all(low < high for low, high in bounds)
    assert [low for low, _ in bounds[1:]] == [high for _, high in bounds[:-1]]
    assert all(low % block == 0 for low, _ in bounds)
    if bounds:
        assert len(bounds) == min(parts, -(-n // block))


def histories() -> Histories:
    random = np.random.default_rng(4)
    return Histories.from_purchases(
        random.integers(0, 30, 400),
        random.integers(0, 9, 400),
        n_customers=30,
        n_articles=9,
        time=random.integers(0, 1000, 400),
        age=random.integers(18, 80, 30),
    )


def same(one: Histories, other: Histories) -> None:
    one, other = one.compact(), other.compact()
    for name in ("start", "stop", "article", "time", "weight", "price", "channel", "age"):
        assert np.array_equal(
            getattr(one, name), getattr(other, name), equal_nan=name in ("price", "age")
        ), name
    assert one.n_articles == other.n_articles


def test_mapped_histories_are_shared_where_they_lie(tmp_path: Path) -> None:
    histories().save(tmp_path / "h")
    mapped = Histories.open(tmp_path / "h")
    whole = SharedHistories.of(mapped, tmp_path / "work")
    assert whole == SharedHistories(str(tmp_path / "h"), None, 30)
    assert not (tmp_path / "work").exists()
    same(whole.open(), mapped)
    # a cut in time, and some customers: only their bounds are written
    some = mapped.before(500).take(np.array([3, 9, 4]))
    part = SharedHistories.of(some, tmp_path / "work")
    assert part.folder == str(tmp_path / "h")
    assert sorted(one.name for one in (tmp_path / "work" / "rows").iterdir()) == [
        "age.npy",
        "start.npy",
        "stop.npy",
    ]
    same(part.open(), some)


def test_histories_in_memory_are_written(tmp_path: Path) -> None:
    given_ = histories()
    for i, one in enumerate((given_, given_.before(300), given_.block(7, 7))):
        shared = SharedHistories.of(one, tmp_path / str(i))
        same(shared.open(), one)
    # a part of a file is not the file
    given_.save(tmp_path / "h")
    mapped = Histories.open(tmp_path / "h")
    names = ("article", "time", "weight", "price", "channel")
    shifted = Histories(
        **{
            **vars(mapped.take(slice(10, 20))),
            **{name: getattr(mapped, name)[5:] for name in names},
            "start": mapped.start[10:20] - 5,
            "stop": mapped.stop[10:20] - 5,
        }
    )
    shared = SharedHistories.of(shifted, tmp_path / "shifted")
    assert shared.folder == str(tmp_path / "shifted" / "histories")
    same(shared.open(), shifted)


def test_an_archive_holds_the_bundle_and_the_kernels(tmp_path: Path) -> None:
    import tarfile

    from hemline.models import foldin_kernel

    assert foldin_kernel.fold_in.stats.cache_path
    assert "hemline.models" in loaded_kernels()
    (tmp_path / "bundle" / "deep").mkdir(parents=True)
    (tmp_path / "bundle" / "bundle.json").write_text("{}")
    (tmp_path / "bundle" / "deep" / "a.npy").write_bytes(b"1")
    found = pack_bundle(tmp_path / "bundle", tmp_path / "out")
    with tarfile.open(found) as archive:
        names = archive.getnames()
    assert {"bundle/bundle.json", "bundle/deep/a.npy"} <= set(names)
    assert any(one.startswith("kernels/hemline.models/foldin_kernel.") for one in names)
    assert pack_bundle(tmp_path / "bundle", tmp_path / "out") == found
    (tmp_path / "bundle" / "deep" / "a.npy").write_bytes(b"22")
    assert pack_bundle(tmp_path / "bundle", tmp_path / "out") != found


LOST = (
    "Job aborted due to stage failure: Task 0 in stage 3.0 failed 4 times, most recent failure: "
    "Lost task 0.3 in stage 3.0 (TID 9) (10.0.0.7 executor 12): {}\n\tat org.apache.spark.Job"
)


def settings(name: str) -> str | None:
    return {"spark.executor.memory": "2g", "spark.executor.pyspark.memory": "1g"}.get(name)


def test_a_lack_of_memory_names_the_executor_and_what_to_set() -> None:
    told = json.dumps({"limit": 1 << 30, "needed": 3 << 30, "why": "not begun"})
    found = explained(RuntimeError(LOST.format(f"MemoryError: {STARVED} {told}")), settings)
    assert isinstance(found, EngineError)
    assert str(found) == (
        "executor 12 on 10.0.0.7 had too little memory: spark.executor.memory 2g, "
        "spark.executor.memoryOverhead a tenth of it, at least 384m, spark.executor.pyspark.memory "
        "1g for all its Python processes; this process may take 1,024 MiB of addresses and needs "
        "3,072"
    )
    assert "spark.executor.pyspark.memory" in found.hint
    killed = LOST.format("Python worker exited unexpectedly (crashed)")
    assert "spark.executor_overhead" in explained(RuntimeError(killed), lambda name: None).hint
    heap = LOST.format("java.lang.OutOfMemoryError: Java heap space")
    assert "spark.executor_memory" in explained(RuntimeError(heap), lambda name: None).hint


def test_other_failures_say_their_reason_without_a_trace() -> None:
    text = LOST.format(
        "org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n"
        '  File "x.py", line 3, in f\n    g()\nhemline.x.StrangeError: the cause of it all\n'
    )
    found = explained(RuntimeError(text), settings)
    assert str(found) == (
        "the job failed on executor 12 on 10.0.0.7: hemline.x.StrangeError: the cause of it all"
    )
    lost = LOST.format("ExecutorLostFailure (executor 12 exited)")
    assert "was lost" in str(explained(RuntimeError(lost), settings))
    own = CutoffError("a", hint="b")
    assert explained(own, settings) is own


def test_an_error_of_hemline_comes_back_as_it_was() -> None:
    found = rebuilt(json.dumps(["CutoffError", "too early", "later"]))
    assert (type(found), str(found), found.hint) == (CutoffError, "too early", "later")
    assert isinstance(rebuilt(json.dumps(["QueryError", "no", ""])), QueryError)


def test_what_a_lack_of_memory_looks_like(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_memory(MemoryError())
    assert is_memory(ImportError("x.so: failed to map segment from shared object"))
    assert is_memory(OSError(12, "Cannot allocate memory"))
    assert not is_memory(OSError(2, "No such file"))
    (tmp_path / "a").write_bytes(b"0" * 1000)
    check_room(tmp_path)  # no limit here
    monkeypatch.setattr("hemline.cluster.task.address_limit", lambda: 1 << 30)
    with pytest.raises(MemoryError, match=STARVED):
        check_room(tmp_path)
    monkeypatch.setattr("hemline.cluster.task.address_limit", lambda: 1 << 33)
    check_room(tmp_path)
