//! Pages as one stream of items.

use std::{collections::HashSet, vec};

use futures_util::stream::{self, BoxStream};
use serde::de::DeserializeOwned;

use crate::{
    client::{Call, Client, Error, Operation},
    rest::value::{Cursor, Query},
};

/// The items of all pages of an operation, in the venue's order. A page is fetched when its first item is asked for;
/// the stream ends after an error, which tells by [`Error::page`] where another one can begin.
pub type Items<T> = BoxStream<'static, Result<T, Error>>;

/// A query whose operation answers in pages, which hold `T`s.
pub(crate) trait Paged<T>: Query {
    /// The operation that it is the query of.
    const OPERATION: &'static Operation;

    /// What one page is.
    type Page: DeserializeOwned + Send;

    /// Where the query says which page.
    fn cursor(&mut self) -> &mut Option<Cursor>;

    /// A page's items, and the cursor of the next.
    fn taken_apart(page: Self::Page) -> (Vec<T>, Option<Cursor>);
}

/// Which queries are answered in pages, and of what: `OPERATION(Query) = Page { items: Item };`. Where a page names its
/// cursor otherwise, that name comes behind; items that may be absent say so with `.unwrap_or_default`.
macro_rules! pages {
    ($($operation:ident($query:ty) = $page:ty { $items:ident $(.$or:ident)?: $item:ty $(, $next:ident)? };)*) => {
        $(impl $crate::rest::paging::Paged<$item> for $query {
            const OPERATION: &'static $crate::client::Operation = &$operation;

            type Page = $page;

            fn cursor(&mut self) -> &mut Option<$crate::rest::value::Cursor> {
                &mut self.cursor
            }

            fn taken_apart(page: $page) -> (Vec<$item>, Option<$crate::rest::value::Cursor>) {
                (page.$items$(.$or())?, $crate::rest::paging::pages!(@next page $($next)?))
            }
        })*
    };
    (@next $page:ident) => { $page.cursor };
    (@next $page:ident $next:ident) => { $page.$next };
}

pub(crate) use pages;

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

/// The items of all pages, from where `query` begins. A cursor that was followed before is an error, since the pages
/// would never end; so the stream ends if any call fails.
pub(super) fn items<T, Q>(client: &Client, query: Q) -> Items<T>
where
    T: Send + 'static,
    Q: Paged<T> + Send + Sync + 'static,
{
    let (client, items) = (client.clone(), Vec::new().into_iter());
    let start = Position { client, query, items, more: true, followed: HashSet::new() };
    Box::pin(stream::try_unfold(start, |mut position| async move {
        loop {
            if let Some(item) = position.items.next() {
                return Ok(Some((item, position)));
            }
            if !position.more {
                return Ok(None);
            }
            if let Some(cursor) = position.query.cursor()
                && !position.followed.insert(cursor.clone())
            {
                let cursor = cursor.clone();
                return Err(Error::repeated_cursor(Q::OPERATION, cursor.as_str()).at_page(Some(cursor)));
            }
            let call = position.query.add_to(Call::new(Q::OPERATION));
            let page = match position.client.call(call).await {
                Ok(page) => page,
                Err(error) => return Err(error.at_page(position.query.cursor().take())),
            };
            let (items, next) = Q::taken_apart(page);
            position.items = items.into_iter();
            position.more = next.is_some();
            *position.query.cursor() = next;
        }
    }))
}
