//! A delta as the tail keeps it until it is sealed: up to two million of them are in memory, and every one is written,
//! moved while its market's rows grow, and read again. What may be absent is told by one byte, not by eight each.

use daybook_book::{ExchangeTime, Price, Quantity, Side};

use crate::tail::DeltaRow;

const HAS_TS: u8 = 1;
const HAS_SENT: u8 = 2;
const HAS_CLOCK: u8 = 4;
const HAS_SEQ: u8 = 8;
const HAS_SID: u8 = 16;
const SIDE_NO: u8 = 32;

/// A [`DeltaRow`] in 72 bytes instead of 112.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedDelta {
    ordinal: u64,
    recv_ts: i64,
    ts: i64,
    sent_ts: i64,
    clock: u64,
    seq: u64,
    quantity: Quantity,
    sid: u32,
    connection: u32,
    market_id: u32,
    price: Price,
    flags: u8,
}

impl PackedDelta {
    /// Arrival order.
    #[inline]
    pub fn ordinal(&self) -> u64 {
        self.ordinal
    }

    /// The connection it came over.
    #[inline]
    pub fn connection(&self) -> u32 {
        self.connection
    }

    /// The same delta of the market id with this number.
    #[inline]
    pub fn with_market_id(self, market_id: u32) -> PackedDelta {
        PackedDelta { market_id, ..self }
    }

    /// The row.
    #[inline]
    pub fn row(&self) -> DeltaRow {
        let has = |flag| self.flags & flag != 0;
        DeltaRow {
            ordinal: self.ordinal,
            recv_ts: self.recv_ts,
            ts: has(HAS_TS).then(|| ExchangeTime::from_micros(self.ts)),
            sent_ts: has(HAS_SENT).then(|| ExchangeTime::from_micros(self.sent_ts)),
            clock: has(HAS_CLOCK).then_some(self.clock),
            seq: has(HAS_SEQ).then_some(self.seq),
            quantity: self.quantity,
            sid: has(HAS_SID).then_some(self.sid),
            connection: self.connection,
            market_id: self.market_id,
            price: self.price,
            side: if has(SIDE_NO) { Side::No } else { Side::Yes },
        }
    }
}

impl From<DeltaRow> for PackedDelta {
    #[inline]
    fn from(row: DeltaRow) -> PackedDelta {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        PackedDelta {
            ordinal: row.ordinal,
            recv_ts: row.recv_ts,
            ts: row.ts.map_or(0, ExchangeTime::micros),
            sent_ts: row.sent_ts.map_or(0, ExchangeTime::micros),
            clock: row.clock.unwrap_or(0),
            seq: row.seq.unwrap_or(0),
            quantity: row.quantity,
            sid: row.sid.unwrap_or(0),
            connection: row.connection,
            market_id: row.market_id,
            price: row.price,
            flags: flag(row.ts.is_some(), HAS_TS)
                | flag(row.sent_ts.is_some(), HAS_SENT)
                | flag(row.clock.is_some(), HAS_CLOCK)
                | flag(row.seq.is_some(), HAS_SEQ)
                | flag(row.sid.is_some(), HAS_SID)
                | flag(row.side == Side::No, SIDE_NO),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_row_comes_back_as_it_was(
            (ordinal, recv_ts, quantity) in any::<(u64, i64, i64)>(),
            (ts, sent_ts) in any::<(Option<i64>, Option<i64>)>(),
            (clock, seq, sid) in any::<(Option<u64>, Option<u64>, Option<u32>)>(),
            (connection, market_id, is_no) in any::<(u32, u32, bool)>(),
            price in 0u16..=10_000,
        ) {
            let row = DeltaRow {
                ordinal,
                recv_ts,
                ts: ts.map(ExchangeTime::from_micros),
                sent_ts: sent_ts.map(ExchangeTime::from_micros),
                clock,
                seq,
                quantity: Quantity::from_hundredths(quantity),
                sid,
                connection,
                market_id,
                price: Price::from_ten_thousandths(price).unwrap(),
                side: if is_no { Side::No } else { Side::Yes },
            };
            let packed = PackedDelta::from(row);
            prop_assert_eq!(packed.row(), row);
            prop_assert_eq!((packed.ordinal(), packed.connection()), (ordinal, connection));
        }
    }

    #[test]
    fn it_is_as_small_as_it_says() {
        assert_eq!((size_of::<PackedDelta>(), size_of::<DeltaRow>()), (72, 112));
    }
}
