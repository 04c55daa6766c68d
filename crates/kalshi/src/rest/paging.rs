//! Pages as one stream of items.

use std::{collections::HashSet, vec};

use futures_util::{Stream, stream};
use serde::de::DeserializeOwned;

use crate::{
    client::{Call, Client, Error, Operation},
    rest::value::{Cursor, Query},
};

/// Where a stream of pages is.
struct Position<Q, T> {
    client: Client,
    query: Q,
    /// What is left of the page that was fetched last.
    items: vec::IntoIter<T>,
    /// Whether there is another page.
    more: bool,
    /// Every cursor that was followed: the memory grows by one per page.
    followed: HashSet<Cursor>,
}

/// The items of all pages of `operation`, from where `query` begins. A page is fetched when its first item is asked
/// for.
///
/// `cursor` is where the query says which page, and `taken_apart` gives a page's items and the cursor of the next. A
/// cursor that was followed before is an error, since the pages would never end; so the stream ends if any call fails.
pub(super) fn items<Q, P, T>(
    client: &Client,
    operation: &'static Operation,
    query: Q,
    cursor: fn(&mut Q) -> &mut Option<Cursor>,
    taken_apart: fn(P) -> (Vec<T>, Option<Cursor>),
) -> impl Stream<Item = Result<T, Error>> + Send + Unpin + use<Q, P, T>
where
    Q: Query + Send + Sync,
    P: DeserializeOwned + Send,
    T: Send,
{
    let (client, items) = (client.clone(), Vec::new().into_iter());
    let start = Position { client, query, items, more: true, followed: HashSet::new() };
    Box::pin(stream::try_unfold(start, move |mut position| async move {
        loop {
            if let Some(item) = position.items.next() {
                return Ok(Some((item, position)));
            }
            if !position.more {
                return Ok(None);
            }
            if let Some(cursor) = cursor(&mut position.query)
                && !position.followed.insert(cursor.clone())
            {
                return Err(Error::repeated_cursor(operation, cursor.as_str()));
            }
            let page = position.client.call(position.query.add_to(Call::new(operation))).await?;
            let (items, next) = taken_apart(page);
            position.items = items.into_iter();
            position.more = next.is_some();
            *cursor(&mut position.query) = next;
        }
    }))
}
