"""Reads Parquet files with PyArrow, DuckDB and Polars and compares every value with the expected ones.

Usage: readers.py FOLDER, which holds N.parquet and N.json: {column: {"scale": digits or null, "cells": [...]}}.
Exit code 77: a reader is not installed. 1: a difference, which is printed.
"""

import json
import pathlib
import sys
from decimal import Context

try:
    import duckdb
    import polars
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as error:
    print(error)
    sys.exit(77)

EXACT = Context(prec=40)


def plain(value, scale):
    """A value as the expected ones are spelled: decimals without their point."""
    if isinstance(value, list):
        return [plain(element, scale) for element in value]
    if value is None or scale is None:
        return value
    return int(value.scaleb(scale, EXACT))


def cells(column, scale):
    if pa.types.is_timestamp(column.type):
        assert column.type.unit == "us" and column.type.tz, column.type
        column = column.cast(pa.int64())
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        if pa.types.is_timestamp(column.type.value_type):
            column = column.cast(pa.list_(pa.int64()))
    return [plain(value, scale) for value in column.to_pylist()]


def readers(path):
    yield "pyarrow", lambda: pq.read_table(path)
    yield "pyarrow dataset", lambda: pa.dataset.dataset(path).to_table()
    yield "duckdb", lambda: duckdb.sql(f"SELECT * FROM read_parquet('{path}')").to_arrow_table()
    yield "polars", lambda: polars.read_parquet(path).to_arrow()
    yield "polars lazy", lambda: polars.scan_parquet(path).collect().to_arrow()


def counts(path, name, value):
    """How many rows hold `value`, by readers that skip row groups and pages by their statistics."""
    yield "duckdb", duckdb.execute(f"SELECT count(*) FROM read_parquet('{path}') WHERE {name} = ?", [value]).fetchall()[0][0]
    yield "polars", polars.scan_parquet(path).filter(polars.col(name) == value).collect().height
    yield "pyarrow", pq.read_table(path, filters=[(name, "=", value)]).num_rows


def slices(path, rows):
    """Rows from the middle, which readers find by skipping."""
    start, length = rows // 3, rows // 5
    yield "duckdb", start, length, duckdb.sql(
        f"SELECT * FROM read_parquet('{path}') LIMIT {length} OFFSET {start}"
    ).to_arrow_table()
    yield "polars", start, length, polars.scan_parquet(path).slice(start, length).collect().to_arrow()


def main(folder):
    import pyarrow.dataset  # noqa: F401  (registers pa.dataset)

    duckdb.sql("SET TimeZone = 'UTC'")
    bad = 0
    for path in sorted(pathlib.Path(folder).glob("*.parquet")):
        expected = json.loads(path.with_suffix(".json").read_text())

        def compare(reader, table, rows):
            nonlocal bad
            if table.column_names != list(expected):
                print(f"{path.name} {reader}: columns {table.column_names}")
                bad += 1
                return
            for name, column in expected.items():
                got, want = cells(table[name], column["scale"]), column["cells"][rows]
                if got != want:
                    bad += 1
                    row = next((row for row, pair in enumerate(zip(got, want)) if pair[0] != pair[1]), None)
                    pair = (got[row], want[row]) if row is not None else (len(got), len(want))
                    print(f"{path.name} {reader}: column {name} ({column['spec']}): row {row}: got, expected: {pair}")

        for reader, read in readers(path):
            try:
                compare(reader, read(), slice(None))
            except Exception as error:  # whatever a reader raises is a finding
                bad += 1
                print(f"{path.name} {reader}: {type(error).__name__}: {error}")
        rows = len(next(iter(expected.values()))["cells"])
        for reader, start, length, table in slices(path, rows):
            compare(f"{reader} slice", table, slice(start, start + length))
        for name, column in expected.items():
            value = column["cells"][rows // 2]
            if isinstance(value, (str, int)) and column["filter"]:
                for reader, count in counts(path, name, value):
                    if count != column["cells"].count(value):
                        bad += 1
                        want = column["cells"].count(value)
                        print(f"{path.name} {reader}: {name} = {value!r} ({column['spec']}): {count} rows, not {want}")
    sys.exit(1 if bad else 0)


main(sys.argv[1])
