//! Names and identifiers: texts that mean one kind of thing each.

use std::{fmt, sync::Arc};

use super::Text;

macro_rules! identifiers {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Its text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> $name {
                $name(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> $name {
                $name(text.into())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Text for $name {
            const EXPECTED: &'static str = concat!("a text (", stringify!($name), ")");

            fn parse(text: &str) -> Result<$name, String> {
                Ok($name::from(text))
            }
        }

        super::text_value!($name);
    )*};
}

identifiers! {
    /// An event's name, such as `KXHIGHNY-26AUG11`.
    EventTicker;
    /// A series' name, such as `KXHIGHNY`.
    SeriesTicker;
    /// The name of a collection from which combo markets are made.
    CollectionTicker;
    /// A market's identifier, other than its ticker.
    MarketId;
    /// Where the next page begins. Opaque, and good for the query that it came from only.
    Cursor;
    /// The venue's identifier of an order.
    OrderId;
    /// The caller's own identifier of an order. The venue refuses a second order with it.
    ClientOrderId;
    /// Identifier of an order group.
    OrderGroupId;
    /// Identifier of a trade; a fill has that of the trade it belongs to.
    TradeId;
    /// Identifier of a fill.
    FillId;
    /// Identifier of a user.
    UserId;
    /// A user's pseudonym in requests for quote.
    CommunicationsId;
    /// A customer of a futures commission merchant: the merchant's user id, `_`, and a suffix.
    SubtraderId;
    /// Identifier of a deposit or a withdrawal.
    PaymentId;
    /// Identifier of a transfer between shards or subaccounts.
    TransferId;
    /// The caller's own identifier of a transfer, a UUID, which makes it idempotent.
    ClientTransferId;
    /// Identifier of a transfer of a position.
    PositionTransferId;
    /// Identifier of a request for quote.
    RfqId;
    /// Identifier of a quote.
    QuoteId;
    /// Identifier of a batch of requests for quote.
    RfqBatchId;
    /// The caller's own identifier of a batch of requests for quote.
    ClientBatchId;
    /// Identifier of a quote on a whole batch.
    BatchQuoteId;
    /// Identifier of a proposed block trade.
    BlockTradeProposalId;
    /// Identifier of an API key: what is sent as `KALSHI-ACCESS-KEY`.
    ApiKeyId;
    /// Identifier of a milestone.
    MilestoneId;
    /// Identifier of a structured target.
    StructuredTargetId;
    /// Identifier of a scheduled change of fees.
    FeeChangeId;
    /// Identifier of an incentive program.
    IncentiveProgramId;
    /// Identifier of a weather station.
    StationId;
    /// An index of CF Benchmarks, such as `BRTI`.
    IndexId;
    /// A price or yield of Pyth, such as `Metal.XAU/USD`.
    UnderlyingTicker;
}
