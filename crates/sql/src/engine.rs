//! The engine: takes a query from its text to its rows.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use datafusion::{
    arrow::datatypes::SchemaRef,
    common::{TableReference, tree_node::TreeNodeRecursion},
    datasource::source_as_provider,
    error::{DataFusionError, Result as EngineResult},
    execution::{SendableRecordBatchStream, SessionState},
    logical_expr::LogicalPlan,
    physical_plan::execute_stream,
    prelude::SQLOptions,
    sql::parser::Statement,
};
use daybook_archive::{Archive, schema::Table};
use futures::{FutureExt, StreamExt, executor::block_on, future, future::BoxFuture};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{mpsc, oneshot},
    task::spawn_blocking,
};

use crate::{
    Error, Limits,
    excerpt::{Place, near},
    moment::Moment,
    session::{CATALOG, SCHEMA, session},
    statement::parse,
    stream::{AsyncQueryStream, Message, QueryStream},
    table::ArchiveTable,
    table_file::FileCache,
    views::views,
    watch::{Running, Stop, watched},
};

/// Stack of each of the engine's threads: plans are walked by recursion. Only what is used of it is ever taken.
const STACK_BYTES: usize = 64 << 20;
/// Threads that wait for files, at most.
const READING_THREADS: usize = 64;
/// Batches that may be ready before they are asked for.
const READY_BATCHES: usize = 2;

/// Answers SQL queries over one archive. Cheap to clone; used from any thread.
#[derive(Clone)]
pub struct SqlEngine {
    archive: Archive,
    shared: Arc<Shared>,
}

/// What the engines of one process share when they are made from each other.
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    session: SessionState,
    files: FileCache,
    threads: Threads,
}

/// The engine's own threads.
struct Threads(Option<Runtime>);

impl Threads {
    fn handle(&self) -> &Handle {
        self.0.as_ref().expect("the threads are taken only when they are dropped").handle()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Waiting for them is forbidden in asynchronous code, from where an engine may well be dropped.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl SqlEngine {
    /// An engine over an archive, with its own threads and memory.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn new(archive: Archive, limits: Limits) -> Result<SqlEngine, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(limits.max_parallelism.max(1))
            .max_blocking_threads(READING_THREADS)
            .thread_stack_size(STACK_BYTES)
            .thread_name("sql")
            .enable_time()
            .build()
            .map_err(no_thread)?;
        let session = block_on(session(&limits)).map_err(|error| Error::Defect(error.strip_backtrace()))?;
        let shared = Shared { limits, session, files: FileCache::default(), threads: Threads(Some(runtime)) };
        Ok(SqlEngine { archive, shared: Arc::new(shared) })
    }

    /// The same engine over another archive, or the same one opened anew: threads, memory, limits and what is known
    /// of sealed files are shared.
    #[must_use]
    pub fn with_archive(&self, archive: Archive) -> SqlEngine {
        SqlEngine { archive, shared: self.shared.clone() }
    }

    /// The limits it was made with.
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Starts a query and gives its rows as they come. Blocks until its columns are known, and in the iterator until
    /// there are rows; not to be called from asynchronous code, which has [`query_async`](SqlEngine::query_async).
    ///
    /// # Errors
    /// When the text is not one statement that reads, when it names what is not there, when planning it takes longer
    /// than the limit, and when the archive cannot be read. What goes wrong later comes out of the iterator.
    pub fn query(&self, sql: &str) -> Result<QueryStream, Error> {
        block_on(self.query_async(sql)).map(QueryStream::new)
    }

    /// Starts a query and gives its rows as they come, on whichever runtime it is awaited.
    ///
    /// # Errors
    /// As of [`query`](SqlEngine::query).
    pub async fn query_async(&self, sql: &str) -> Result<AsyncQueryStream, Error> {
        let threads = self.shared.threads.handle();
        let timeout = self.shared.limits.timeout;
        let (planned_out, planned) = oneshot::channel();
        let (messages_out, messages) = mpsc::channel(READY_BATCHES);
        let stop = Stop::default();
        let work = threads.spawn(self.clone().run(sql.to_owned(), stop.clone(), planned_out, messages_out));
        let (running, rung) = Running::new(work.abort_handle(), stop, timeout).map_err(no_thread)?;
        let mut expired: BoxFuture<'static, ()> = async {
            // An alarm that was never set, or is called off, is no alarm.
            if rung.await.is_err() {
                future::pending().await
            }
        }
        .boxed();
        let schema: SchemaRef = match future::select(planned, &mut expired).await {
            future::Either::Left((planned, _)) => match planned {
                Ok(planned) => planned?,
                Err(_) => return Err(Error::Defect("planning ended without a word".to_owned())),
            },
            future::Either::Right(_) => {
                return Err(Error::Timeout { timeout: timeout.unwrap_or(Duration::ZERO) });
            }
        };
        Ok(AsyncQueryStream::new(schema, messages, expired, running, self.shared.clone()))
    }

