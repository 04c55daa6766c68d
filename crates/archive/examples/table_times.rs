//! Prints how long tables take to open and to commit to, through the cached file list and through the log.

use std::time::{Duration, Instant};

use daybook_archive::store::Store;
use daybook_archive::table::{AddFile, ColumnType, Commit, FileStats, Operation, StatValue, Table, TableSchema};

fn file(number: u64) -> AddFile {
    let text = |text: String| Some(StatValue::Text(text.into()));
    let micros = 1_786_406_400_000_000 + i64::try_from(number).unwrap_or_default() * 1_000_001;
    let integer = |n: u64| i64::try_from(n).ok().map(StatValue::Integer);
    AddFile {
        path: format!("date=2026-08-{:02}/part-{number:08}-0123456789abcdef.parquet", 1 + number / 50 % 28),
        size: 10_000_000 + number,
        partition: vec![("date".into(), Some(format!("2026-08-{:02}", 1 + number / 50 % 28)))],
        modification_time_ms: 1_786_406_400_000,
        stats: FileStats::new(1_000_000)
            .column("ticker", text(format!("KXAAA-{number}")), text(format!("KXZZZ-26AUG101800-{number}")), Some(0))
            .column("ordinal", integer(number * 1_000_000), integer(number * 1_000_000 + 999_999), Some(0))
            .column("ts", StatValue::not_after(micros), StatValue::not_before(micros + 60_000_000), Some(3))
            .column("recv_ts", integer(number * 1_000), integer(number * 1_001), Some(0)),
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn measure<T>(times: usize, mut run: impl FnMut() -> T) -> Duration {
    let run_once = |_| {
        let start = Instant::now();
        let result = run();
        let taken = start.elapsed();
        drop(result);
        taken
    };
    median((0..times).map(run_once).collect())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = std::env::args().nth(1).unwrap_or_else(|| "./table-times".to_owned());
    let files: u64 = std::env::args().nth(2).map_or(Ok(500), |files| files.parse())?;
    let store = Store::open(&root)?;
    let schema = TableSchema::new()
        .required("ticker", ColumnType::String)
        .required("ordinal", ColumnType::Long)
        .nullable("ts", ColumnType::Timestamp)
        .required("recv_ts", ColumnType::Long)
        .required("date", ColumnType::Date);
    let table = Table::create(&store, "deltas", &schema, &["date"])?;
    let (mut plain, mut with_checkpoint) = (Vec::new(), Vec::new());
    for number in 0..files {
        let commit = Commit::new(Operation::Write).with_file(file(number)).with_txn("log", i64::try_from(number)?);
        let start = Instant::now();
        let committed = table.commit(commit)?;
        let times = if committed.version.is_multiple_of(20) { &mut with_checkpoint } else { &mut plain };
        times.push(start.elapsed());
    }
    println!("{files} commits of one file each, checkpoint every 20, at {root}");
    println!("commit                       first 20 {:?}", median(plain[..19].to_vec()));
    println!("commit                       last 20  {:?}", median(plain[plain.len() - 19..].to_vec()));
    println!("commit and checkpoint        last     {:?}", with_checkpoint[with_checkpoint.len() - 1]);
    println!("file list                    {} bytes", store.size("_daybook/deltas.files")?);
    println!("open through the file list   {:?}", measure(200, || Table::open(&store, "deltas").map(|t| t.snapshot())));
    println!(
        "open through the log         {:?}",
        measure(20, || Table::open_from_log(&store, "deltas").map(|t| t.snapshot()))
    );
    println!("refresh, nothing new         {:?}", measure(1_000, || table.refresh()));
    let reader = Table::open(&store, "deltas")?;
    let refreshes = (0..10).map(|number| {
        let commit = Commit::new(Operation::Write).with_file(file(files + number));
        table.commit(commit)?;
        let start = Instant::now();
        reader.refresh()?;
        Ok(start.elapsed())
    });
    println!(
        "refresh, one new commit      {:?}",
        median(refreshes.collect::<Result<_, daybook_archive::table::TableError>>()?)
    );
    store.put("_daybook/probe", vec![7; 1 << 20].into())?;
    println!("4 KiB read, cached handle    {:?}", measure(10_000, || store.read_range("_daybook/probe", 4_096..8_192)));
    println!("4 KiB durable put            {:?}", measure(50, || store.put("_daybook/small", vec![7; 4_096].into())));
    Ok(())
}
