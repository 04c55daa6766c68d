//! The store: opened, brought to the current schema, and asked.

use std::{
    fmt,
    fs::OpenOptions,
    path::Path,
    sync::{Arc, Once},
    time::Duration,
};

use sqlx::{
    AnyConnection, AnyPool, Executor, Row, Transaction,
    any::{Any, AnyConnectOptions, AnyPoolOptions},
    migrate::MigrateError,
};

use crate::{
    copy::{self, Copy},
    error::StoreError,
    location::StoreLocation,
    schema,
};

/// Accounts mirrored into a SQLite file or a PostgreSQL database. Clones share its connections.
///
/// Several processes may use one store at once; writers wait for each other, at most ten seconds in SQLite.
#[derive(Clone)]
pub struct Store {
    pool: AnyPool,
    location: StoreLocation,
    /// What is really read, where it is only to be looked at.
    _copy: Option<Arc<Copy>>,
}

/// How long one writer of a SQLite file waits for another.
const BUSY: &str = "PRAGMA busy_timeout = 10000";
/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(15);
/// Connections at most: one writes, the others read.
const CONNECTIONS: u32 = 4;

const ADVICE_FILE: &str = "check that the file is a SQLite database of Daybook's and that you may read and write it";
const ADVICE_DATABASE: &str = "check host, port, user, password and database name, and that the server is running";
const ADVICE_NEWER: &str = "it was written by a newer version of Daybook: use that version";
const ADVICE_OLDER: &str = "run a sync to bring it up to date";
const ADVICE_SCHEMA: &str = "restore it from a backup, or mirror into a new store";