    async fn run(
        self,
        sql: String,
        stop: Stop,
        planned: oneshot::Sender<Result<SchemaRef, Error>>,
        messages: mpsc::Sender<Message>,
    ) {
        let mut stream = match self.start(&sql, &stop).await {
            Ok(stream) => stream,
            Err(error) => {
                let _ = planned.send(Err(error));
                return;
            }
        };
        // Nobody listening means that nobody wants to know, here and below.
        if planned.send(Ok(stream.schema())).is_err() {
            return;
        }
        while let Some(rows) = stream.next().await {
            let rows = rows.map_err(|error| Error::of_run(error, &self.shared.limits));
            let failed = rows.is_err();
            if messages.send(Message::Rows(rows)).await.is_err() || failed {
                return;
            }
        }
        let _ = messages.send(Message::End).await;
    }

    async fn start(&self, sql: &str, stop: &Stop) -> Result<SendableRecordBatchStream, Error> {
        let told = |error: DataFusionError| Error::of_text(&error, sql);
        let mut session = self.shared.session.clone();
        session.mark_start_execution();
        let statement = parse(sql)?;
        check_tables(&session, &statement, sql)?;
        let plan = session.statement_to_plan(statement).await.map_err(told)?;
        let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        read_only
            .verify_plan(&plan)
            .map_err(|_| Error::NotAllowed { statement: "a statement that writes".to_owned() })?;
        let plan = session.optimize(&plan).map_err(told)?;

        let (archive, shared, tables) = (self.archive.clone(), self.shared.clone(), tables_of(&plan).map_err(told)?);
        let opened = spawn_blocking(move || Moment::open(&archive, &tables, &shared.files)).await;
        let moment = opened.map_err(|error| Error::Defect(format!("opening the tables: {error}")))??;
        session.config_mut().set_extension(Arc::new(moment));
        let planner = session.query_planner().clone();
        let plan = planner.create_physical_plan(&plan, &session).await.map_err(told)?;
        let plan = watched(plan, stop).map_err(told)?;
        execute_stream(plan, session.task_ctx()).map_err(|error| Error::of_run(error, &self.shared.limits))
    }
}

fn no_thread(error: std::io::Error) -> Error {
    Error::Defect(format!("no thread could be started: {error}"))
}

/// Tells of tables that are not there before the planner does, in fewer words and with those that are.
fn check_tables(session: &SessionState, statement: &Statement, sql: &str) -> Result<(), Error> {
    let references = session.resolve_table_references(statement).map_err(|error| Error::of_text(&error, sql))?;
    let views = views();
    let names = || Table::ALL.iter().map(|table| table.name()).chain(views.iter().map(|(name, _)| *name));
    for reference in references {
        let elsewhere = reference.schema().is_some_and(|schema| schema != SCHEMA)
            || reference.catalog().is_some_and(|catalog| catalog != CATALOG);
        let of_the_engine = reference.schema() == Some("information_schema")
            || (reference.schema().is_none() && session.table_functions().contains_key(reference.table()));
        let of_the_archive = !elsewhere && names().any(|name| name == reference.table());
        if of_the_archive || of_the_engine {
            continue;
        }
        return Err(Error::UnknownTable {
            name: written(&reference),
            near: near(reference.table(), names()),
            names: names().map(str::to_owned).collect(),
            at: Place::of_name(sql, reference.table()),
        });
    }
    Ok(())
}

fn written(reference: &TableReference) -> String {
    let parts = [reference.catalog(), reference.schema(), Some(reference.table())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(".")
}

/// The archive's tables that a plan reads.
fn tables_of(plan: &LogicalPlan) -> EngineResult<BTreeSet<Table>> {
    let mut tables = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let provider = source_as_provider(&scan.source)?;
            if let Some(table) = provider.downcast_ref::<ArchiveTable>() {
                tables.insert(table.table);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(tables)
}
