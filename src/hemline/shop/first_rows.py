"""The first purchases of a shop as they stand in its file, without reading the rest."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from hemline.errors import ConfigError, DataError
from hemline.shop.source import CsvSource, ParquetSource, Shop


def first_rows(shop: Shop, rows: int) -> Shop:
    """Return a shop with the first `rows` purchases of `shop` and nothing else.

    Of a CSV file the columns stay text: `ingest` checks and types them as it does a file's.

    Raises
    ------
    ConfigError
        `rows` is below 1.
    DataError
        The file cannot be read so far.
    """
    if rows < 1:
        raise ConfigError(f"the first {rows} rows", hint="at least 1")
    source = shop.source("purchases")
    if isinstance(source, CsvSource):
        table = _of_csv(source, rows)
    elif isinstance(source, ParquetSource):
        table = _of_parquet(source, rows)
    else:
        assert source is not None
        table = source.table.slice(0, rows)
    return Shop(purchases=table)


def _of_csv(source: CsvSource, rows: int) -> pa.Table:
    file = source.file
    batches, held = [], 0
    try:
        reader = pa_csv.open_csv(
            file.path,
            parse_options=pa_csv.ParseOptions(delimiter=file.delimiter, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in file.header}, strings_can_be_null=False
            ),
        )
        for batch in reader:
            batches.append(batch)
            held += batch.num_rows
            if held >= rows:
                break
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{file.path}: its first {rows} rows cannot be read: {error}",
            hint="`hemline ingest` says which line is broken",
        ) from None
    return pa.Table.from_batches(batches, schema=reader.schema).slice(0, rows)


def _of_parquet(source: ParquetSource, rows: int) -> pa.Table:
    batches, held = [], 0
    for path in source.files:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=min(rows, 1 << 16)):
                batches.append(batch)
                held += batch.num_rows
                if held >= rows:
                    return pa.Table.from_batches(batches).slice(0, rows)
    return pa.Table.from_batches(batches)
