//! Test support: a disk in memory that can lose power, run full, fail and rot, all from a seed.
//!
//! It keeps what a running program sees apart from what would survive: writes are remembered per sector, changes of
//! length and of names one by one, until a sync confirms them. [`SimDisk::crash`] then decides for each on its own
//! whether it happened. It is meant to be worse than any real disk.
//!
//! Not for production; public so that the tests of what is built on the log can run on the same disk.

use super::disk::{Disk, DiskFile, DiskLock, LockGuard};
use super::format::mix;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the disk writes as one piece: a crash leaves a sector old, new, or torn.
pub const SECTOR_BYTES: usize = 512;

/// A simulated disk. Clones are the same disk; [`SimDisk::fork`] makes another.
#[derive(Clone, Debug)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

/// Faults to inject; the default is none. Counts are from the call of [`SimDisk::set_faults`] on, beginning at 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Bytes that can still be written before the disk is full.
    pub space: Option<u64>,
    /// The write that fails with an I/O error, after a part of it was done.
    pub fail_write: Option<u64>,
    /// The sync (of a file or a directory) that fails. What a file's should have confirmed is lost at the next
    /// crash, whatever later syncs say, though reads show it until then. Names, which file systems keep in a
    /// journal that they stop at if it fails, only stay in doubt until the next sync.
    pub fail_sync: Option<u64>,
    /// The changing operation during which the power fails, or the process ends: it and all later ones fail until
    /// [`SimDisk::crash`] or [`SimDisk::kill`].
    pub power_loss: Option<u64>,
    /// Writes may take only a part of what they are given.
    pub short_writes: bool,
    /// Nothing can be changed.
    pub read_only: bool,
}

/// How bad a crash may be. What is not acknowledged by a sync is kept or lost in any case.
#[derive(Clone, Copy, Debug, Default)]
pub struct CrashModel {
    /// A sector being written may end up as noise, not only as a mixture of old and new.
    pub garbage: bool,
    /// Space that a file gained, but whose data was lost, shows what a removed or shortened file held at the
    /// same offset, not zeros.
    pub stale: bool,
}

#[derive(Clone, Debug, Default)]
struct State {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    name_changes: Vec<NameChange>,
    next_inode: u64,
    /// Contents that files once had, for stale reads.
    remains: Vec<Vec<u8>>,
    locks: BTreeMap<PathBuf, String>,
    faults: Faults,
    operations: u64,
    writes: u64,
    syncs: u64,
    /// Counts crashes: an open file or a lock of an earlier life is dead.
    life: u64,
    powerless: bool,
    noise: Noise,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    sectors: Vec<(usize, [u8; SECTOR_BYTES])>,
    lengths: Vec<usize>,
}

#[derive(Clone, Debug)]
enum NameChange {
    Made { path: PathBuf, inode: u64 },
    Renamed { from: PathBuf, to: PathBuf, inode: u64 },
    Removed { path: PathBuf },
}

/// A stream of numbers that depends on nothing but its seed.
#[derive(Clone, Copy, Debug, Default)]
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0)
    }

    /// Below `bound`, which is at least 1.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

impl SimDisk {
    /// An empty disk. The seed decides how long short and failing writes are.
    pub fn new(seed: u64) -> SimDisk {
        SimDisk { state: Arc::new(Mutex::new(State { noise: Noise(mix(seed)), ..State::default() })) }
    }

    /// Another disk with the same contents, the same unsynced changes, no faults and no locks.
    pub fn fork(&self) -> SimDisk {
        let mut state = self.lock_state().clone();
        state.locks.clear();
        state.faults = Faults::default();
        state.powerless = false;
        SimDisk { state: Arc::new(Mutex::new(state)) }
    }

    /// Injects these faults from now on, in place of earlier ones.
    pub fn set_faults(&self, faults: Faults) {
        let mut state = self.lock_state();
        (state.operations, state.writes, state.syncs) = (0, 0, 0);
        state.faults = faults;
    }

    /// Power loss and restart: each unsynced change is kept, lost or torn as the seed decides. Open files and
    /// locks are dead afterwards, faults are gone.
    pub fn crash(&self, seed: u64, model: CrashModel) {
        let mut state = self.lock_state();
        let mut noise = Noise(mix(seed));
        // From "nothing made it" to "everything did", since each finds other mistakes.
        let keep = [0, 1, 4, 7, 8][noise.below(5)];
        state.keep_remains();
        let remains = std::mem::take(&mut state.remains);
        for inode in state.inodes.values_mut() {
            inode.settle(&mut noise, keep, model, &remains);
        }
        state.remains = remains;
        for change in std::mem::take(&mut state.name_changes) {
            if noise.below(8) < keep {
                change.apply(&mut state.durable_names);
            }
        }
        state.names = state.durable_names.clone();
        state.keep_remains();
        let State { inodes, names, .. } = &mut *state;
        inodes.retain(|id, _| names.values().any(|named| named == id));
        state.restart();
    }

