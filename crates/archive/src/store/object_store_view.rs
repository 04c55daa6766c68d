//! A [`Store`] seen through the `object_store` interface, for the table format's engine.
//!
//! Going through the store, and not around it, gives the engine the same durable local writes (`object_store`'s
//! own local store never calls fsync), the same faults in tests, sorted listings on every backend, and errors that
//! name the full path. The engine hides the cause of some errors, so the first one is kept here for the caller.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

use super::{Backend, ErrorKind, FileInfo, Operation, Store, StoreError, StoreWriter, local};

/// The adapter. Local and memory roots answer at once on the polling thread; remote ones await their requests.
#[derive(Debug)]
pub(crate) struct ObjectStoreView {
    store: Store,
    errors: FirstError,
}

/// The first error that was not an expected one.
#[derive(Debug, Clone, Default)]
struct FirstError(Arc<Mutex<Option<StoreError>>>);

impl ObjectStoreView {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, errors: FirstError::default() }
    }

    /// The first error since this was last asked that is not merely an expected "not there" or "already there".
    pub(crate) fn take_error(&self) -> Option<StoreError> {
        self.errors.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn report(&self, error: StoreError) -> object_store::Error {
        self.errors.report(error)
    }

    fn check(&self, operation: Operation, path: &str) -> Result<()> {
        self.store.check(operation, path).map_err(|error| self.report(error))
    }

    fn remote_error(&self, operation: Operation, path: &str, error: &object_store::Error) -> object_store::Error {
        self.report(StoreError::from_remote(operation, self.store.location(path), error))
    }

    fn list_after(&self, prefix: Option<&Path>, offset: &str) -> Result<Vec<Result<ObjectMeta>>> {
        let prefix = prefix.map(Path::as_ref).unwrap_or_default();
        let keep = |path: &str| path > offset && !local::is_temporary(path);
        let listed = self.store.list_where(prefix, &keep).map_err(|error| self.report(error))?;
        Ok(listed.into_iter().map(|info| Ok(object_meta(info))).collect())
    }
}

impl FirstError {
    fn report(&self, error: StoreError) -> object_store::Error {
        let path = error.location().to_owned();
        let source = Box::new(error.clone());
        match error.kind() {
            ErrorKind::NotFound => return object_store::Error::NotFound { path, source },
            ErrorKind::AlreadyExists => return object_store::Error::AlreadyExists { path, source },
            _ => {}
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        object_store::Error::Generic { store: "archive", source }
    }
}

impl fmt::Display for ObjectStoreView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.store)
    }
}

