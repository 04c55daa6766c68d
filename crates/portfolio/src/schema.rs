//! The schema, version by version, for each of the two databases.

use std::borrow::Cow;

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// A version of the schema: its number, what it brought, and how to get there from the version before.
struct Version {
    number: i64,
    title: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

/// Oldest first. A version that was released is never edited: databases remember its checksum.
const VERSIONS: [Version; 2] = [
    Version {
        number: 1,
        title: "account",
        sqlite: include_str!("../migrations/sqlite/0001_account.sql"),
        postgres: include_str!("../migrations/postgres/0001_account.sql"),
    },
    Version {
        number: 2,
        title: "listing",
        sqlite: include_str!("../migrations/sqlite/0002_listing.sql"),
        postgres: include_str!("../migrations/postgres/0002_listing.sql"),
    },
];

/// The number of the schema that this crate reads and writes.
pub(crate) const CURRENT: i64 = VERSIONS[VERSIONS.len() - 1].number;

/// What brings a database of any version to the current one.
pub(crate) fn migrator(postgres: bool) -> Migrator {
    let migrations = VERSIONS.iter().map(|version| {
        let sql = if postgres { version.postgres } else { version.sqlite };
        Migration::new(version.number, Cow::Borrowed(version.title), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}