    /// The end of the process alone, as by `kill -9`: all that was written is still there, synced or not. Open files
    /// and locks are dead afterwards, faults are gone.
    pub fn kill(&self) {
        self.lock_state().restart();
    }

    /// All files with the contents that a program sees, by path.
    pub fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.lock_state();
        state.names.iter().map(|(path, inode)| (path.clone(), state.inodes[inode].live.clone())).collect()
    }

    /// Damages a file behind the back of everyone, durably. Does nothing if there is no such file.
    pub fn tamper(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock_state();
        if let Some(inode) = state.names.get(path).copied().and_then(|inode| state.inodes.get_mut(&inode)) {
            change(&mut inode.live);
            *inode = Inode { durable: inode.live.clone(), live: std::mem::take(&mut inode.live), ..Inode::default() };
        }
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, state: &State, inode: u64) -> Box<dyn DiskFile> {
        Box::new(SimFile { disk: self.clone(), inode, life: state.life })
    }
}

impl State {
    /// Counts a changing operation. `Err`: it must not happen. `Ok(true)`: it begins, and then the power fails.
    fn begin_change(&mut self) -> io::Result<bool> {
        self.check_power()?;
        self.operations += 1;
        if self.faults.read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        self.powerless = self.faults.power_loss == Some(self.operations);
        Ok(self.powerless)
    }

    fn check_power(&self) -> io::Result<()> {
        if self.powerless { Err(power_loss()) } else { Ok(()) }
    }

    fn restart(&mut self) {
        self.locks.clear();
        self.faults = Faults::default();
        self.powerless = false;
        self.life += 1;
    }

    fn sync_fails(&mut self) -> bool {
        self.syncs += 1;
        self.faults.fail_sync == Some(self.syncs)
    }

    fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.name_changes.push(change);
    }

    /// What files without a name held is free space now, there to be handed to the files that grow.
    fn keep_remains(&mut self) {
        let State { inodes, names, durable_names, remains, .. } = self;
        let named: BTreeSet<u64> = names.values().chain(durable_names.values()).copied().collect();
        remains.extend(inodes.iter().filter(|(id, _)| !named.contains(id)).map(|(_, inode)| inode.live.clone()));
        remains.drain(..remains.len().saturating_sub(4));
    }

    fn inode_of(&self, path: &Path) -> io::Result<u64> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Inode {
    fn write(&mut self, offset: usize, buf: &[u8]) {
        let end = offset + buf.len();
        if end > self.live.len() {
            self.live.resize(end, 0);
            self.lengths.push(end);
        }
        self.live[offset..end].copy_from_slice(buf);
        for sector in offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
            let mut image = [0; SECTOR_BYTES];
            let bytes = &self.live[sector * SECTOR_BYTES..self.live.len().min((sector + 1) * SECTOR_BYTES)];
            image[..bytes.len()].copy_from_slice(bytes);
            self.sectors.push((sector, image));
        }
    }

    fn sync(&mut self) {
        self.durable.resize(self.live.len(), 0);
        for (sector, image) in self.sectors.drain(..) {
            put(&mut self.durable, sector, &image);
        }
        self.lengths.clear();
    }

    /// The crash: turns the unsynced changes into what is left of them.
    fn settle(&mut self, noise: &mut Noise, keep: usize, model: CrashModel, remains: &[Vec<u8>]) {
        let old_len = self.durable.len();
        let len = self.lengths.drain(..).filter(|_| noise.below(8) < keep).last().unwrap_or(old_len);
        self.durable.resize(len, 0);
        if model.stale && !remains.is_empty() {
            let stale = &remains[noise.below(remains.len())];
            let end = len.min(stale.len());
            if old_len < end {
                self.durable[old_len..end].copy_from_slice(&stale[old_len..end]);
            }
        }
        for (sector, image) in self.sectors.drain(..) {
            if noise.below(8) < keep {
                put(&mut self.durable, sector, &image);
            } else if noise.one_in(4) {
                let cut = noise.below(SECTOR_BYTES);
                put(&mut self.durable, sector, &image[..cut]);
                if model.garbage && noise.one_in(2) {
                    let garbage: Vec<u8> = (0..SECTOR_BYTES).map(|_| noise.next() as u8).collect();
                    put(&mut self.durable, sector, &garbage);
                }
            }
        }
        self.live = self.durable.clone();
    }
}

