//! Pages as one stream of items.

use std::{collections::HashSet, vec};

use futures_util::{Stream, future::BoxFuture, stream};

use crate::{
    client::{Client, Error, Operation},
    rest::value::Cursor,
};

/// One page's items, and where the next page begins.
pub(super) type Page<T> = (Vec<T>, Option<Cursor>);

struct Pages<Q, T, F> {
    client: Client,
    query: Q,
    fetch: F,
    /// The current page's items.
    items: vec::IntoIter<T>,
    /// Whether another page is to be fetched.
    more: bool,
    /// Every cursor so far. The memory grows by one cursor per page.
    seen: HashSet<Cursor>,
}

/// The items of all pages from `query` on. One page is fetched at a time, when the stream is asked for its first item.
///
/// A cursor that came before is an error, after the items of the page that named it: the pages would never end.
pub(super) fn items<Q, T, F>(
    client: Client,
    operation: &'static Operation,
    query: Q,
    cursor: fn(&mut Q) -> &mut Option<Cursor>,
    fetch: F,
) -> impl Stream<Item = Result<T, Error>> + Send + Unpin
where
    Q: Send + Sync,
    T: Send,
    F: for<'a> Fn(&'a Client, &'a Q) -> BoxFuture<'a, Result<Page<T>, Error>> + Send + Sync,
{
    let pages = Pages { client, query, fetch, items: Vec::new().into_iter(), more: true, seen: HashSet::new() };
    Box::pin(stream::try_unfold(pages, move |mut pages| async move {
        loop {
            if let Some(item) = pages.items.next() {
                return Ok(Some((item, pages)));
            }
            if !pages.more {
                return Ok(None);
            }
            if let Some(here) = cursor(&mut pages.query)
                && !pages.seen.insert(here.clone())
            {
                return Err(Error::repeated_cursor(operation, here.as_str()));
            }
            let (items, next) = (pages.fetch)(&pages.client, &pages.query).await?;
            pages.items = items.into_iter();
            pages.more = next.is_some();
            *cursor(&mut pages.query) = next;
        }
    }))
}
