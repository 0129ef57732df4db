"""Ibis on Spark: with Hemline's dialect, and results over Arrow in place of pandas."""

from __future__ import annotations

from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.pyspark import Backend
from ibis.formats.pyarrow import PyArrowData

from hemline.engines.spark_dialect import SparkDialect


class SparkBackend(Backend):  # type: ignore[misc]
    """Ibis' backend for a Spark session."""

    compiler = SparkDialect()

    def to_pyarrow(
        self, expr: ir.Expr, /, *, params: Any = None, limit: Any = None, **kwargs: Any
    ) -> Any:
        """Compute an expression into an Arrow table, array or scalar."""
        table = expr.as_table()
        sql = self.compile(table, params=params, limit=limit)
        found: pa.Table = self._session.sql(sql).toArrow()
        return expr.__pyarrow_result__(PyArrowData.convert_table(found, table.schema()))
