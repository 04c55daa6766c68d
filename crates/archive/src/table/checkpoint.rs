//! Checkpoints: the state of a table in one Parquet file of its log, so that readers need not replay all commits.

use delta_kernel::KernelResult;
use delta_kernel::snapshot::SnapshotRef;

use super::kernel::Kernel;

/// How many commits there are from one checkpoint to the next, unless the table is told otherwise.
pub const DEFAULT_CHECKPOINT_INTERVAL: u64 = 20;

/// Whether the commit of `version` is to be followed by a checkpoint.
pub(super) fn is_due(version: u64, interval: u64) -> bool {
    version > 0 && version.is_multiple_of(interval.max(1))
}

/// Writes a checkpoint of `snapshot` and returns the same version as read from it. Commits before it stay: other
/// readers may still need them.
pub(super) fn write(kernel: &Kernel, snapshot: &SnapshotRef) -> KernelResult<SnapshotRef> {
    snapshot.checkpoint(kernel.engine(), None).map(|(_, from_checkpoint)| from_checkpoint)
}
