//! The two bid ladders of a market.

use std::{fmt, str::FromStr};

/// Which bid ladder. The ask is implied: yes ask = 1 − best no bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Bids to buy YES.
    Yes,
    /// Bids to buy NO.
    No,
}

/// A text that is neither `yes` nor `no`; of a long one, the head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a side: expected \"yes\" or \"no\"")]
pub struct SideError(pub String);

impl Side {
    /// The other ladder.
    pub const fn opposite(self) -> Side {
        match self {
            Side::Yes => Side::No,
            Side::No => Side::Yes,
        }
    }

    /// `yes` or `no`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Side::Yes => "yes",
            Side::No => "no",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Side {
    type Err = SideError;

    fn from_str(text: &str) -> Result<Side, SideError> {
        match text {
            "yes" => Ok(Side::Yes),
            "no" => Ok(Side::No),
            _ => Err(SideError(crate::decimal::excerpt(text))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_its_text() {
        for side in [Side::Yes, Side::No] {
            assert_eq!(side.to_string().parse(), Ok(side));
            assert_eq!(side.opposite().opposite(), side);
            assert_ne!(side.opposite(), side);
        }
        for text in ["", "YES", "yes ", "bid"] {
            assert_eq!(text.parse::<Side>(), Err(SideError(text.to_owned())));
        }
        assert_eq!(SideError("bid".into()).to_string(), "\"bid\" is not a side: expected \"yes\" or \"no\"");
    }
}