/// Writes the beginning of a sector as far as the file goes.
fn put(bytes: &mut [u8], sector: usize, image: &[u8]) {
    let start = (sector * SECTOR_BYTES).min(bytes.len());
    let end = (start + image.len()).min(bytes.len());
    bytes[start..end].copy_from_slice(&image[..end - start]);
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, u64>) {
        match self {
            NameChange::Made { path, inode } => {
                names.insert(path.clone(), *inode);
            }
            NameChange::Renamed { from, to, inode } => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
            NameChange::Removed { path } => {
                names.remove(path);
            }
        }
    }

    fn dir(&self) -> Option<&Path> {
        match self {
            NameChange::Made { path, .. } | NameChange::Removed { path } | NameChange::Renamed { to: path, .. } => {
                path.parent()
            }
        }
    }
}

fn power_loss() -> io::Error {
    io::Error::other("simulated power loss")
}

fn input_output_error() -> io::Error {
    io::Error::other("simulated input/output error")
}

impl Disk for SimDisk {
    /// Directories need not be made here: a path is only a name.
    fn create_dir_all(&self, _dir: &Path) -> io::Result<()> {
        self.lock_state().check_power()
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.lock_state();
        state.check_power()?;
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.lock_state();
        let powerless = state.begin_change()?;
        // Not the old inode cut to nothing, but a new one: the old one's contents become stale blocks.
        let inode = state.next_inode;
        state.next_inode += 1;
        state.inodes.insert(inode, Inode::default());
        state.change_name(NameChange::Made { path: path.to_path_buf(), inode });
        if powerless { Err(power_loss()) } else { Ok(self.file(&state, inode)) }
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let state = self.lock_state();
        state.check_power()?;
        let inode = state.inode_of(path)?;
        Ok(self.file(&state, inode))
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        let mut state = self.lock_state();
        let powerless = state.begin_change()?;
        let inode = state.inode_of(path)?;
        if !powerless || state.noise.one_in(2) {
            let State { inodes, remains, .. } = &mut *state;
            if let Some(inode) = inodes.get_mut(&inode) {
                remains.push(inode.live.clone());
                inode.sync();
                inode.live.resize(len as usize, 0);
                inode.durable.resize(len as usize, 0);
            }
        }
        if powerless { Err(power_loss()) } else { Ok(()) }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        let powerless = state.begin_change()?;
        let inode = state.inode_of(from)?;
        state.change_name(NameChange::Renamed { from: from.to_path_buf(), to: to.to_path_buf(), inode });
        if powerless { Err(power_loss()) } else { Ok(()) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        let powerless = state.begin_change()?;
        state.inode_of(path)?;
        state.change_name(NameChange::Removed { path: path.to_path_buf() });
        if powerless { Err(power_loss()) } else { Ok(()) }
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        if state.begin_change()? {
            return Err(power_loss());
        }
        if state.sync_fails() {
            return Err(input_output_error());
        }
        for change in state.name_changes.extract_if(.., |change| change.dir() == Some(dir)).collect::<Vec<_>>() {
            change.apply(&mut state.durable_names);
        }
        Ok(())
    }

    fn lock(&self, path: &Path, holder: &str) -> io::Result<DiskLock> {
        let mut state = self.lock_state();
        state.check_power()?;
        if state.faults.read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        if let Some(holder) = state.locks.get(path) {
            return Ok(DiskLock::Busy(holder.clone()));
        }
        state.locks.insert(path.to_path_buf(), holder.to_owned());
        Ok(DiskLock::Held(Box::new(SimLock { disk: self.clone(), path: path.to_path_buf(), life: state.life })))
    }
}

#[derive(Debug)]
struct SimLock {
    disk: SimDisk,
    path: PathBuf,
    life: u64,
}

impl LockGuard for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.lock_state();
        if state.life == self.life {
            state.locks.remove(&self.path);
        }
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    inode: u64,
    life: u64,
}

impl SimFile {
    /// The disk, if it has power and this file is not left over from before a crash.
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.lock_state();
        state.check_power()?;
        if state.life == self.life { Ok(state) } else { Err(power_loss()) }
    }
}

impl State {
    fn inode(&mut self, inode: u64) -> io::Result<&mut Inode> {
        self.inodes.get_mut(&inode).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state()?;
        let live = &state.inode(self.inode)?.live;
        let start = live.len().min(offset as usize);
        let len = buf.len().min(live.len() - start);
        buf[..len].copy_from_slice(&live[start..start + len]);
        Ok(len)
    }

    fn write_at(&mut self, offset: u64, buf: &[u8]) -> io::Result<usize> {
        let mut state = self.state()?;
        let powerless = state.begin_change()?;
        state.writes += 1;
        let failed = state.faults.fail_write == Some(state.writes);
        let mut len = buf.len();
        if failed || (state.faults.short_writes && len > 0) {
            len = 1 + state.noise.below(len);
        }
        if let Some(space) = &mut state.faults.space {
            if *space == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            len = len.min(*space as usize);
            *space -= len as u64;
        }
        state.inode(self.inode)?.write(offset as usize, &buf[..len]);
        match (powerless, failed) {
            (true, _) => Err(power_loss()),
            (_, true) => Err(input_output_error()),
            _ => Ok(len),
        }
    }

