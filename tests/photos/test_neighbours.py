from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemline.errors import ConfigError, DataError, RunError
from hemline.photos import neighbours_search
from hemline.photos.neighbours import Neighbours, nearest, similar_articles
from hemline.photos.neighbours_search import amx_available

Matrix = npt.NDArray[np.float32]

ENGINES = [
    "blas",
    pytest.param(
        "amx",
        marks=pytest.mark.skipif(not amx_available(), reason="no int8 matrix units here"),
    ),
]


def exact_dots(x: Matrix) -> npt.NDArray[np.float64]:
    """All dot products in the order that is promised: 32 sums, folded in halves, the rest."""
    wide = x.astype(np.float64)
    n, d = x.shape
    sums = np.zeros((n, n, 32))
    for start in range(0, d - d % 32, 32):
        part = wide[:, start : start + 32]
        sums += part[:, None, :] * part[None, :, :]
    while sums.shape[2] > 1:
        half = sums.shape[2] // 2
        sums = sums[:, :, :half] + sums[:, :, half:]
    total = sums[:, :, 0]
    for c in range(d - d % 32, d):
        total = total + wide[:, c][:, None] * wide[:, c][None, :]
    return total


def by_definition(x: Matrix, k: int) -> tuple[npt.NDArray[np.int32], Matrix]:
    """The answer, said as shortly as NumPy can."""
    with np.errstate(all="ignore"):
        dots = exact_dots(x)
        norms = np.sqrt(np.diagonal(dots))
        bad = ~((norms > 0) & np.isfinite(norms))
        cosines = (dots / (norms[:, None] * norms[None, :])).astype(np.float32)
    cosines[bad], cosines[:, bad] = -np.inf, -np.inf
    np.fill_diagonal(cosines, -np.inf)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    scores = np.full((len(x), k), -np.inf, np.float32)
    rows = np.full((len(x), k), -1, np.int32)
    scores[:, : order.shape[1]] = np.take_along_axis(cosines, order, axis=1)
    rows[:, : order.shape[1]] = order
    rows[scores == -np.inf] = -1
    return rows, scores


def check(x: Matrix, k: int, **options: Any) -> None:
    rows, scores = nearest(x, k, **options)
    expected_rows, expected_scores = by_definition(x, k)
    np.testing.assert_array_equal(scores, expected_scores)
    np.testing.assert_array_equal(rows, expected_rows)
    assert rows.dtype == np.int32
    assert scores.dtype == np.float32


