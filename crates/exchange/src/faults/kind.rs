//! What can go wrong, and at what it strikes.

use serde::{Deserialize, Serialize};

/// What comes by and can be struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A frame on its way to a client; answers to commands are none.
    Frame,
    /// The subscription of such a frame.
    Subscription,
    /// A connection that is about to be written to.
    Connection,
    /// A REST request, or the handshake of a WebSocket.
    Request,
    /// The exchange itself, by the time.
    Exchange,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $name:literal, $class:ident;)+) => {
        /// A fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $kind,)+
        }

        impl Kind {
            /// Every fault.
            pub const ALL: &[Kind] = &[$(Kind::$kind),+];

            /// Its name in plans and logs.
            pub const fn as_str(self) -> &'static str {
                match self { $(Kind::$kind => $name,)+ }
            }

            /// What it strikes.
            pub const fn class(self) -> Class {
                match self { $(Kind::$kind => Class::$class,)+ }
            }
        }
    };
}

kinds! {
    /// A frame is lost.
    Drop = "drop", Frame;
    /// A frame is sent twice, one after the other.
    Duplicate = "duplicate", Frame;
    /// A frame and all that follow it on its subscription are held back for `for_ms` (250).
    Delay = "delay", Frame;
    /// A frame is sent after the next one of its subscription.
    Reorder = "reorder", Frame;
    /// A frame is cut off in the middle of its JSON.
    Malformed = "malformed", Frame;
    /// Numbers of a subscription are passed over, `amount` (1) of them, though nothing is lost.
    Gap = "gap", Subscription;
    /// A subscription ends with error 10.
    ChannelError = "error_10", Subscription;
    /// A subscription ends with error 25.
    BufferOverflow = "error_25", Subscription;
    /// A subscription is forgotten without a word.
    Forget = "forget", Subscription;
    /// Nothing is sent or read any more, for `for_ms` (an hour); the TCP connection stays.
    HalfOpen = "half_open", Connection;
    /// The TCP connection is reset, one of TLS without its goodbye.
    Reset = "reset", Connection;
    /// The WebSocket is closed with code 1012.
    Close = "close", Connection;
    /// Nothing is read from the socket for `for_ms` (5 s).
    SlowRead = "slow_read", Connection;
    /// For `for_ms` (5 s), what is sent comes out at `amount` (1,000) bytes a second.
    Trickle = "trickle", Connection;
    /// 429, for all requests that match within `for_ms` (0: this one).
    TooManyRequests = "http_429", Request;
    /// 500 in the same way. Nothing is carried out.
    InternalError = "http_500", Request;
    /// 503 in the same way. Nothing is carried out.
    Unavailable = "http_503", Request;
    /// 504 in the same way. The request is carried out, and its answer lost.
    GatewayTimeout = "http_504", Request;
    /// The answer comes `for_ms` (250) later.
    SlowAnswer = "http_delay", Request;
    /// The answer's body is cut off in the middle.
    MalformedAnswer = "http_malformed", Request;
    /// A read is answered with a copy of an answer to the same request, at most `for_ms` (5 s) old, if there is one.
    Stale = "stale", Request;
    /// Trading of the target's market is paused for `for_ms` (5 s); without a market, of one that trades.
    Halt = "halt", Exchange;
    /// Trading is paused on all shards for `for_ms` (5 s); cancels are taken.
    Maintenance = "maintenance", Exchange;
    /// The exchange is paused for `for_ms` (5 s): not even cancels are taken.
    Outage = "outage", Exchange;
    /// For `for_ms` (5 s), signatures are checked and frames stamped by a clock that is `amount` (60,000) ms ahead.
    ClockSkew = "clock_skew", Exchange;
    /// Every WebSocket is closed with 1012: all subscriptions are gone, and new ones count from 1.
    Restart = "restart", Exchange;
}

impl Kind {
    /// The fault of this name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// How long it lasts unless a rule says otherwise, in milliseconds; none where it does not last.
    pub const fn lasts_ms(self) -> Option<u64> {
        match self {
            Kind::Delay | Kind::SlowAnswer => Some(250),
            Kind::HalfOpen => Some(3_600_000),
            Kind::TooManyRequests | Kind::InternalError | Kind::Unavailable | Kind::GatewayTimeout => Some(0),
            Kind::SlowRead | Kind::Trickle | Kind::Stale => Some(5_000),
            Kind::Halt | Kind::Maintenance | Kind::Outage | Kind::ClockSkew => Some(5_000),
            _ => None,
        }
    }

    /// How much it is unless a rule says otherwise; none where there is no amount.
    pub const fn amounts_to(self) -> Option<i64> {
        match self {
            Kind::Gap => Some(1),
            Kind::Trickle => Some(1_000),
            Kind::ClockSkew => Some(60_000),
            _ => None,
        }
    }

    /// Whether one strike is a storm, which all that match are in until it is over.
    pub(super) const fn is_storm(self) -> bool {
        matches!(self, Kind::TooManyRequests | Kind::InternalError | Kind::Unavailable | Kind::GatewayTimeout)
    }
}
