use daybook_book::Trade;
use proptest::prelude::*;

use super::*;

/// Few tickers and ids, so that they repeat, and a market may come with another id than before.
fn delta() -> impl Strategy<Value = EventRecord<'static>> {
    (
        (0usize..4, 0usize..4, any::<bool>(), 0u16..=10_000),
        any::<(i64, u32, i64)>(),
        any::<(Option<u32>, Option<u64>, Option<i64>, Option<i64>, Option<u64>)>(),
        prop::option::of("[a-z]{0,9}"),
    )
        .prop_map(|((ticker, id, no, price), (recv, connection, quantity), (sid, seq, sent, ts, clock), extra)| {
            EventRecord {
                recv_ts: ReceivedTime::from_nanos(recv),
                connection,
                sid,
                seq,
                sent_ts: sent.map(ExchangeTime::from_micros),
                event: Event::Delta(Delta {
                    ticker: ["A-1", "A-2", "LONGER-3", ""][ticker].into(),
                    market_id: ["x", "A-1", "yy", ""][id].into(),
                    ts: ts.map(ExchangeTime::from_micros),
                    clock,
                    side: if no { Side::No } else { Side::Yes },
                    price: Price::from_ten_thousandths(price).unwrap(),
                    quantity: Quantity::from_hundredths(quantity),
                }),
                extra: extra.map(Into::into),
            }
        })
}

fn others(at: u32) -> Entry<'static> {
    let price = Price::from_ten_thousandths(4_800).unwrap();
    match at % 3 {
        0 => Entry::Notice(Notice::Unproven { connection: at, sid: None }),
        1 => Entry::Unparsed(Unparsed {
            recv_ts: None,
            connection: at,
            reason: "why".into(),
            origin: "where".into(),
            raw: "what".into(),
        }),
        _ => Entry::Event(EventRecord {
            recv_ts: ReceivedTime::from_nanos(1),
            connection: at,
            sid: Some(1),
            seq: None,
            sent_ts: None,
            event: Event::Trade(Trade {
                ticker: "A-1".into(),
                trade_id: "t".into(),
                ts: None,
                yes_price: price,
                no_price: price.complement(),
                count: Quantity::from_hundredths(5),
                taker_side: Some(Side::Yes),
                taker_outcome_side: None,
                is_block_trade: Some(false),
                taker_book_side: Some("x".into()),
            }),
            extra: None,
        }),
    }
}

fn entries() -> impl Strategy<Value = Vec<Entry<'static>>> {
    let entry = prop_oneof![4 => delta().prop_map(Entry::Event), 1 => any::<u32>().prop_map(others)];
    prop::collection::vec(entry, 0..60)
}

fn read(batch: &Batch) -> Vec<Entry<'_>> {
    let mut reader = BatchReader::new(batch.bytes()).unwrap();
    std::iter::from_fn(|| reader.next_entry().unwrap()).collect()
}

/// As the tail reads: deltas as such, the others as entries.
fn read_by_deltas(batch: &Batch) -> Vec<Entry<'_>> {
    let mut reader = BatchReader::new(batch.bytes()).unwrap();
    let mut read = Vec::new();
    loop {
        if let Some(delta) = reader.next_delta().unwrap() {
            read.push(reader.entry_of(delta).unwrap());
        } else if let Some(entry) = reader.next_entry().unwrap() {
            assert!(!matches!(&entry, Entry::Event(EventRecord { event: Event::Delta(_), .. })), "{entry:?}");
            read.push(entry);
        } else {
            return read;
        }
    }
}

proptest! {
    #[test]
    fn entries_come_back_as_they_were(first in entries(), second in entries()) {
        let mut builder = BatchBuilder::default();
        first.iter().for_each(|entry| builder.push(entry));
        let batch = builder.finish();
        prop_assert_eq!(read(&batch), &first[..]);
        prop_assert_eq!(read_by_deltas(&batch), &first[..]);
        // In the memory of the one before it stands nothing of that.
        second.iter().for_each(|entry| builder.push(entry));
        let again = builder.finish_into(batch);
        let mut fresh = BatchBuilder::default();
        second.iter().for_each(|entry| fresh.push(entry));
        let fresh = fresh.finish();
        prop_assert_eq!((again.bytes(), again.ordinals()), (fresh.bytes(), fresh.ordinals()));
        prop_assert_eq!(read_by_deltas(&again), second);
    }

    #[test]
    fn a_batch_that_ends_early_is_an_error(entries in entries(), at in any::<prop::sample::Index>()) {
        let mut builder = BatchBuilder::default();
        entries.iter().for_each(|entry| builder.push(entry));
        let batch = builder.finish();
        let cut = &batch.bytes()[..at.index(batch.bytes().len())];
        let Ok(mut reader) = BatchReader::new(cut) else { return Ok(()) };
        let mut count = 0;
        loop {
            // Either way of reading stops at the same place.
            let delta = reader.next_delta();
            match delta {
                Ok(Some(_)) => count += 1,
                Err(_) => break,
                Ok(None) => match reader.next_entry() {
                    Ok(Some(_)) => count += 1,
                    Ok(None) | Err(_) => break,
                },
            }
        }
        prop_assert!(count < entries.len() || entries.is_empty());
    }
}

#[test]
fn a_text_outside_the_table_is_an_error() {
    let mut builder = BatchBuilder::default();
    builder.push(&others(2));
    let mut bytes = builder.finish().bytes().to_vec();
    // A delta that names the fourth text of a table of two.
    let place = 3u32.to_le_bytes();
    bytes.extend_from_slice(&[DELTA, 0]);
    bytes.extend_from_slice(&[0; 12]);
    bytes.extend_from_slice(&place);
    bytes.extend_from_slice(&[0; 14]);
    let mut reader = BatchReader::new(&bytes).unwrap();
    assert!(reader.next_delta().unwrap().is_none());
    assert!(reader.next_entry().unwrap().is_some());
    assert_eq!(reader.next_delta().unwrap_err().reason, "text index outside the table");
}
