"""The shop's own ids at the border, int32 positions inside."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hemline.errors import DataError, UnknownIdError
from hemline.shop.writing import ArrayFile

MAX_ID_BYTES = 256
"""Longer ids are refused: the map is as wide as its longest id."""


class IdMap:
    """A sorted, memory-mapped list of ids; the position of an id is its place in it.

    Parameters
    ----------
    ids : bytes array (n,), dtype S
        UTF-8, strictly ascending. DuckDB's and Arrow's string order is the same.
    kind : str
        What the ids are of, for error messages: "article" or "customer".
    """

    def __init__(self, ids: npt.NDArray[np.bytes_], kind: str) -> None:
        self.ids = ids
        self.kind = kind

    @classmethod
    def from_strings(cls, ids: Iterable[str] | pa.Array | pa.ChunkedArray, kind: str) -> IdMap:
        """Number the distinct ids of `ids` in ascending order.

        Raises
        ------
        DataError
            An id is empty, longer than 256 bytes, or ends in a NUL byte.
        """
        if isinstance(ids, pa.ChunkedArray | pa.Array):
            ids = ids.to_pylist()
        encoded = [one.encode() for one in ids]
        for one in encoded:
            if not one or len(one) > MAX_ID_BYTES or one.endswith(b"\0"):
                raise DataError(
                    f"{kind} id {one[:40]!r} cannot be used",
                    hint=f"an id has 1 to {MAX_ID_BYTES} bytes and no NUL at its end",
                )
        return cls(np.unique(np.array(encoded, dtype=np.bytes_)), kind)

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, one: object) -> bool:
        return isinstance(one, str) and self._find(one) >= 0

    def _find(self, one: str) -> int:
        encoded = one.encode(errors="replace")
        if not encoded or len(encoded) > self.ids.dtype.itemsize or encoded.endswith(b"\0"):
            return -1
        place = int(np.searchsorted(self.ids, np.bytes_(encoded)))
        return place if place < len(self.ids) and self.ids[place] == encoded else -1

    def position(self, one: str) -> int:
        """Return the position of one id.

        Raises
        ------
        UnknownIdError
            The id is not in the map.
        """
        place = self._find(one)
        if place < 0:
            raise UnknownIdError(
                f"{self.kind} {one[:80]!r} is not known to this run",
                hint=f"ids are text, with their leading zeros; the first known {self.kind} is "
                f"{self.id(0)!r}"
                if len(self)
                else f"this run has no {self.kind}s",
            )
        return place

    def positions(self, ids: Iterable[str]) -> npt.NDArray[np.int32]:
        """Return the positions of many ids as int32 (n,), -1 where an id is not known."""
        wanted = [one.encode() for one in ids]
        if not wanted or not len(self):
            return np.full(len(wanted), -1, dtype=np.int32)
        array = np.array(wanted, dtype=np.bytes_)
        places = np.minimum(np.searchsorted(self.ids, array), len(self) - 1)
        return np.where(self.ids[places] == array, places, -1).astype(np.int32)

    def id(self, position: int) -> str:
        """Return the id at a position."""
        return bytes(self.ids[position]).decode()

    def strings(self, positions: npt.ArrayLike | None = None) -> list[str]:
        """Return the ids at `positions` (all of them when None), as a list of str."""
        chosen = self.ids if positions is None else self.ids[np.asarray(positions)]
        return [one.decode() for one in chosen.tolist()]

    def to_arrow(self, low: int = 0, high: int | None = None) -> pa.Array:
        """Return the ids of positions [low, high) as an Arrow string array."""
        return pa.array(self.ids[low:high], type=pa.binary()).cast(pa.string())

    @staticmethod
    def write(path: Path, arrays: Callable[[], Iterable[pa.Array]]) -> None:
        """Write ids that are distinct, ascending and checked already, an array of text at a time.

        Parameters
        ----------
        path : Path
            As `save` writes it.
        arrays : function
            Yields all ids in order, in pieces. It is called twice: the file is as wide as the
            longest id.
        """
        width = max((int(_lengths(one).max(initial=1)) for one in arrays()), default=1)
        with ArrayFile(path, f"S{width}") as file:
            for one in arrays():
                file.append(_padded(one, width))

    def save(self, path: Path) -> None:
        """Write the ids as one .npy file."""
        np.save(path, self.ids, allow_pickle=False)

    @classmethod
    def open(cls, path: Path, kind: str) -> IdMap:
        """Map the ids of a file written by `save` into memory, without reading them."""
        ids: Any = np.load(path, mmap_mode="r", allow_pickle=False)
        return cls(ids, kind)


def _ends(ids: pa.Array) -> npt.NDArray[np.int64]:
    """Return where in its bytes each id begins, and the end of the last, int64 (n + 1,)."""
    ends = np.frombuffer(ids.buffers()[1], np.int64)
    return ends[ids.offset : ids.offset + len(ids) + 1]


def _lengths(ids: pa.Array) -> npt.NDArray[np.int64]:
    return np.diff(_ends(ids.cast(pa.large_binary()))) if len(ids) else np.zeros(0, np.int64)


def _padded(ids: pa.Array, width: int) -> npt.NDArray[np.bytes_]:
    """Return ids with NUL bytes up to one width, dtype S (n,)."""
    kind = np.dtype(f"S{width}")
    if not len(ids):
        return np.zeros(0, kind)
    ids = ids.cast(pa.large_binary())
    ends = _ends(ids)
    text = np.frombuffer(ids.buffers()[2], np.uint8)[ends[0] : ends[-1]]
    if len(text) == width * len(ids):
        return text.view(kind)
    lengths = np.diff(ends)
    wide = np.zeros(width * len(ids), np.uint8)
    # each byte moves by as much as its id does
    moved = np.arange(len(ids)) * width - (ends[:-1] - ends[0])
    wide[np.arange(len(text)) + np.repeat(moved, lengths)] = text
    return wide.view(kind)
