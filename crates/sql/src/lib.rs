//! Read-only, bounded SQL over an archive.
