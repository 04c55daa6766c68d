//! Which connections the archive knows, where earlier sources left them, and which number the next one gets.

use daybook_archive::entry::{SourceState, StreamEnd};
use hashbrown::{HashMap, HashSet};

use super::connection::Seen;

/// How long a connection may be silent between two files for the second to be taken for the rest of the first by its
/// number alone: the venue is heard from more often, and another connection rarely has that number just then.
const SEAM_NANOS: i64 = 10_000_000_000;

/// A subscription of one of the archive's connections.
type Subscription = (u32, Option<u32>);

/// Where earlier sources ended, which numbers of the archive's connections are free, and what the source's own sequence
/// numbers are good for.
pub struct Numbering {
    /// Ends of earlier sources' subscriptions: of each the furthest.
    ends: HashMap<Subscription, StreamEnd>,
    /// The next number that no connection of the archive has.
    pub next: u32,
    /// Connections of earlier sources that one of this source's goes on with: no other one does.
    adopted: HashSet<u32>,
    /// The source holds a selection of its subscriptions' markets: holes in the numbers are no loss.
    pub filtered: bool,
    /// What the source holds is taken in, and nothing is proven by it.
    pub unprovable: bool,
}

impl Numbering {
    /// Behind what earlier sources have reached.
    pub fn after(known: &[SourceState]) -> Numbering {
        let mut ends: HashMap<Subscription, StreamEnd> = HashMap::new();
        for end in known.iter().flat_map(|state| &state.streams) {
            let held = ends.entry((end.connection, end.sid)).or_insert_with(|| end.clone());
            if (held.seq, held.recv_nanos) < (end.seq, end.recv_nanos) {
                held.clone_from(end);
            }
        }
        let next = known.iter().map(|state| state.next_connection).max().unwrap_or(1);
        Numbering { ends, next, adopted: HashSet::new(), filtered: false, unprovable: false }
    }

    /// One of the source's connections is this one of the archive.
    pub fn adopt(&mut self, connection: u32) {
        self.adopted.insert(connection);
    }

    /// Whether one of the source's connections is this one already.
    pub fn is_adopted(&self, connection: u32) -> bool {
        self.adopted.contains(&connection)
    }

    /// A number that no connection of the archive has.
    pub fn take(&mut self) -> u32 {
        self.next += 1;
        self.adopt(self.next - 1);
        self.next - 1
    }

    /// Where earlier sources left a subscription of a connection.
    pub fn end(&self, connection: u32, sid: Option<u32>) -> Option<&StreamEnd> {
        self.ends.get(&(connection, sid))
    }

    /// The connection that an earlier source left where a first frame goes on, and whether the number proves it.
    pub fn left_off(&self, seen: &Seen<'_>, label: Option<&str>) -> Option<(u32, bool)> {
        let seq = seen.seq?;
        let ends = self.ends.values().filter(|end| end.sid == seen.sid && end.recv_nanos <= seen.recv);
        let ends = ends.filter(|end| end.label.as_deref() == label);
        let mut next = ends.clone().filter(|end| end.seq.and_then(|last| last.checked_add(1)) == Some(seq));
        if let (Some(end), None) = (next.next(), next.next())
            && seen.recv.saturating_sub(end.recv_nanos) <= SEAM_NANOS
        {
            return Some((end.connection, true));
        }
        let of_market = ends.filter(|end| end.ticker.is_some() && end.ticker.as_deref() == seen.ticker);
        let before = of_market.filter(|end| end.seq.is_some_and(|last| last < seq));
        before.max_by_key(|end| (end.recv_nanos, end.connection)).map(|end| (end.connection, false))
    }
}
