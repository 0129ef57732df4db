from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.errors import DataError
from hemline.photos import vectors as module
from hemline.photos.vectors import MISSING_PHOTOS, EmbedReport, take_vectors
from hemline.shop.ids import IdMap

IDS = [f"0{i:09d}" for i in range(20)]
ARTICLES = IdMap.from_strings(IDS, "article")


def brought(folder: Path, vectors: np.ndarray, ids: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    np.save(folder / "vectors.npy", vectors)
    (folder / "article_ids.txt").write_text("".join(f"{one}\n" for one in ids))
    return folder


def some_vectors(n: int, dimension: int = 3) -> np.ndarray:
    return np.random.default_rng(n).normal(size=(n, dimension)).astype(np.float32)


def taken(folder: Path, out: Path) -> tuple[EmbedReport, np.ndarray, np.ndarray]:
    report = take_vectors(folder, ARTICLES, out)
    return report, np.load(out / "vectors.npy"), np.load(out / "positions.npy")


def missing(out: Path) -> list[tuple[str, int | None, str]]:
    table = pq.read_table(out / "missing_photos.parquet")
    assert table.schema.equals(MISSING_PHOTOS)
    return [(row["article_id"], row["position"], row["reason"]) for row in table.to_pylist()]


def test_vectors_in_order_are_taken_as_they_are(tmp_path: Path) -> None:
    vectors = some_vectors(20)
    report, found, positions = taken(brought(tmp_path / "in", vectors, IDS), tmp_path / "out")
    assert found.dtype == np.float32
    assert positions.dtype == np.int32
    assert found.tobytes() == vectors.tobytes()
    np.testing.assert_array_equal(positions, np.arange(20))
    assert missing(tmp_path / "out") == []
    assert json.loads((tmp_path / "out" / "photos.json").read_text()) == report.summary()
    assert (report.dimension, report.articles, report.photos, report.vectors) == (3, 20, 20, 20)


@given(order=st.permutations(range(20)), n=st.integers(1, 20), rows=st.integers(1, 7))
def test_any_order_and_any_part(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], n: int, rows: int
) -> None:
    tmp_path = tmp_path_factory.mktemp("vectors")
    vectors = some_vectors(n)
    folder = brought(tmp_path / "in", vectors, [IDS[i] for i in order[:n]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_ROWS", rows)
        _, found, positions = taken(folder, tmp_path / "out")
    np.testing.assert_array_equal(positions, sorted(order[:n]))
    for place, vector in zip(positions.tolist(), found, strict=True):
        np.testing.assert_array_equal(vector, vectors[order.index(place)])
    assert missing(tmp_path / "out") == [
        (IDS[i], i, "no vector") for i in range(20) if i not in order[:n]
    ]


def test_zero_infinite_and_unknown_rows_are_dropped_and_listed(tmp_path: Path) -> None:
    vectors = some_vectors(22)
    vectors[3] = 0
    vectors[7, 1] = np.nan
    vectors[9, 2] = -np.inf
    folder = brought(tmp_path / "in", vectors, [*IDS, "x", "y"])
    report, found, positions = taken(folder, tmp_path / "out")
    assert missing(tmp_path / "out") == [
        (IDS[3], 3, "zero vector"),
        (IDS[7], 7, "not finite"),
        (IDS[9], 9, "not finite"),
        ("x", None, "unknown article"),
        ("y", None, "unknown article"),
    ]
    np.testing.assert_array_equal(positions, np.delete(np.arange(20), [3, 7, 9]))
    assert np.isfinite(found).all()
    assert found.any(axis=1).all()
    assert report.missing == {"zero vector": 1, "not finite": 2, "unknown article": 2}


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4"])
def test_other_floats_and_column_order_are_converted(tmp_path: Path, dtype: str) -> None:
    vectors = np.asfortranarray(some_vectors(20).astype(dtype))
    _, found, _ = taken(brought(tmp_path / "in", vectors, IDS), tmp_path / "out")
    assert found.dtype == np.dtype("<f4")
    np.testing.assert_array_equal(found, vectors.astype(np.float32))


def test_a_float64_beyond_float32_is_not_finite(tmp_path: Path) -> None:
    vectors = some_vectors(20).astype(np.float64)
    vectors[2, 0] = 1e300
    report, found, _ = taken(brought(tmp_path / "in", vectors, IDS), tmp_path / "out")
    assert report.missing == {"not finite": 1}
    assert len(found) == 19


def test_no_usable_vector_at_all(tmp_path: Path) -> None:
    report, found, positions = taken(
        brought(tmp_path / "in", np.zeros((20, 3), np.float32), IDS), tmp_path / "out"
    )
    assert found.shape == (0, 3)
    assert positions.shape == (0,)
    assert report.vectors == 0


def test_malformed_folders_are_refused(tmp_path: Path) -> None:
    good = some_vectors(20)
    cases: list[tuple[np.ndarray, list[str], str]] = [
        (good, IDS[:19], "20 rows, .* 19 lines"),
        (good, [*IDS[:19], IDS[4]], "lines 5 and 20: both are article '0000000004'"),
        (good, [one.lstrip("0") or "0" for one in IDS], "none of its 20 ids"),
        (good.astype(np.int64), IDS, "int64"),
        (good.ravel(), IDS, r"\(60,\)"),
        (np.array(["a"], dtype=object), ["a"], "cannot be read"),
    ]
    for vectors, ids, message in cases:
        with pytest.raises(DataError, match=message) as caught:
            take_vectors(brought(tmp_path / "in", vectors, ids), ARTICLES, tmp_path / "out")
        assert caught.value.hint
    with pytest.raises(DataError, match="cannot be read"):
        take_vectors(tmp_path / "none", ARTICLES, tmp_path / "out")
