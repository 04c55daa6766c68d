//! Row groups into a file. From the second one on they are encoded by a thread of their own, while the rows of the next
//! one are gathered; small files, of which a live archive seals many, need no thread.

use std::{
    mem,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use crate::{
    Error,
    columns::Columns,
    parquet_file::{FileSummary, FileWriter, WriteError},
    schema::Table,
};

type File = FileWriter<Vec<u8>>;

/// The file and whoever writes it.
pub enum RowGroups {
    /// Nobody else.
    Here(Box<File>),
    /// A thread.
    There(Thread),
    /// Nobody: an error ended it.
    Failed,
}

const TOLD: &str = "whoever wrote before was told of the error";

/// Takes full columns and gives them back empty.
pub struct Thread {
    full: SyncSender<Columns>,
    empty: Receiver<Columns>,
    file: JoinHandle<Result<File, WriteError>>,
}

impl RowGroups {
    /// A file without rows.
    pub fn new(file: File) -> RowGroups {
        RowGroups::Here(Box::new(file))
    }

    /// Writes the rows, of which more will come, and leaves the columns empty, with room for as many.
    pub fn write(&mut self, table: Table, columns: &mut Columns) -> Result<(), Error> {
        let thread = match mem::replace(self, RowGroups::Failed) {
            RowGroups::Here(file) => Thread::start(*file, table, columns.rows())?,
            RowGroups::There(thread) => thread,
            RowGroups::Failed => unreachable!("{TOLD}"),
        };
        // The thread ends before its channels only if it failed.
        match thread.empty.recv().map(|empty| thread.full.send(mem::replace(columns, empty))) {
            Ok(Ok(())) => *self = RowGroups::There(thread),
            _ => drop(thread.finish()?),
        }
        Ok(())
    }

    /// Writes the last rows and ends the file.
    pub fn close(self, columns: &Columns) -> Result<(Vec<u8>, FileSummary), Error> {
        let mut file = match self {
            RowGroups::Here(file) => *file,
            RowGroups::There(thread) => thread.finish()?,
            RowGroups::Failed => unreachable!("{TOLD}"),
        };
        if columns.rows() > 0 {
            columns.with_data(|data| file.write_row_group(data))?;
        }
        Ok(file.close()?)
    }
}

impl Thread {
    fn start(mut file: File, table: Table, rows: usize) -> Result<Thread, Error> {
        let (full, coming) = sync_channel::<Columns>(1);
        let (emptied, empty) = sync_channel(2);
        // Room for a second set of columns: one is gathered while the other is encoded.
        emptied.send(Columns::new(table, rows)).expect("its receiver is at hand");
        let write = move || {
            for mut columns in coming {
                columns.with_data(|data| file.write_row_group(data))?;
                columns.clear();
                // Whoever does not want them back has failed, and takes no file either.
                let _ = emptied.send(columns);
            }
            Ok(file)
        };
        let file = thread::Builder::new().name("encode".to_owned()).spawn(write).map_err(Error::Thread)?;
        Ok(Thread { full, empty, file })
    }

    fn finish(self) -> Result<File, Error> {
        drop((self.full, self.empty));
        let written = self.file.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(written?)
    }
}
