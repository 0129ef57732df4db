"""Answers of a store in the types that every store gives."""

from __future__ import annotations

import pyarrow as pa

INTERNAL = frozenset({"_ID", "_LABEL", "_SRC", "_DST"})
"""What the embedded store adds to a whole node or edge beside its properties."""


def plain(array: pa.Array) -> pa.Array:
    """Return an array with whole numbers as int64, others as float64, lists as plain lists.

    Of a struct the fields named in INTERNAL are dropped, at any depth.
    """
    kind = array.type
    if pa.types.is_struct(kind):
        kept = [(name, at) for at, name in enumerate(kind.names) if name not in INTERNAL]
        fields = array.flatten()
        return pa.StructArray.from_arrays(
            [plain(fields[at]) for _, at in kept], [name for name, _ in kept], mask=array.is_null()
        )
    if pa.types.is_fixed_size_list(kind):
        return plain(array.cast(pa.list_(kind.value_type)))
    if pa.types.is_list(kind):
        if pa.types.is_nested(kind.value_type):
            return pa.ListArray.from_arrays(
                array.offsets, plain(array.values), mask=array.is_null()
            )
        return array.cast(pa.list_(plain_type(kind.value_type)))
    return array.cast(plain_type(kind))


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type that values of a type are given in."""
    if pa.types.is_nested(kind):
        return plain(pa.array([], kind)).type
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_decimal(kind):
        return pa.int64() if kind.scale == 0 else pa.float64()
    if pa.types.is_floating(kind):
        return pa.float64()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us")
    return kind