#[async_trait]
impl ObjectStore for ObjectStoreView {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let path = location.as_ref();
        self.check(Operation::Write, path)?;
        let put = match &self.store.inner.backend {
            Backend::Remote(remote) => {
                let put = remote.object_store().put_opts(&remote.key(path), payload, options).await;
                put.map_err(|error| self.remote_error(Operation::Write, path, &error))?
            }
            Backend::Local(local) => {
                let replace = match options.mode {
                    PutMode::Overwrite => true,
                    PutMode::Create => false,
                    PutMode::Update(_) => return Err(unsupported("a conditional update of a local file")),
                };
                local.put(path, &Bytes::from(payload), replace).map_err(|error| self.report(error))?;
                PutResult { e_tag: None, version: None }
            }
        };
        self.store.check_after_put(path).map_err(|error| self.report(error))?;
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = location.as_ref();
        match &self.store.inner.backend {
            Backend::Remote(remote) => {
                self.check(Operation::Write, path)?;
                let upload = remote.object_store().put_multipart_opts(&remote.key(path), options).await;
                upload.map_err(|error| self.remote_error(Operation::Write, path, &error))
            }
            Backend::Local(_) => {
                let writer = StoreWriter::create(&self.store, path).map_err(|error| self.report(error))?;
                Ok(Box::new(LocalUpload { writer: Some(writer), errors: self.errors.clone() }))
            }
        }
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let path = location.as_ref();
        let local = match &self.store.inner.backend {
            Backend::Remote(remote) => {
                self.check(Operation::Read, path)?;
                let got = remote.object_store().get_opts(&remote.key(path), options).await;
                return got.map_err(|error| self.remote_error(Operation::Read, path, &error));
            }
            Backend::Local(local) => local,
        };
        self.check(if options.head { Operation::Stat } else { Operation::Read }, path)?;
        let meta = object_meta(local.stat(path).map_err(|error| self.report(error))?);
        options.check_preconditions(&meta)?;
        let range = match &options.range {
            None => 0..meta.size,
            Some(GetRange::Bounded(range)) => range.start..range.end.min(meta.size),
            Some(GetRange::Offset(start)) => *start..meta.size,
            Some(GetRange::Suffix(length)) => meta.size.saturating_sub(*length)..meta.size,
        };
        let bytes = if options.head {
            Bytes::new()
        } else {
            local.read_now(path, range.clone()).map_err(|error| self.report(error))?
        };
        let payload = GetResultPayload::Stream(stream::once(async move { Ok(bytes) }).boxed());
        Ok(GetResult { payload, meta, range, attributes: Attributes::default() })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        // The engine has no reason to delete anything of ours.
        locations.map(|_| Err(unsupported("deleting through the table format"))).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.list_with_offset(prefix, &Path::default())
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        let Backend::Remote(remote) = &self.store.inner.backend else {
            return match self.list_after(prefix, offset.as_ref()) {
                Ok(listed) => stream::iter(listed).boxed(),
                Err(error) => stream::once(async move { Err(error) }).boxed(),
            };
        };
        let path = prefix.map(Path::as_ref).unwrap_or_default();
        if let Err(error) = self.check(Operation::List, path) {
            return stream::once(async move { Err(error) }).boxed();
        }
        let listing = remote.object_store().list_with_offset(Some(&remote.key(path)), &remote.key(offset.as_ref()));
        let (remote, errors, path) = (remote.clone(), self.errors.clone(), path.to_owned());
        // The engine relies on sorted listings, which not every bucket gives.
        let sorted = async move {
            let listed: Result<Vec<ObjectMeta>> = listing.try_collect().await;
            let listed = listed.map_err(|error| errors.report(remote.error(Operation::List, &path, &error)))?;
            let mut named: Vec<ObjectMeta> = listed
                .into_iter()
                .filter_map(|meta| Some(ObjectMeta { location: Path::from(remote.path_of(&meta.location)?), ..meta }))
                .collect();
            named.sort_unstable_by(|a, b| a.location.cmp(&b.location));
            Ok::<_, object_store::Error>(stream::iter(named.into_iter().map(Ok)))
        };
        stream::once(sorted).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, _prefix: Option<&Path>) -> Result<ListResult> {
        Err(unsupported("listing one level"))
    }

    async fn copy_opts(&self, _from: &Path, _to: &Path, _options: CopyOptions) -> Result<()> {
        Err(unsupported("copying"))
    }
}

/// A multipart upload to a local file: parts arrive in order and are written straight away.
#[derive(Debug)]
struct LocalUpload {
    writer: Option<StoreWriter>,
    errors: FirstError,
}

#[async_trait]
impl MultipartUpload for LocalUpload {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        let written = match &mut self.writer {
            Some(writer) => {
                let appended = payload.iter().try_for_each(|bytes| writer.append(bytes));
                appended.map_err(|error| self.errors.report(error))
            }
            None => Err(unsupported("a part after the end of an upload")),
        };
        Box::pin(std::future::ready(written))
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let writer = self.writer.take().ok_or_else(|| unsupported("completing an upload twice"))?;
        writer.finish().map_err(|error| self.errors.report(error))?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        self.writer = None;
        Ok(())
    }
}

fn unsupported(what: &str) -> object_store::Error {
    object_store::Error::NotSupported { source: format!("{what} is not supported").into() }
}

fn object_meta(info: FileInfo) -> ObjectMeta {
    let since = Duration::from_nanos(info.modified_ns.unsigned_abs());
    ObjectMeta {
        location: Path::from(info.path),
        last_modified: (UNIX_EPOCH + since).into(),
        size: info.size,
        e_tag: info.etag,
        version: None,
    }
}