impl Store {
    /// Opens the store at `url` (forms: [`StoreLocation`]), creates it if need be, and brings its schema up to date.
    ///
    /// A new SQLite file is readable by its owner only; missing folders above it are created.
    ///
    /// # Errors
    /// [`StoreError`], which names the store and what to do about it.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        Store::open_at(url.parse()?).await
    }

    /// As [`open`](Store::open).
    ///
    /// # Errors
    /// As [`open`](Store::open).
    pub async fn open_at(location: StoreLocation) -> Result<Store, StoreError> {
        if let Some(path) = location.file() {
            create_private(path).map_err(|reason| StoreError::Create { location: location.clone(), reason })?;
        }
        let store = Store::connect(location, None, "rw").await?;
        store.migrate().await?;
        Ok(store)
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        let store = self;
        let migrator = schema::migrator(store.is_postgres());
        // SQLite has no lock for migrations: of several that begin at once, one makes the tables, and the others find them
        // made when they look again.
        for pause in [20, 100, 500] {
            match migrator.run(&store.pool).await {
                Ok(()) => return Ok(()),
                Err(MigrateError::ExecuteMigration(..)) if !store.is_postgres() => {
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                Err(error) => return Err(store.schema_error(&error)),
            }
        }
        migrator.run(&store.pool).await.map_err(|error| store.schema_error(&error))
    }

    /// Opens the store at `url` if there is one, and changes nothing: for a dry run, or to look.
    ///
    /// A SQLite file is copied to where temporary files are, and the copy is read: beside the file nothing is written,
    /// it may be in a folder that nobody may write to, and it is seen as it was when it was opened. The copy goes when
    /// the store is dropped.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where there is no store, and [`StoreError::Schema`] where its schema is not this
    /// version's; a SQLite file of an older one is read all the same.
    pub async fn open_read_only(url: &str) -> Result<Store, StoreError> {
        let location: StoreLocation = url.parse()?;
        if location == StoreLocation::Memory {
            return Store::open_at(location).await;
        }
        let Some(path) = location.file().map(Path::to_owned) else {
            return Store::connect(location, None, "ro").await?.with_schema().await;
        };
        if copy::is_missing(&path) {
            return Err(StoreError::Missing { location });
        }
        let copy = tokio::task::spawn_blocking(move || Copy::of(&path)).await;
        let copy = copy.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let copy = copy.map_err(|reason| StoreError::Open {
            location: location.clone(),
            reason: format!("it could not be copied to look into it ({reason})"),
            advice: ADVICE_FILE,
        })?;
        let Some(copy) = copy.map(Arc::new) else {
            // Who writes has SQLite's own files beside it already: reading there adds none.
            return Store::connect(location, None, "ro").await?.with_schema().await;
        };
        // Opened for writing once, the copy takes in the log that belongs to it, and an older schema becomes this
        // one's.
        let writable = Store::connect(location.clone(), Some(copy.clone()), "rw").await?;
        let version = writable.schema_version().await;
        let migrated = match version {
            Ok(version) if 0 < version && version < schema::CURRENT => writable.migrate().await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        writable.close().await;
        migrated?;
        Store::connect(location, Some(copy), "ro").await?.with_schema().await
    }

    /// The store, if its schema is the one that this crate reads; closed if not.
    async fn with_schema(self) -> Result<Store, StoreError> {
        if let Err(error) = self.expect_schema().await {
            self.close().await;
            return Err(error);
        }
        Ok(self)
    }

    async fn expect_schema(&self) -> Result<(), StoreError> {
        let location = || self.location.clone();
        let version = self.schema_version().await?;
        if version == 0 {
            return Err(StoreError::Missing { location: location() });
        }
        if version < schema::CURRENT {
            let reason = format!("its schema is version {version}, and {} is needed", schema::CURRENT);
            return Err(StoreError::Schema { location: location(), reason, advice: ADVICE_OLDER });
        }
        if version > schema::CURRENT {
            let reason = format!("its schema is version {version}, and {} is the latest known", schema::CURRENT);
            return Err(StoreError::Schema { location: location(), reason, advice: ADVICE_NEWER });
        }
        Ok(())
    }

    /// An empty store in memory, gone when it is dropped: what a dry run compares with where there is no store yet.
    ///
    /// # Errors
    /// None in practice.
    pub async fn in_memory() -> Result<Store, StoreError> {
        Store::open_at(StoreLocation::Memory).await
    }

    /// Where it is. Printed, it shows no password.
    pub fn location(&self) -> &StoreLocation {
        &self.location
    }

    /// Closes all connections, after what is under way has ended. For SQLite this also folds the write-ahead log into
    /// the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.location, StoreLocation::Postgres(_))
    }

    pub(crate) fn pool(&self) -> &AnyPool {
        &self.pool
    }

    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>, StoreError> {
        self.pool.begin().await.map_err(self.failed("begin a transaction"))
    }

    pub(crate) async fn connection(&self) -> Result<sqlx::pool::PoolConnection<Any>, StoreError> {
        self.pool.acquire().await.map_err(self.failed("get a connection"))
    }

    /// The error of a statement that was to do `action`.
    pub(crate) fn failed(&self, action: &'static str) -> impl Fn(sqlx::Error) -> StoreError + '_ {
        move |error| StoreError::Statement {
            location: self.location.clone(),
            action,
            reason: self.location.redact(&error.to_string()),
        }
    }

    /// The error of a stored row that cannot be read.
    pub(crate) fn damaged(&self, table: &'static str, reason: impl fmt::Display) -> StoreError {
        StoreError::Damaged { location: self.location.clone(), table, reason: reason.to_string() }
    }

    /// Connects to the store at `location`, or to its copy.
    async fn connect(location: StoreLocation, copy: Option<Arc<Copy>>, mode: &str) -> Result<Store, StoreError> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let sqlite = !matches!(location, StoreLocation::Postgres(_));
        let read_only = mode == "ro";
        let open_error = |reason: String| StoreError::Open {
            reason: location.redact(&reason),
            location: location.clone(),
            advice: if sqlite { ADVICE_FILE } else { ADVICE_DATABASE },
        };
        let place = copy.as_ref().map_or_else(|| location.clone(), |copy| StoreLocation::File(copy.path()));
        let url = place.driver_url(mode).map_err(|error| open_error(error.to_string()))?;
        let options = <AnyConnectOptions as sqlx::ConnectOptions>::from_url(&url)
            .map_err(|error| open_error(error.to_string()))?;
        let options = sqlx::ConnectOptions::disable_statement_logging(options);
        // A pool tries again and again until its time is up: whether there is a server at all is told by one attempt.
        let first = tokio::time::timeout(CONNECT, <AnyConnection as sqlx::Connection>::connect_with(&options)).await;
        let first = first.map_err(|_| open_error(format!("no answer within {} s", CONNECT.as_secs())))?;
        let mut first = first.map_err(|error| open_error(error.to_string()))?;
        prepare(&mut first, sqlite, read_only).await.map_err(|error| open_error(error.to_string()))?;
        drop(first);
        let mut pool = AnyPoolOptions::new().acquire_timeout(CONNECT).max_connections(CONNECTIONS);
        if location == StoreLocation::Memory {
            // Every connection would be a database of its own, and a closed one would take its data with it.
            pool = pool.max_connections(1).idle_timeout(None).max_lifetime(None);
        }
        let pool = pool.after_connect(move |connection, _| Box::pin(prepare(connection, sqlite, read_only)));
        let pool = pool.connect_with(options).await.map_err(|error| open_error(error.to_string()))?;
        Ok(Store { pool, location, _copy: copy })
    }

    /// The number of the schema that the store has; 0 without any.
    async fn schema_version(&self) -> Result<i64, StoreError> {
        let tables = if self.is_postgres() {
            "SELECT COUNT(*) FROM information_schema.tables
                WHERE table_schema = ANY (current_schemas(false)) AND table_name = '_sqlx_migrations'"
        } else {
            "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'"
        };
        let failed = self.failed("read the version of its schema");
        let count: i64 =
            sqlx::query(tables).fetch_one(&self.pool).await.map_err(&failed)?.try_get(0).map_err(&failed)?;
        if count == 0 {
            return Ok(0);
        }
        let row = sqlx::query("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(&self.pool).await;
        Ok(row.map_err(&failed)?.try_get::<Option<i64>, _>(0).map_err(&failed)?.unwrap_or(0))
    }

    fn schema_error(&self, error: &MigrateError) -> StoreError {
        let (reason, advice) = match error {
            MigrateError::VersionMissing(version) => {
                let latest = schema::CURRENT;
                (format!("it has version {version}, and {latest} is the latest known"), ADVICE_NEWER)
            }
            other => (self.location.redact(&other.to_string()), ADVICE_SCHEMA),
        };
        StoreError::Schema { location: self.location.clone(), reason, advice }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("location", &self.location).finish_non_exhaustive()
    }
}

/// Sets up a new connection. SQLite then waits for other writers, keeps references, lets readers read while one
/// writes, and has everything on disk when a transaction has ended.
async fn prepare(connection: &mut AnyConnection, sqlite: bool, read_only: bool) -> Result<(), sqlx::Error> {
    if sqlite {
        connection.execute(BUSY).await?;
        connection.execute("PRAGMA foreign_keys = ON").await?;
        if !read_only {
            connection.execute("PRAGMA journal_mode = WAL").await?;
            connection.execute("PRAGMA synchronous = FULL").await?;
        }
    }
    Ok(())
}

/// Creates an empty file that only its owner can read, and the folders above it; leaves what is there alone.
fn create_private(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?;
    Ok(())
}
