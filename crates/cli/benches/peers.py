"""The same books from DuckDB over the same Parquet, and from PostgreSQL with the same rows.

    peers.py FILES QUESTIONS

FILES names the files of each table, since those that were compacted into others stay for a while. QUESTIONS is NDJSON as the report writes it: {"ticker", "at_us", "yes": [[price, size]…], "no": […]}. Every answer is
compared with the one in it, so that nobody is timed for another question. DuckDB reads the files with its own page
index and statistics. PostgreSQL (DATABASE_URL) gets a table with one range partition per UTC day and an index on
(ticker, ordinal), and keyframes with an index on (ticker, effective time), as one would build it by hand; loading it
is reported, not counted.
"""

import json
import os
import sys
import time

import duckdb

# The last keyframe at or before the instant, the deltas behind it up to the first one that is later, level by level.
# An event later than the instant ends the prefix, whatever the stamps behind it say.
BOOK = """
WITH base AS (
  SELECT ordinal, connection, yes_prices, yes_quantities, no_prices, no_quantities FROM keyframes
  WHERE ticker = {ticker} AND effective_ts <= {at} ORDER BY ordinal DESC LIMIT 1
), later AS (
  SELECT min(ordinal) AS ordinal FROM keyframes WHERE ticker = {ticker} AND effective_ts > {at}
    AND ordinal > (SELECT ordinal FROM base) AND connection = (SELECT connection FROM base)
), after AS (
  SELECT ordinal, coalesce(ts, recv_ts) AS happened, side, price, quantity FROM deltas
  WHERE ticker = {ticker} AND ordinal > (SELECT ordinal FROM base)
    AND ordinal <= coalesce((SELECT ordinal FROM later), 9223372036854775807)
    AND connection = (SELECT connection FROM base)
), stop AS (SELECT min(ordinal) AS ordinal FROM after WHERE happened > {at})
SELECT side, price, sum(quantity) AS size FROM (
  SELECT side, price, quantity FROM after
  WHERE ordinal < coalesce((SELECT ordinal FROM stop), 9223372036854775807)
  UNION ALL SELECT 'yes', unnest(yes_prices), unnest(yes_quantities) FROM base
  UNION ALL SELECT 'no', unnest(no_prices), unnest(no_quantities) FROM base
) AS change GROUP BY side, price HAVING sum(quantity) > 0 ORDER BY side, price DESC
"""


def answer(rows):
    side = lambda wanted: [[f"{price:.4f}", f"{size:.2f}"] for name, price, size in rows if name == wanted]
    return side("yes"), side("no")


def measure(name, ask, questions):
    for question in questions[: len(questions) // 10]:
        ask(question)
    times, equal = [], 0
    for question in questions:
        began = time.perf_counter()
        rows = ask(question)
        times.append(time.perf_counter() - began)
        equal += answer(rows) == (question["yes"], question["no"])
    times.sort()
    at = lambda percent: times[min(len(times) - 1, len(times) * percent // 100)] * 1e3
    print(
        f"book at an instant, {name:<11}p50 {at(50):>8.2f} ms  p99 {at(99):>8.2f} ms  max {at(100):>8.2f} ms"
        f"  ({len(times)} questions, {equal} answers equal to ours)",
        flush=True,
    )


def duck(files, questions):
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    for table in ("deltas", "keyframes"):
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({files[table]}, hive_partitioning = true)")
    sql = BOOK.format(ticker="$ticker", at="make_timestamptz($at)")
    ask = lambda question: connection.execute(sql, {"ticker": question["ticker"], "at": question["at_us"]}).fetchall()
    measure("DuckDB", ask, questions)
    return connection


def postgres(duckdb_connection, url, questions):
    import psycopg

    began = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS daybook_peers CASCADE")
        connection.execute("CREATE SCHEMA daybook_peers")
        connection.execute("SET search_path = daybook_peers")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            "CREATE TABLE deltas (ticker text NOT NULL, ordinal bigint NOT NULL, recv_ts timestamptz NOT NULL,"
            " ts timestamptz, clock bigint, sid int, seq bigint, connection int NOT NULL, market_id text NOT NULL,"
            " side text NOT NULL, price numeric(5, 4) NOT NULL, quantity numeric(18, 2) NOT NULL)"
            " PARTITION BY RANGE (recv_ts)"
        )
        days = duckdb_connection.execute("SELECT DISTINCT recv_ts::DATE::VARCHAR FROM deltas ORDER BY 1").fetchall()
        for number, (day,) in enumerate(days):
            connection.execute(
                f"CREATE TABLE deltas_{number} PARTITION OF deltas"
                f" FOR VALUES FROM ('{day} 00:00Z') TO (timestamptz '{day} 00:00Z' + interval '1 day')"
            )
        connection.execute(
            "CREATE TABLE keyframes (ticker text NOT NULL, ordinal bigint NOT NULL, connection int NOT NULL,"
            " effective_ts timestamptz NOT NULL, yes_prices numeric(5, 4)[], yes_quantities numeric(18, 2)[],"
            " no_prices numeric(5, 4)[], no_quantities numeric(18, 2)[])"
        )
        columns = "ticker, ordinal, recv_ts, ts, clock, sid, seq, connection, market_id, side, price, quantity"
        copy_rows(connection, duckdb_connection, "deltas", columns)
        columns = "ticker, ordinal, connection, effective_ts, yes_prices, yes_quantities, no_prices, no_quantities"
        copy_rows(connection, duckdb_connection, "keyframes", columns)
        connection.execute("CREATE INDEX ON deltas (ticker, ordinal)")
        connection.execute("CREATE INDEX ON keyframes (ticker, effective_ts)")
        connection.execute("VACUUM ANALYZE deltas, keyframes")
        rows, size = connection.execute(
            "SELECT (SELECT count(*) FROM deltas), sum(pg_total_relation_size(relid))"
            " FROM pg_partition_tree('daybook_peers.deltas')"
        ).fetchone()
        loaded = time.perf_counter() - began
        print(f"bytes per delta, PostgreSQL {size / rows:>8.1f} with its index (loaded in {loaded:.0f} s)", flush=True)
        sql = BOOK.format(ticker="%(ticker)s", at="to_timestamp(%(at_us)s::numeric / 1000000)")
        ask = lambda question: connection.execute(sql, question).fetchall()
        measure("PostgreSQL", ask, questions)
        connection.execute("DROP SCHEMA daybook_peers CASCADE")


def copy_rows(connection, duckdb_connection, table, columns):
    # As text: times would come as Python's, which takes another package.
    texts = ", ".join(f"{name}::VARCHAR" if name.endswith("ts") else name for name in columns.split(", "))
    rows = duckdb_connection.execute(f"SELECT {texts} FROM {table}")
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        while batch := rows.fetchmany(10_000):
            for row in batch:
                copy.write_row(row)


def main():
    files, questions = sys.argv[1:]
    with open(files) as file:
        files = json.load(file)
    with open(questions) as file:
        questions = [json.loads(line) for line in file]
    for question in questions:
        question.pop("exact", None)
    connection = duck(files, questions)
    if url := os.environ.get("DATABASE_URL"):
        postgres(connection, url, questions)
    else:
        print("PostgreSQL: not compared, DATABASE_URL names no server")


main()
