"""Reads every table of an archive with deltalake, DuckDB and Polars, and compares all rows with those that Daybook
reads itself (a JSON object of texts per row). Usage: readers.py ARCHIVE EXPECTED. Exit code 77: a reader is missing."""

import json
import pathlib
import sys

try:
    import deltalake
    import duckdb
    import polars as pl
    import pyarrow
except ImportError as error:
    print(error)
    sys.exit(77)

PARTITIONED = {"deltas", "keyframes", "trades", "tickers", "lifecycle", "unparsed", "coverage"}
PRICE, QUANTITY = pl.Decimal(5, 4), pl.Decimal(18, 2)
TIME = pl.Datetime("us", "UTC")
# What each of these columns must be, whoever reads it.
TYPES = {
    "price": PRICE, "yes_price": PRICE, "no_price": PRICE, "yes_bid": PRICE, "yes_ask": PRICE,
    "quantity": QUANTITY, "count": QUANTITY, "volume": QUANTITY, "open_interest": QUANTITY, "yes_bid_size": QUANTITY,
    "yes_prices": pl.List(PRICE), "no_prices": pl.List(PRICE),
    "yes_quantities": pl.List(QUANTITY), "no_quantities": pl.List(QUANTITY),
    "recv_ts": TIME, "ts": TIME, "sent_ts": TIME, "from_ts": TIME, "to_ts": TIME, "valid_from": TIME, "valid_to": TIME,
    "effective_ts": TIME, "imported_ts": TIME, "close_time": TIME, "settlement_ts": TIME,
    "ordinal": pl.Int64, "seq": pl.Int64, "clock": pl.Int64, "sid": pl.Int32, "connection": pl.Int32,
    "recv_nanos": pl.Int16, "is_block_trade": pl.Boolean, "complete": pl.Boolean, "ticker": pl.String, "date": pl.Date,
}
# `volume` of a market is kept as the venue wrote it.
TEXT = {("markets", "volume")}


def as_text(column, kind):
    """An expression that says a column as Daybook does."""
    if isinstance(kind, pl.Datetime):
        return column.dt.epoch("us").cast(pl.String)
    if isinstance(kind, pl.List):
        return column.list.eval(pl.element().cast(pl.String)).list.join(",")
    return column.cast(pl.String)


def canonical(frame, columns):
    texts = frame.select(as_text(pl.col(name), frame.schema[name]).alias(name) for name in columns)
    return texts.sort(columns, nulls_last=False)


def check_types(table, frame, via):
    for name, kind in frame.schema.items():
        expected = pl.String if (table, name) in TEXT else TYPES.get(name)
        assert expected is None or kind == expected, f"{table}.{name} is {kind} for {via}, not {expected}"


def check_dates(table, frame):
    """The partition is the UTC day of the received time; of an interval, of its start.

    A folded keyframe may be in a later day's folder: in that of the delta after it, so that each day stands on its own.
    """
    stamp = {"coverage": "from_recv_ts"}.get(table, "recv_ts")
    wrong = frame.filter(pl.col(stamp).is_not_null() & (pl.col(stamp).dt.date() != pl.col("date")))
    if table == "keyframes":
        wrong = wrong.filter((pl.col("kind") != "folded") | (pl.col(stamp).dt.date() > pl.col("date")))
    assert wrong.is_empty(), f"{table}: rows in another day's folder: {wrong}"


def by_duckdb(connection, root, table, delta):
    if connection is not None:
        try:
            return connection.sql(f"SELECT * FROM delta_scan('{root}')").to_arrow_table()
        except duckdb.Error as error:
            raise AssertionError(f"DuckDB cannot read {table}: {error}") from error
    paths = ", ".join("'" + uri.removeprefix("file://").replace("'", "''") + "'" for uri in delta.file_uris())
    hive = str(table in PARTITIONED).lower()
    query = f"SELECT * FROM read_parquet([{paths}], hive_partitioning = {hive})"
    plain = duckdb.connect()
    plain.execute("SET TimeZone = 'UTC'")
    return plain.sql(query).to_arrow_table()


def main(archive, expected):
    counts = json.loads((expected / "counts.json").read_text())
    extension = duckdb.connect()
    try:
        extension.execute("LOAD delta; SET TimeZone = 'UTC'")
        print("DuckDB: delta_scan")
    except duckdb.Error:
        extension = None
        print("DuckDB: read_parquet over the table's files, its extension `delta` is not installed")
    for table, rows in counts.items():
        root = str(archive / table)
        delta = deltalake.DeltaTable(root)
        frames = {
            "deltalake": pl.from_arrow(delta.to_pyarrow_table()),
            "Polars": pl.scan_delta(root).collect(),
            "DuckDB": pl.from_arrow(by_duckdb(extension, root, table, delta)),
        }
        ours = pl.read_ndjson(expected / f"{table}.ndjson", infer_schema_length=None)
        columns = ours.columns
        ours = ours.select(pl.all().cast(pl.String)).sort(columns, nulls_last=False)
        assert ours.height == rows
        with_date = columns + (["date"] if table in PARTITIONED else [])
        seen = None
        for via, frame in frames.items():
            assert frame.height == rows, f"{via} reads {frame.height} rows of {table}, not {rows}"
            assert sorted(frame.columns) == sorted(with_date), f"{via} reads other columns of {table}: {frame.columns}"
            check_types(table, frame, via)
            theirs = canonical(frame, columns)
            for name in columns:
                if not theirs[name].equals(ours[name]):
                    at = (theirs[name].ne_missing(ours[name])).arg_max()
                    raise AssertionError(f"{via} reads {table}.{name} otherwise: {theirs.row(at)}, not {ours.row(at)}")
            dated = canonical(frame, with_date)
            assert seen is None or seen.equals(dated), f"{via} reads other days of {table}"
            seen = dated
        if table in PARTITIONED:
            check_dates(table, frames["Polars"])
        print(f"{table}: {rows} rows, {len(with_date)} columns, the same for {', '.join(frames)}")


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
