//! The protocol's errors.

/// Why a command was refused, or a subscription ended. The numbers 6, 16 and 17 are retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ErrorCode {
    /// The message is no JSON object, or its id no number.
    UnableToProcess = 1,
    /// A command without its `params`.
    ParamsRequired = 2,
    /// A subscribe command without channels.
    ChannelsRequired = 3,
    /// An unsubscribe command without subscriptions.
    SidsRequired = 4,
    /// No such command.
    UnknownCommand = 5,
    /// No such subscription on this connection.
    UnknownSid = 7,
    /// No such channel.
    UnknownChannel = 8,
    /// The channel is private, and the connection nobody's.
    AuthenticationRequired = 9,
    /// Something is wrong with the channel; ends the subscription. Only on demand.
    ChannelError = 10,
    /// A parameter is not what it should be.
    InvalidParameter = 11,
    /// None or several subscriptions where one is to be named.
    ExactlyOneSid = 12,
    /// The channel does not have this action.
    UnsupportedAction = 13,
    /// No market named where one is needed.
    MarketRequired = 14,
    /// An update without an action.
    ActionRequired = 15,
    /// The command took too long. Only on demand.
    CommandTimeout = 18,
    /// `shard_factor` is zero or less.
    ShardFactorTooSmall = 19,
    /// `shard_key` without `shard_factor`.
    ShardFactorRequired = 20,
    /// `shard_key` outside of its range.
    ShardKeyOutOfRange = 21,
    /// `shard_factor` above 100.
    ShardFactorTooLarge = 22,
    /// A parameter that none of the described channels has. Only on demand.
    MatchIdsRequired = 23,
    /// No index named where one is needed.
    IndexIdsRequired = 24,
    /// More is waiting to be read than the subscription's buffer holds; ends the subscription.
    BufferOverflow = 25,
    /// More markets than a subscription or a connection may have.
    MarketLimit = 26,
    /// More commands than a connection may send in a second.
    TooManyRequests = 27,
    /// No underlying named where one is needed.
    UnderlyingsRequired = 28,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [ErrorCode; 25] = [
        ErrorCode::UnableToProcess,
        ErrorCode::ParamsRequired,
        ErrorCode::ChannelsRequired,
        ErrorCode::SidsRequired,
        ErrorCode::UnknownCommand,
        ErrorCode::UnknownSid,
        ErrorCode::UnknownChannel,
        ErrorCode::AuthenticationRequired,
        ErrorCode::ChannelError,
        ErrorCode::InvalidParameter,
        ErrorCode::ExactlyOneSid,
        ErrorCode::UnsupportedAction,
        ErrorCode::MarketRequired,
        ErrorCode::ActionRequired,
        ErrorCode::CommandTimeout,
        ErrorCode::ShardFactorTooSmall,
        ErrorCode::ShardFactorRequired,
        ErrorCode::ShardKeyOutOfRange,
        ErrorCode::ShardFactorTooLarge,
        ErrorCode::MatchIdsRequired,
        ErrorCode::IndexIdsRequired,
        ErrorCode::BufferOverflow,
        ErrorCode::MarketLimit,
        ErrorCode::TooManyRequests,
        ErrorCode::UnderlyingsRequired,
    ];

    /// Its number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The code of this number.
    pub fn from_number(number: u8) -> Option<ErrorCode> {
        ErrorCode::ALL.into_iter().find(|code| code.number() == number)
    }

    /// Whether it ends the subscription.
    pub const fn is_terminal(self) -> bool {
        matches!(self, ErrorCode::ChannelError | ErrorCode::BufferOverflow)
    }

    /// What it says.
    pub const fn text(self) -> &'static str {
        match self {
            ErrorCode::UnableToProcess => "Unable to process message",
            ErrorCode::ParamsRequired => "Params required",
            ErrorCode::ChannelsRequired => "Channels required",
            ErrorCode::SidsRequired => "Subscription IDs required",
            ErrorCode::UnknownCommand => "Unknown command",
            ErrorCode::UnknownSid => "Unknown subscription ID",
            ErrorCode::UnknownChannel => "Unknown channel name",
            ErrorCode::AuthenticationRequired => "Authentication required",
            ErrorCode::ChannelError => "Channel error",
            ErrorCode::InvalidParameter => "Invalid parameter",
            ErrorCode::ExactlyOneSid => "Exactly one subscription ID is required",
            ErrorCode::UnsupportedAction => "Unsupported action",
            ErrorCode::MarketRequired => "Market Ticker required",
            ErrorCode::ActionRequired => "Action required",
            ErrorCode::CommandTimeout => "Command timeout",
            ErrorCode::ShardFactorTooSmall => "shard_factor must be > 0",
            ErrorCode::ShardFactorRequired => "shard_factor is required when shard_key is set",
            ErrorCode::ShardKeyOutOfRange => "shard_key must be >= 0 and < shard_factor",
            ErrorCode::ShardFactorTooLarge => "shard_factor must be <= 100",
            ErrorCode::MatchIdsRequired => "Match IDs required",
            ErrorCode::IndexIdsRequired => "Index IDs required",
            ErrorCode::BufferOverflow => "Subscription buffer overflow",
            ErrorCode::MarketLimit => "Subscription market limit exceeded",
            ErrorCode::TooManyRequests => "Too many requests",
            ErrorCode::UnderlyingsRequired => "Underlying tickers required",
        }
    }
}