    fn sync_data(&mut self) -> io::Result<()> {
        let mut state = self.state()?;
        if state.begin_change()? {
            return Err(power_loss());
        }
        let failed = state.sync_fails();
        let inode = state.inode(self.inode)?;
        if failed {
            // As the page cache does it: what could not be written counts as written from now on.
            inode.sectors.clear();
            inode.lengths.clear();
            return Err(input_output_error());
        }
        inode.sync();
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.state()?.inode(self.inode)?.live.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "dir/file";

    fn disk_with(bytes: &[u8]) -> (SimDisk, Box<dyn DiskFile>) {
        let disk = SimDisk::new(1);
        let mut file = disk.create(Path::new(PATH)).unwrap();
        file.write_all_at(0, bytes).unwrap();
        file.sync_data().unwrap();
        disk.sync_dir(Path::new("dir")).unwrap();
        (disk, file)
    }

    fn bytes(disk: &SimDisk) -> Option<Vec<u8>> {
        disk.contents().remove(Path::new(PATH))
    }

    #[test]
    fn what_is_synced_survives_every_crash() {
        for seed in 0..200 {
            let (disk, _) = disk_with(&[7; 2000]);
            disk.crash(seed, CrashModel { garbage: true, stale: true });
            assert_eq!(bytes(&disk), Some(vec![7; 2000]));
        }
    }

    #[test]
    fn unsynced_sectors_are_kept_lost_and_torn_in_any_order() {
        let (mut kept, mut lost, mut torn, mut out_of_order) = (0, 0, 0, 0);
        for seed in 0..200 {
            let (disk, mut file) = disk_with(&[1; 2 * SECTOR_BYTES]);
            file.write_all_at(0, &[2; 2 * SECTOR_BYTES]).unwrap();
            disk.crash(seed, CrashModel::default());
            let bytes = bytes(&disk).unwrap();
            let (first, second) = bytes.split_at(SECTOR_BYTES);
            kept += u32::from(bytes == [2; 2 * SECTOR_BYTES]);
            lost += u32::from(bytes == [1; 2 * SECTOR_BYTES]);
            out_of_order += u32::from(first == [1; SECTOR_BYTES] && second == [2; SECTOR_BYTES]);
            torn += u32::from(first.contains(&1) && first.contains(&2));
            assert!(first.is_sorted_by(|a, b| a >= b), "a torn sector is new, then old");
        }
        assert!(kept > 9 && lost > 9 && torn > 9 && out_of_order > 9, "{kept} {lost} {torn} {out_of_order}");
    }

    #[test]
    fn unsynced_names_and_lengths_are_kept_or_lost() {
        let (mut removals, mut growths) = (0, 0);
        for seed in 0..200 {
            let (disk, mut file) = disk_with(&[1; 100]);
            file.write_all_at(100, &[2; 100]).unwrap();
            disk.remove(Path::new(PATH)).unwrap();
            assert_eq!(bytes(&disk), None);
            disk.crash(seed, CrashModel::default());
            match bytes(&disk) {
                None => removals += 1,
                Some(bytes) => growths += u32::from(bytes.len() == 200),
            }
        }
        assert!((10..190).contains(&removals) && growths > 9, "{removals} {growths}");
    }

    #[test]
    fn a_failed_sync_shows_data_that_a_later_sync_does_not_save() {
        let (disk, mut file) = disk_with(&[1; 100]);
        file.write_all_at(0, &[2; 100]).unwrap();
        disk.set_faults(Faults { fail_sync: Some(1), ..Faults::default() });
        assert!(file.sync_data().is_err());
        file.sync_data().unwrap();
        assert_eq!(bytes(&disk), Some(vec![2; 100]));
        disk.crash(0, CrashModel::default());
        assert_eq!(bytes(&disk), Some(vec![1; 100]));
    }

    #[test]
    fn the_same_seed_crashes_the_same_way() {
        let crashed = |seed| {
            let (disk, mut file) = disk_with(&[1; 5000]);
            file.write_all_at(100, &[2; 9000]).unwrap();
            disk.crash(seed, CrashModel { garbage: true, stale: true });
            bytes(&disk)
        };
        assert!((0..50).all(|seed| crashed(seed) == crashed(seed)));
        assert!((1..50).any(|seed| crashed(seed) != crashed(0)));
    }

    #[test]
    fn a_full_disk_takes_what_fits() {
        let (disk, mut file) = disk_with(b"");
        disk.set_faults(Faults { space: Some(10), ..Faults::default() });
        let error = file.write_all_at(0, &[1; 11]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(bytes(&disk), Some(vec![1; 10]));
    }
}
