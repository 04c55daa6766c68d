//! The query engine set up for one archive layout: its tables and views, its bounds, and no way to anything else.

use std::{num::NonZero, sync::Arc};

use datafusion::{
    catalog::{
        CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
        SchemaProvider,
    },
    datasource::ViewTable,
    error::{DataFusionError, Result},
    execution::{
        FunctionRegistry, SessionState, SessionStateBuilder,
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::{FairSpillPool, TrackConsumersPool},
        object_store::ObjectStoreRegistry,
        runtime_env::RuntimeEnvBuilder,
    },
    prelude::SessionConfig,
};
use daybook_archive::schema::Table;
use object_store::{ObjectStore, memory::InMemory};
use url::Url;

use crate::{
    Limits,
    table::{ARCHIVE_URL, ArchiveTable},
    views::views,
};

/// The names of the catalog and the schema that hold the tables: `daybook.archive.deltas` is `deltas`.
pub(crate) const CATALOG: &str = "daybook";
pub(crate) const SCHEMA: &str = "archive";

/// Functions that make any amount of text out of little, which no memory bound sees.
const UNBOUNDED_FUNCTIONS: [&str; 7] =
    ["repeat", "lpad", "rpad", "array_repeat", "array_resize", "range", "generate_series"];

/// A session in which every table and view is known, and nothing of them is read yet.
pub(crate) async fn session(limits: &Limits) -> Result<SessionState> {
    let schema = Arc::new(MemorySchemaProvider::new());
    for table in Table::ALL {
        schema.register_table(table.name().to_owned(), Arc::new(ArchiveTable::new(table)))?;
    }
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema(SCHEMA, schema.clone())?;
    let catalogs = MemoryCatalogProviderList::new();
    catalogs.register_catalog(CATALOG.to_owned(), Arc::new(catalog));

    let memory = TrackConsumersPool::new(FairSpillPool::new(limits.memory_bytes), NonZero::<usize>::MIN);
    let disk = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::OsTmpDirectory)
        .with_max_temp_directory_size(limits.spill_bytes);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(memory))
        .with_disk_manager_builder(disk)
        .with_object_store_registry(Arc::new(NothingElse::default()))
        .build_arc()?;
    let mut state = SessionStateBuilder::new()
        .with_config(config(limits))
        .with_runtime_env(runtime)
        .with_default_features()
        .with_catalog_list(Arc::new(catalogs))
        .build();
    for name in UNBOUNDED_FUNCTIONS {
        state.deregister_udf(name)?;
    }
    for (name, sql) in views() {
        let plan = state.create_logical_plan(&sql).await?;
        schema.register_table(name.to_owned(), Arc::new(ViewTable::new(plan, Some(sql))))?;
    }
    Ok(state)
}

fn config(limits: &Limits) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true)
        .with_target_partitions(limits.max_parallelism.max(1));
    let options = config.options_mut();
    // `price > 0.48` compares decimals: prices and quantities never pass through floats.
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.sql_parser.collect_spans = true;
    options.execution.time_zone = Some("UTC".to_owned());
    // A sort sets this aside before it starts: the default would take a small memory limit whole.
    let reserve = limits.memory_bytes / 32 / limits.max_parallelism.max(1);
    options.execution.sort_spill_reservation_bytes = reserve.min(10 << 20);
    config
}

/// Knows the archive and no other place. The archive's files are read through their own readers, so that the store
/// behind its name is empty.
#[derive(Debug, Default)]
struct NothingElse(Arc<InMemory>);

impl ObjectStoreRegistry for NothingElse {
    fn register_store(&self, _url: &Url, _store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        if url.as_str().trim_end_matches('/') == ARCHIVE_URL {
            return Ok(self.0.clone());
        }
        Err(DataFusionError::Plan(format!("{url} is not part of the archive, and nothing else is read")))
    }
}