def clustered(n: int, d: int, seed: int = 0, spread: float = 0.3) -> Matrix:
    """Rectified vectors of low rank with noise, as a photo model gives them."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((max(1, n // 12), 24))
    latent = centres[rng.integers(len(centres), size=n)]
    latent = latent + spread * rng.standard_normal(latent.shape)
    mixing = rng.standard_normal((24, d)) * (1 + np.arange(24))[:, None] ** -0.5
    found = latent @ mixing + 0.05 * rng.standard_normal((n, d))
    return np.maximum(found, 0).astype(np.float32)


def spoiled(n: int, d: int) -> Matrix:
    """Copies, scaled copies, zero, NaN and infinite rows among clustered ones."""
    x = clustered(n, d)
    x[n // 4 : n // 4 + 25] = x[3]
    x[n // 2 : n // 2 + 4] = 2 * x[5]
    x[[7, n - 1]] = 0
    x[11, d // 2] = np.nan
    x[13, 0] = np.inf
    x[17] *= np.float32(1e30)
    x[19] *= np.float32(1e-30)
    return x


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("n", "d", "k"), [(300, 70, 10), (257, 33, 1), (200, 5, 30), (120, 1, 3)])
def test_equals_the_definition(engine: str, n: int, d: int, k: int) -> None:
    check(spoiled(n, d), k, engine=engine)
    check(np.random.default_rng(1).standard_normal((n, d), dtype=np.float32), k, engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=60)
@given(data=st.data())
def test_any_small_matrix_equals_the_definition(engine: str, data: st.DataObject) -> None:
    n, d = data.draw(st.integers(0, 14)), data.draw(st.integers(1, 6))
    value = st.sampled_from([0, 1, -1, 2, 0.5, 1e-42, 3e38, np.inf, np.nan])
    x = np.array(data.draw(st.lists(value, min_size=n * d, max_size=n * d)), np.float32)
    check(x.reshape(n, d), data.draw(st.integers(1, 16)), engine=engine)


def in_float64(x: Matrix) -> npt.NDArray[np.float64]:
    unit = x / np.linalg.norm(x.astype(np.float64), axis=1)[:, None]
    cosines: npt.NDArray[np.float64] = unit @ unit.T
    np.fill_diagonal(cosines, -2)
    return cosines


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["clustered", "tight", "random"])
def test_projected_codes_lose_no_neighbour(
    engine: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # few enough rows are never projected, nor short vectors where there are matrix units
    monkeypatch.setattr(neighbours_search, "SMALL", 100)
    monkeypatch.setattr(neighbours_search, "AMX_FULL", 0)
    n, d, k = 2600, 320, 10
    if kind == "random":
        x = np.random.default_rng(3).standard_normal((n, d), dtype=np.float32)
    else:
        x = clustered(n, d, spread=0.3 if kind == "clustered" else 0.01)
    cosines = in_float64(x)
    best = -np.sort(-cosines, axis=1)[:, :k]
    widths = []
    choose = neighbours_search.choose_projection

    def note(*args: Any, **kwargs: Any) -> Any:
        projection = choose(*args, **kwargs)
        widths.append(projection.width)
        return projection

    monkeypatch.setattr(neighbours_search, "choose_projection", note)
    answers = []
    # room for any code, for 64 columns alone, and less than that
    for room in (1 << 30, 64 * 4 * n, 1):
        rows, scores = nearest(x, k, engine=engine, memory_bytes=room)
        answers.append((rows, scores))
        np.testing.assert_allclose(scores, best, rtol=0, atol=1e-7)
        # which row it is may differ only where float32 cannot tell the scores apart
        found = np.take_along_axis(cosines, rows, axis=1)
        np.testing.assert_allclose(found, best, rtol=0, atol=1e-7)
    assert widths[1:] == [64, 64]
    for rows, scores in answers[1:]:
        assert rows.tobytes() == answers[0][0].tobytes()
        assert scores.tobytes() == answers[0][1].tobytes()


def test_threads_and_engines_give_the_same_bytes() -> None:
    x = spoiled(3000, 130)
    engines = ["blas", "amx"] if amx_available() else ["blas"]
    answers = [nearest(x, 12, threads=n, engine=one) for n in (1, 2, 5) for one in engines]
    for rows, scores in answers:
        assert rows.tobytes() == answers[0][0].tobytes()
        assert scores.tobytes() == answers[0][1].tobytes()


def test_copies_are_neighbours_of_each_other_lowest_first() -> None:
    x = clustered(60, 40)
    x[20:50] = x[20]
    rows, scores = nearest(x, 5)
    assert rows[20].tolist() == [21, 22, 23, 24, 25]
    assert rows[49].tolist() == [20, 21, 22, 23, 24]
    assert (scores[20:50] == 1).all()


def test_rows_without_direction_are_nobodys_neighbour() -> None:
    x = spoiled(200, 24)
    rows, scores = nearest(x, 10)
    for bad in (7, 11, 13, 199):
        assert (rows[bad] == -1).all()
        assert (scores[bad] == -np.inf).all()
        assert not (rows == bad).any()


def test_fewer_rows_than_neighbours_are_padded() -> None:
    x = clustered(4, 8)
    rows, scores = nearest(x, 10)
    assert (np.sort(rows[:, :3], axis=1) == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]).all()
    assert (rows[:, 3:] == -1).all()
    assert (scores[:, 3:] == -np.inf).all()
    assert nearest(np.empty((0, 8), np.float32), 3)[0].shape == (0, 3)
    assert nearest(np.zeros((3, 8), np.float32), 3)[0].tolist() == [[-1] * 3] * 3


def test_a_mapped_file_is_read_and_not_changed(tmp_path: Path) -> None:
    x = spoiled(500, 64)
    np.save(tmp_path / "x.npy", x)
    before = (tmp_path / "x.npy").read_bytes()
    rows, scores = nearest(np.load(tmp_path / "x.npy", mmap_mode="r"), 10)
    again = nearest(np.asfortranarray(x), 10)
    assert rows.tobytes() == again[0].tobytes()
    assert scores.tobytes() == again[1].tobytes()
    assert (tmp_path / "x.npy").read_bytes() == before


def test_progress_ends_at_the_whole() -> None:
    calls: list[tuple[int, int]] = []
    nearest(clustered(1500, 16), 3, progress=lambda done, total: calls.append((done, total)))
    assert [done for done, _total in calls] == list(range(1, len(calls) + 1))
    assert calls[-1][0] == calls[-1][1] > 1


def test_what_cannot_be_is_refused() -> None:
    x = clustered(20, 8)
    with pytest.raises(ConfigError, match="0 neighbours"):
        nearest(x, 0)
    with pytest.raises(ConfigError, match="engine 'gpu'"):
        nearest(x, 1, engine="gpu")
    with pytest.raises(DataError, match=r"\(8,\)"):
        nearest(x[0], 1)


def test_matrix_units_that_are_not_there_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours_search, "amx_available", lambda: False)
    with pytest.raises(ConfigError, match="matrix units"):
        nearest(clustered(20, 8), 1, engine="amx")
    assert (nearest(clustered(20, 8), 1)[0] >= 0).all()


def photos_folder(folder: Path, x: Matrix, positions: list[int]) -> Path:
    np.save(folder / "vectors.npy", x)
    np.save(folder / "positions.npy", np.array(positions, np.int32))
    return folder


def test_articles_without_photo_have_no_neighbours(tmp_path: Path) -> None:
    x = clustered(30, 16)
    positions = list(range(5, 95, 3))
    found = similar_articles(photos_folder(tmp_path, x, positions), 100, 4)
    rows, scores = nearest(x, 4)
    for row, position in enumerate(positions):
        assert found.articles[position].tolist() == [positions[one] for one in rows[row]]
        assert found.scores[position].tolist() == scores[row].tolist()
    without = np.setdiff1d(np.arange(100), positions)
    assert (found.articles[without] == -1).all()
    assert (found.scores[without] == -np.inf).all()


def test_no_photos_at_all(tmp_path: Path) -> None:
    found = similar_articles(photos_folder(tmp_path, np.empty((0, 4), np.float32), []), 3, 2)
    assert found.articles.tolist() == [[-1, -1]] * 3


@pytest.mark.parametrize("positions", [[0, 1], [0, 2, 2], [0, 1, 9], [-1, 0, 1]])
def test_positions_that_do_not_fit_are_refused(tmp_path: Path, positions: list[int]) -> None:
    with pytest.raises(RunError, match="do not fit 9 articles"):
        similar_articles(photos_folder(tmp_path, clustered(3, 4), positions), 9, 2)


def test_saved_neighbours_open_as_they_were(tmp_path: Path) -> None:
    found = similar_articles(photos_folder(tmp_path, clustered(30, 16), list(range(30))), 40, 4)
    found.save(tmp_path)
    again = Neighbours.open(tmp_path)
    np.testing.assert_array_equal(again.articles, found.articles)
    np.testing.assert_array_equal(again.scores, found.scores)
    assert isinstance(again.articles, np.memmap)
    assert not again.articles.flags.writeable


def test_what_is_not_neighbours_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"similar\.npy is not there"):
        Neighbours.open(tmp_path)
    np.save(tmp_path / "similar.npy", np.zeros((3, 2), np.int64))
    np.save(tmp_path / "similarity.npy", np.zeros((3, 2), np.float32))
    with pytest.raises(RunError, match="int64"):
        Neighbours.open(tmp_path)
    (tmp_path / "similar.npy").write_bytes(b"not an array")
    with pytest.raises(RunError, match=r"similar\.npy"):
        Neighbours.open(tmp_path)
