"""Engines that are given Arrow tables, and asked for expressions over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

from hemline.engines.duckdb import DuckDB

Engine = tuple[Callable[[str, pa.Table], Any], Callable[[Any], pa.Table]]


@pytest.fixture(scope="module")
def duckdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with DuckDB(tmp_path_factory.mktemp("duckdb") / "spill") as engine:

        def named(name: str, table: pa.Table) -> Any:
            engine.ibis.create_table(name, table, overwrite=True)
            return engine.ibis.table(name)

        yield named, engine.table


@pytest.fixture(scope="module")
def spark(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    opened = request.getfixturevalue("local_spark")
    tables = opened.tables(tmp_path_factory.mktemp("tables"))

    def named(name: str, table: pa.Table) -> Any:
        stored = tables.arrow(name, table, picks={one: one for one in table.column_names})
        return opened.ibis.table(stored.get_name())

    return named, tables.table


@pytest.fixture(scope="module", params=["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found
