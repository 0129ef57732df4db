"""Purchases: read once into numbers, their new ids numbered, repeats added up, in order.

Ids are looked up while the file is read, so that what is held of a purchase is 30 bytes and
no text. Only ids that no table knows are held as text until they are numbered.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ibis

from hemline.engines.base import Engine
from hemline.errors import EmptyTableError
from hemline.shop import rejects as why
from hemline.shop.checks import checked_purchases, usable_id
from hemline.shop.keyed import Keyed
from hemline.shop.padding import NO_PADDING, Padding
from hemline.shop.purchase_rejects import rejected_purchases
from hemline.shop.reading import Reader
from hemline.shop.rejects import Rejects, verdict

KEYS = ("customer", "time", "article", "price", "channel")
"""Purchases that agree in these are one, and this is their order."""


@dataclass(frozen=True)
class Ids:
    """The ids of one kind: those of a table, and those that only purchases have.

    Attributes
    ----------
    name : str
        "customer" or "article".
    table : ibis.Table or None
        `{name}_id`, old: the ids of the shop's own table and their places in it.
    open : bool
        Whether an id that the table lacks is new, rather than unknown.
    """

    name: str
    table: ibis.Table | None
    open: bool
    padding: Padding = NO_PADDING

    @property
    def key(self) -> str:
        """Name of the column with the id."""
        return f"{self.name}_id"


@dataclass
class Purchases:
    """What was read of the purchases, until it is put in order.

    Attributes
    ----------
    numbered : dict
        "customer" and "article" -> {name}_id, position: all ids in ascending order.
    summary : dict
        Rows read, rejects by reason, rows after `until`, ids padded, customers added.
    """

    reader: Reader
    until: dt.date | None
    ids: dict[str, Ids]
    staged: ibis.Table
    names: dict[str, ibis.Table] = field(default_factory=dict)
    numbered: dict[str, ibis.Table] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)

    @property
    def engine(self) -> Engine:
        """The engine that holds the tables."""
        return self.reader.engine

    def bad_names(self, name: str) -> ibis.Table | None:
        """Return the unknown ids that cost their purchases; None when there are none."""
        names = self.names[name]
        bad = names.filter(names.fate != why.TAKEN)
        (counted,) = self.engine.rows(bad.aggregate(n=bad.count()))
        return bad if counted["n"] else None

    def kept(self) -> ibis.Table:
        """Return the rows that are taken, with the places of both ids, or their texts."""
        rows = self.staged.filter(self.staged.verdict == why.TAKEN)
        for name in self.names:
            bad = self.bad_names(name)
            if bad is not None:
                rows = rows.anti_join(bad, f"{name}_text")
        return rows

    def ordered(self) -> ibis.Table:
        """Return the purchases, schema.PURCHASES, in the order of `KEYS`."""
        numbers = self._numbers()
        groups = numbers.group_by(*KEYS).aggregate(quantity=numbers.quantity.sum())
        return groups.order_by([groups[one].asc(nulls_first=False) for one in KEYS])

    def sorted(self) -> ibis.Table:
        """Return the same with repeats beside each other, for `shop.repeats.joined`.

        To group hundreds of millions of rows, nearly all of which are alone, before they are
        sorted would hold them twice.
        """
        numbers = self._numbers()
        return numbers.order_by([numbers[one].asc(nulls_first=False) for one in KEYS])

    def _numbers(self) -> ibis.Table:
        rows = self.kept()
        for name, ids in self.ids.items():
            numbered, known = self.numbered[name], name
            if "old" in numbered.columns:  # new ids stand between those of the table
                moved = numbered.filter(numbered.old.notnull())
                moved = moved.select(old=moved.old, moved=moved.position)
                rows = rows.left_join(moved, rows[name] == moved.old).drop("old")
                known = "moved"
            position = rows[known]
            if name in self.names:
                names = self.names[name]
                found = names.inner_join(numbered, names.id == numbered[ids.key])
                found = found.select(f"{name}_text", found=found.position)
                rows = rows.left_join(found, f"{name}_text").drop(f"{name}_text_right")
                position = ibis.coalesce(rows.found, rows[known])
            rows = rows.mutate(**{f"{name}_position": position.cast("int32")})
            rows = rows.drop(*(one for one in ("moved", "found") if one in rows.columns))
        return rows.select(
            customer=rows.customer_position,
            time=rows.time,
            article=rows.article_position,
            price=rows.price,
            channel=rows.channel,
            quantity=rows.quantity,
        )


def read_purchases(
    reader: Reader,
    customers: Keyed | None,
    articles: Keyed | None,
    until: dt.date | None,
    rejects: Rejects,
    progress: Callable[[float], None] | None = None,
) -> Purchases:
    """Read and check the purchases, and number all customers and articles.

    Raises
    ------
    EmptyTableError
        The file has no rows.
    """
    ids = {
        "customer": _ids(reader.engine, "customer", customers, is_open=True),
        "article": _ids(reader.engine, "article", articles, is_open=articles is None),
    }
    staged = reader.store("staged", lambda raw: _looked_up(raw, ids, until), progress=progress)
    found = Purchases(reader, until, ids, staged)
    counted = found.engine.rows(
        staged.group_by("verdict").aggregate(
            n=staged.count(),
            **{name: staged[f"{name}_text"].notnull().sum() for name in ids},
        )
    )
    counts = {one["verdict"]: one["n"] for one in counted}
    read = sum(counts.values()) + len(reader.broken)
    if not read:
        raise EmptyTableError(f"{reader.source.label} has no rows", hint="purchases are needed")
    taken = next((one for one in counted if one["verdict"] == why.TAKEN), {})
    for name in ids:
        if taken.get(name):
            found.names[name] = _judge_names(found, name)
    bad = {n for n in counts if n not in (why.TAKEN, why.AFTER_UNTIL)}
    unknown = any(found.bad_names(name) is not None for name in found.names)
    rejects.add("purchases", reader.broken)
    if bad or unknown:
        rejects.add("purchases", rejected_purchases(found))
    found.summary = {
        "rows_read": read,
        "after_until": counts.get(why.AFTER_UNTIL, 0),
        "rejects": rejects.reasons("purchases"),
        "article_ids_padded": _padded(found, "article"),
        "customer_ids_padded": _padded(found, "customer"),
    }
    return found


def number_ids(found: Purchases) -> int:
    """Number all customers and articles in ascending order of their ids.

    Returns
    -------
    int
        How many customers were added to those of the shop's table.
    """
    added = 0
    for name, ids in found.ids.items():
        new = None
        if ids.open and name in found.names:
            text = f"{name}_text"
            names = found.names[name]
            names = names.filter((names.fate == why.TAKEN) & names.old.isnull())
            if found.summary["rejects"]:  # an id that only rejected rows have is none
                names = names.semi_join(found.kept(), text)
            new = names.select(**{ids.key: names.id, "old": ibis.null("int32")}).distinct()
        known = ids.table
        new_ones = 0
        if new is not None:
            stored = found.engine.store(f"{name}_new", new)
            (counted,) = found.engine.rows(stored.aggregate(n=stored.count()))
            new_ones = int(counted["n"])
            if known is None:
                known = stored
            elif new_ones:
                known = known.select(ids.key, "old").union(stored)
        assert known is not None
        columns = [ids.key, "old"] if ids.table is not None and new_ones else [ids.key]
        found.numbered[name] = found.engine.ranked(
            f"{name}_numbered", known.select(*columns), ids.key, "position"
        )
        added += new_ones if ids.table is not None else 0
    return added


def _ids(engine: Engine, name: str, keyed: Keyed | None, *, is_open: bool) -> Ids:
    if keyed is None:
        return Ids(name, None, is_open)
    key = f"{name}_id"
    table = engine.ranked(f"{name}_places", keyed.table.select(key), key, "old")
    return Ids(name, table, is_open, keyed.padding)


def _looked_up(raw: ibis.Table, ids: dict[str, Ids], until: dt.date | None) -> ibis.Table:
    """Return checked purchases with places for ids, and texts for ids without a place."""
    rows = checked_purchases(raw, until)
    looked_up: list[str] = []
    for name, one in ids.items():
        text = f"{name}_text"
        if one.table is None:
            rows = rows.mutate(**{name: ibis.null("int32"), text: rows[one.key]})
        else:
            places = one.table.select(known=one.table[one.key], place=one.table.old)
            rows = rows.left_join(places, rows[one.key] == places.known)
            unknown = ibis.ifelse(rows.known.isnull(), rows[one.key], ibis.null("string"))
            rows = rows.mutate(**{name: rows.place, text: unknown}).drop("known", "place")
        looked_up += [name, text]
    return rows.select(*looked_up, "time", "price", "channel", "quantity", "verdict")


def _judge_names(found: Purchases, name: str) -> ibis.Table:
    """Store the distinct ids of purchases that stand in no table, and what becomes of them.

    `{name}_text` as it stands, `id` as it should be, `old` its place in the table if it has
    one after all, `fate` a verdict, `n` the number of purchases, `padded`.
    """
    ids, text = found.ids[name], f"{name}_text"
    rows = found.staged.filter(found.staged.verdict == why.TAKEN)
    rows = rows.filter(rows[text].notnull())
    names = rows.group_by(text).aggregate(n=rows.count())
    usable = usable_id(names[text])
    if ids.table is None:
        judged = names.mutate(id=names[text], old=ibis.null("int32"), padded=ibis.literal(False))
        fate = ibis.ifelse(usable, why.TAKEN, verdict(why.UNUSABLE_ID))
        return found.engine.store(f"{name}_names", judged.mutate(fate=fate.cast("int8")))
    full = names.mutate(full=ids.padding(names[text]))
    table = ids.table.select(**{"known": ids.table[ids.key], "old": ids.table.old})
    matched = full.left_join(table, full.full == table.known)
    known = matched.old.notnull()
    lost = why.TAKEN if ids.open else verdict(why.UNKNOWN_ARTICLE)
    fate = ibis.cases(
        (known, why.TAKEN), (~usable_id(matched[text]), verdict(why.UNUSABLE_ID)), else_=lost
    )
    return found.engine.store(
        f"{name}_names",
        matched.select(
            text,
            "n",
            "old",
            id=ibis.ifelse(known, matched.known, matched[text]),
            padded=known,
            fate=fate.cast("int8"),
        ),
    )


def _padded(found: Purchases, name: str) -> int:
    """Return how many purchases got the zeros of an id back."""
    if name not in found.names:
        return 0
    names = found.names[name]
    (counted,) = found.engine.rows(names.aggregate(n=names.n.sum(where=names.padded)))
    return int(counted["n"] or 0)
