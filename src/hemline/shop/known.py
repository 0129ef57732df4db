"""Ids of one kind while files are added: those of the tables, and those that come new."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hemline.shop.ids import IdMap
from hemline.shop.padding import HM_CODE_LENGTH, HM_LENGTH, NO_PADDING, Padding

Places = npt.NDArray[np.int64]


class Known:
    """Ids by places that stay: first those of the tables in their order, then what is added.

    Parameters
    ----------
    ids : IdMap
        Those of the tables.
    listed : bool (n,)
        Which of them stand in the shop's own table; the others only purchases know.
    """

    def __init__(self, ids: IdMap, listed: npt.NDArray[np.bool_]) -> None:
        self.before = ids
        self.added: list[bytes] = []
        self._place: dict[bytes, int] = {}
        self._listed = listed
        self._listed_now: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.before) + len(self.added)

    @property
    def listed(self) -> npt.NDArray[np.bool_]:
        """Which places the shop's own table lists, bool (n,)."""
        return np.concatenate([self._listed, np.zeros(len(self) - len(self._listed), bool)])

    def list(self, places: Places) -> None:
        """Take note that the shop's own table lists these places."""
        found = self.listed
        found[places] = True
        self._listed = found

    def places(self, ids: Sequence[str]) -> Places:
        """Return the place of each id, int64 (n,); one that is not known gets the next."""
        found = self.find(ids)
        for at in np.flatnonzero(found < 0).tolist():
            one = ids[at].encode()
            if one not in self._place:
                self._place[one] = len(self)
                self.added.append(one)
            found[at] = self._place[one]
        return found

    def find(self, ids: Sequence[str]) -> Places:
        """Return the place of each id, int64 (n,); -1 for one that is not known."""
        found = self.before.positions(ids).astype(np.int64)
        if self._place:
            for at in np.flatnonzero(found < 0).tolist():
                found[at] = self._place.get(ids[at].encode(), -1)
        return found

    def numbered(self) -> tuple[IdMap, npt.NDArray[np.int32]]:
        """Number all ids in ascending order.

        Returns
        -------
        ids : IdMap
        position : int32 (n,)
            Of each place.
        """
        n = len(self.before)
        if not self.added:
            return self.before, np.arange(n, dtype=np.int32)
        new = np.array(self.added, dtype=np.bytes_)
        order = np.argsort(new)
        at = np.searchsorted(self.before.ids, new[order])
        position = np.empty(len(self), np.int32)
        old = np.arange(n)
        position[:n] = old + np.searchsorted(at, old, side="right")
        position[n + order] = at + np.arange(len(new))
        width = max(self.before.ids.dtype.itemsize, new.dtype.itemsize)
        ids = np.insert(self.before.ids.astype(f"S{width}"), at, new[order])
        return IdMap(ids, self.before.kind), position

    def table(self) -> tuple[pa.Table, Places]:
        """Return the listed ids, ascending, as a table, and the place of each row."""
        ids, position = self.numbered()
        places = np.argsort(position)
        places = places[self.listed[places]]
        chosen = ids.ids if len(places) == len(ids) else ids.ids[position[places]]
        text = IdMap(chosen, ids.kind).to_arrow()
        return pa.table({f"{ids.kind}_id": text}), places

    def padding(self, codes: pa.ChunkedArray | None = None) -> Padding:
        """Return how the listed ids are written, as `find_padding` found it when it read them.

        Ids of digits that were padded, or that needed it not, have one length.

        Parameters
        ----------
        codes : product codes of the articles, optional
        """
        width = _digits(self.before.ids[self._listed[: len(self.before)]])
        if not width:
            return NO_PADDING
        if codes is not None and width == HM_LENGTH:
            known = np.array([one.encode() for one in codes.to_pylist() if one], np.bytes_)
            if _digits(known) == HM_CODE_LENGTH:
                return Padding(width, HM_CODE_LENGTH)
        return Padding(width)


def _digits(ids: npt.NDArray[np.bytes_]) -> int:
    """Return how many digits all ids have; 0 where they differ or are more than digits."""
    width = ids.dtype.itemsize
    for some in (ids[:1000], ids):  # most shops show it at once
        if not len(some):
            return 0
        each = np.ascontiguousarray(some).view(np.uint8).reshape(len(some), width)
        # a shorter id ends in zero bytes
        if not ((each >= ord("0")) & (each <= ord("9"))).all():
            return 0
    return width
