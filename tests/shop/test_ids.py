from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemline.errors import DataError, UnknownIdError
from hemline.shop.ids import IdMap

IDS = st.text(min_size=1, max_size=12).filter(
    lambda one: not one.endswith("\0") and one.isprintable()
)


@given(st.sets(IDS, min_size=1))
def test_every_id_has_its_place_in_sorted_order(ids: set[str]) -> None:
    found = IdMap.from_strings(ids, "article")
    ordered = sorted(ids, key=str.encode)
    assert found.strings() == ordered
    assert found.positions(ordered).tolist() == list(range(len(ids)))
    assert [found.position(one) for one in ordered] == list(range(len(ids)))
    assert found.to_arrow().to_pylist() == ordered


def test_unknown_ids() -> None:
    ids = IdMap.from_strings(["0108775015", "0108775044"], "article")
    assert ids.positions(["108775015", "0108775044", "", "x" * 99]).tolist() == [-1, 1, -1, -1]
    assert "0108775015" in ids
    assert 7 not in ids
    with pytest.raises(UnknownIdError, match="108775015"):
        ids.position("108775015")
    assert IdMap.from_strings([], "article").positions(["a"]).tolist() == [-1]


def test_save_and_open(tmp_path: Path) -> None:
    ids = IdMap.from_strings(pa.array(["b", "a", "b"]), "customer")
    ids.save(tmp_path / "ids.npy")
    back = IdMap.open(tmp_path / "ids.npy", "customer")
    assert isinstance(back.ids, np.memmap)
    assert back.strings([1, 0]) == ["b", "a"]


@pytest.mark.parametrize("bad", ["", "a\0", "x" * 257])
def test_ids_that_cannot_be_used(bad: str) -> None:
    with pytest.raises(DataError, match="id"):
        IdMap.from_strings([bad], "article")


@given(st.sets(IDS), st.integers(1, 5))
def test_ids_are_written_in_pieces_as_they_are_whole(ids: set[str], size: int) -> None:
    ordered = sorted(ids, key=str.encode)
    pieces = pa.array(["before", *ordered], pa.string())[1:]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ids.npy"
        IdMap.write(path, lambda: (pieces[at : at + size] for at in range(0, len(ordered), size)))
        assert IdMap(np.load(path), "customer").strings() == ordered
        if ids:
            IdMap.from_strings(ordered, "customer").save(path.with_name("whole.npy"))
            assert path.read_bytes() == path.with_name("whole.npy").read_bytes()
