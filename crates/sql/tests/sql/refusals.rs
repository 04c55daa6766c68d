//! What is refused, and in which words.

use daybook_sql::{Error, ErrorKind, SqlEngine};
use insta::assert_snapshot;

use crate::recording::{Recording, error, number};

fn engine() -> (Recording, SqlEngine) {
    let mut recording = Recording::new();
    recording.record(&["KXA-1"], 3);
    let engine = recording.engine();
    (recording, engine)
}

#[test]
fn whatever_writes_is_refused() {
    let (_recording, engine) = engine();
    for sql in [
        "INSERT INTO deltas SELECT * FROM deltas",
        "UPDATE deltas SET price = 0",
        "DELETE FROM deltas",
        "TRUNCATE deltas",
        "MERGE INTO deltas USING trades ON true WHEN MATCHED THEN DELETE",
        "CREATE TABLE mine AS SELECT * FROM deltas",
        "CREATE TABLE mine (x INT)",
        "CREATE VIEW mine AS SELECT 1",
        "CREATE OR REPLACE VIEW deltas AS SELECT 1",
        "CREATE EXTERNAL TABLE mine STORED AS PARQUET LOCATION '/etc/passwd'",
        "CREATE SCHEMA mine",
        "CREATE DATABASE mine",
        "CREATE FUNCTION mine() RETURNS INT RETURN 1",
        "CREATE INDEX mine ON deltas (ticker)",
        "ALTER TABLE deltas ADD COLUMN x INT",
        "DROP TABLE deltas",
        "DROP VIEW gaps",
        "DROP SCHEMA archive",
        "COPY deltas TO '/tmp/deltas.parquet'",
        "COPY (SELECT * FROM deltas) TO 'deltas.csv'",
        "SET datafusion.execution.batch_size = 1",
        "SET TIME ZONE 'UTC'",
        "RESET datafusion.execution.batch_size",
        "SHOW ALL",
        "SHOW datafusion.execution.batch_size",
        "SHOW FUNCTIONS",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "PREPARE mine AS SELECT 1",
        "EXECUTE mine",
        "DEALLOCATE mine",
        "GRANT SELECT ON deltas TO me",
        "ANALYZE TABLE deltas",
        "SELECT * INTO mine FROM deltas",
        "EXPLAIN INSERT INTO deltas SELECT * FROM deltas",
        "EXPLAIN ANALYZE CREATE TABLE mine AS SELECT 1",
        "EXPLAIN COPY deltas TO 'x'",
        "EXPLAIN SET datafusion.execution.batch_size = 1",
        "WITH mine AS (SELECT 1) INSERT INTO deltas SELECT * FROM mine",
    ] {
        let error = error(&engine, sql);
        assert!(matches!(error, Error::NotAllowed { .. }), "{sql}: {error:?}");
        assert_eq!(error.kind(), ErrorKind::Query);
    }
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas"), 3);
}

#[test]
fn writing_inside_of_a_query_is_refused() {
    let (_recording, engine) = engine();
    for sql in [
        "WITH gone AS (DELETE FROM deltas RETURNING *) SELECT * FROM gone",
        "WITH more AS (INSERT INTO deltas SELECT * FROM deltas RETURNING *) SELECT * FROM more",
        "SELECT * FROM (SELECT * INTO mine FROM deltas)",
        "SELECT 1 UNION ALL (SELECT * INTO mine FROM deltas)",
    ] {
        assert_eq!(error(&engine, sql).kind(), ErrorKind::Query, "{sql}");
    }
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas"), 3);
}

#[test]
fn refusals_say_what_to_do() {
    let (_recording, engine) = engine();
    let told = |sql: &str| error(&engine, sql).to_string();
    assert_snapshot!("write", told("drop table deltas"));
    assert_snapshot!("empty", told("  -- nothing\n"));
    assert_snapshot!("several", told("SELECT 1; SELECT 2"));
    assert_snapshot!("syntax", told("SELECT ticker\nFROM deltas\nWHERE ticker = = 'A'"));
    assert_snapshot!("syntax_end", told("SELECT ticker FROM deltas WHERE (ticker = 'A'"));
    assert_snapshot!("open_quote", told("SELECT 'a FROM deltas"));
    assert_snapshot!("table", told("SELECT * FROM delta WHERE ticker = 'A'"));
    assert_snapshot!("table_unlike_any", told("SELECT *\nFROM orders"));
    assert_snapshot!("table_of_another_schema", told("SELECT * FROM public.deltas"));
    assert_snapshot!("table_described", told("DESCRIBE trade"));
    assert_snapshot!("table_shown", told("SHOW COLUMNS FROM trade"));
    assert_snapshot!("placeholder", told("SELECT * FROM deltas WHERE ticker = $1"));
    assert_snapshot!("column", told("SELECT tickr, price FROM deltas"));
    assert_snapshot!("column_unlike_any", told("SELECT * FROM snapshots WHERE spread > 1"));
    assert_snapshot!("column_qualified", told("SELECT deltas.prise FROM deltas"));
    assert_snapshot!("function", told("SELECT summ(price) FROM deltas"));
    assert_snapshot!("types", told("SELECT * FROM deltas WHERE price > INTERVAL '1 day'"));
    assert_snapshot!("not_grouped", told("SELECT ticker, count(*) FROM deltas"));
    assert_snapshot!("cast", told("SELECT CAST(ticker AS INT) FROM deltas"));
    assert_snapshot!("division", told("SELECT 1 / (ordinal - ordinal) FROM deltas"));
    assert_snapshot!("show_options", told("SHOW TABLES LIKE 'd%'"));
    assert_snapshot!("nested", told(&format!("SELECT {}1{}", "(".repeat(500), ")".repeat(500))));
}

#[test]
fn involved_queries_are_refused_or_answered_but_never_end_the_process() {
    let (_recording, engine) = engine();
    // Just below the bound on operators: the deepest plans that there can be.
    let many = |part: &str, count: usize| part.repeat(count);
    for sql in [
        format!("SELECT 1{}", many(" + 1", 1_990)),
        format!("SELECT count(*) FROM deltas WHERE ticker = 'A'{}", many(" OR ticker = 'B'", 990)),
        format!("SELECT 1{}", many("::INT", 990)),
        format!("SELECT 'a'{}", many(" || 'a'", 1_990)),
        format!("SELECT true{}", many(" IS TRUE", 990)),
        format!("SELECT 1 WHERE true{}", many(" AND true", 1_900)),
        format!("SELECT 1{}", many(" UNION ALL SELECT 1", 600)),
        format!("SELECT count(*) FROM (VALUES (1)) AS a(x){}", many(", (VALUES (1)) AS b(y)", 600)),
    ] {
        let shown = &sql[..60];
        match engine.query(&sql).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::Query, "{shown}: {error}"),
        }
    }
    for sql in [
        format!("SELECT 1{}", many(" + 1", 50_000)),
        format!("SELECT count(*) FROM deltas AS a{}", many(" JOIN deltas USING (ordinal)", 5_000)),
    ] {
        assert!(matches!(error(&engine, &sql), Error::TooInvolved { .. }));
    }
    let long = format!("SELECT count(*) FROM deltas WHERE ticker IN ({}'KXA-1')", many("'KXB-1', ", 50_000));
    assert_eq!(number(&engine, &long), 3);
    assert_snapshot!("too_long", error(&engine, &format!("SELECT '{}'", many("long", 1 << 18))).to_string());
    assert_snapshot!("too_many_operators", error(&engine, &format!("SELECT 1{}", many("+1", 2_001))).to_string());
}
