//! Where captures of real frames are, and their lines. The tests run without them, and say so.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

/// `DAYBOOK_CAPTURES`, or `shared/captures` beside the workspace.
pub(crate) fn root() -> Option<PathBuf> {
    let root = std::env::var_os("DAYBOOK_CAPTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures"), PathBuf::from);
    if root.is_dir() {
        return Some(root);
    }
    println!("SKIPPED: no captures at {} (set DAYBOOK_CAPTURES)", root.display());
    None
}

/// All files below `root` whose name ends with `suffix`, in the order of their paths.
pub(crate) fn files(root: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a capture folder can be read") {
            let path = entry.expect("a capture folder can be read").path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().ends_with(suffix) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Every line of every capture, with the path of its file.
pub(crate) fn lines() -> Option<impl Iterator<Item = (String, Vec<u8>)>> {
    let files = files(&root()?, ".ndjson.gz");
    Some(files.into_iter().flat_map(|path| {
        let file = File::open(&path).expect("a capture can be opened");
        let reader = BufReader::new(flate2::read::MultiGzDecoder::new(file));
        let name = path.display().to_string();
        reader.split(b'\n').map(move |line| (name.clone(), line.expect("a capture can be decompressed")))
    }))
}
