//! Metadata documents in files, as notices for the archive.

use std::{path::Path, time::Duration};

use daybook_archive::entry::Document;
use daybook_kalshi::MetadataDocument;

/// The documents of a file. One that does not say when it was fetched is dated by the file's last change.
pub fn documents(path: &Path) -> Result<Vec<Document>, String> {
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    let parsed = MetadataDocument::parse(&bytes).map_err(|error| format!("{name} is no metadata document: {error}"))?;
    let modified = || {
        let changed = path.metadata().and_then(|metadata| metadata.modified()).ok()?;
        changed.duration_since(std::time::UNIX_EPOCH).ok()
    };
    let changed = i64::try_from(modified().unwrap_or(Duration::ZERO).as_nanos()).unwrap_or(i64::MAX);
    Ok(daybook_collector::documents(parsed, changed))
}

/// The JSON files that an argument names: a file, or all below a folder.
pub fn files(argument: &str) -> Result<Vec<std::path::PathBuf>, String> {
    let path = Path::new(argument);
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = path.read_dir().map_err(|error| format!("cannot read metadata at {argument}: {error}"))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| format!("cannot list {argument}: {error}"))?.path();
        if path.is_dir() {
            files.extend(self::files(&path.to_string_lossy())?);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
