//! `daybook account`: a Kalshi account, live from the venue and mirrored into a database.

mod connect;
mod live;
mod mirror;

use clap::{Args, Subcommand};

pub(super) use self::connect::{connect, credentials, environment};
use super::{Common, Failure, Flag, Outcome};

/// What the account holds and has done. The key is KALSHI_API_KEY_ID with KALSHI_PRIVATE_KEY_PATH (or the PEM text in
/// KALSHI_PRIVATE_KEY), or kalshi.key_id and kalshi.key_path of daybook.toml.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook account balance
  daybook account positions --event KXHIGHNY-26NOV21
  daybook account fills --start 2026-11-01 --all --format csv
  daybook account orders --status resting --env demo")]
pub struct AccountArgs {
    // No archive is asked here: what every other command takes is taken, and not shown.
    #[arg(id = "archive", long = "archive", global = true, hide = true)]
    _archive: Option<String>,
    #[arg(id = "wal", long = "wal", global = true, hide = true)]
    _wal: Option<String>,
    #[command(subcommand)]
    command: AccountCommand,
}

/// Which venue.
#[derive(Debug, Args)]
pub struct VenueArgs {
    /// The venue: prod, demo, or a base URL [KALSHI_ENV] [default: prod]
    #[arg(long, value_name = "ENV")]
    env: Option<String>,
}

impl VenueArgs {
    /// The setting that it gives.
    pub(super) fn flag(&self) -> Flag {
        ("kalshi.env", "--env", self.env.clone())
    }
}

/// Which subaccount.
#[derive(Clone, Copy, Debug, Args)]
pub struct SubaccountArgs {
    /// Only this subaccount, 0 to 63
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=63))]
    subaccount: Option<u32>,
}

/// Which mirror.
#[derive(Debug, Args)]
pub struct MirrorArgs {
    /// The mirror: a file, sqlite://PATH or postgres://… [DAYBOOK_ACCOUNT_STORE] [default: account.sqlite]
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// What is free to trade with, and what the positions are worth; of subaccount 0 without --subaccount
    Balance(live::BalanceArgs),
    /// Positions in markets; of subaccount 0 without --subaccount
    Positions(live::PositionsArgs),
    /// Trades of own orders
    Fills(live::FillsArgs),
    /// What positions paid when their markets were settled
    Settlements(live::SettlementsArgs),
    /// Orders: resting, executed and cancelled
    Orders(live::OrdersArgs),
    /// Mirror the account into a database
    Sync(mirror::SyncArgs),
    /// What the mirror holds: every version of positions, balances over time, fills, settlements
    History(mirror::HistoryArgs),
    /// Profit and loss, exposure, volume and fees, from the mirror
    Summary(mirror::SummaryArgs),
}

impl AccountArgs {
    /// The settings that its flags give.
    pub(super) fn flags(&self) -> Vec<Flag> {
        let (venue, mirror) = match &self.command {
            AccountCommand::Balance(args) => (&args.venue, None),
            AccountCommand::Positions(args) => (&args.venue, None),
            AccountCommand::Fills(args) => (&args.venue, None),
            AccountCommand::Settlements(args) => (&args.venue, None),
            AccountCommand::Orders(args) => (&args.venue, None),
            AccountCommand::Sync(args) => (&args.venue, Some(&args.mirror)),
            AccountCommand::History(args) => (&args.venue, Some(&args.mirror)),
            AccountCommand::Summary(args) => (&args.venue, Some(&args.mirror)),
        };
        let store = mirror.and_then(|mirror| mirror.store.clone());
        vec![venue.flag(), ("account.store", "--store", store)]
    }
}

pub(super) fn run(args: &AccountArgs, common: &Common) -> Result<Outcome, Failure> {
    match &args.command {
        AccountCommand::Balance(balance) => live::balance(balance, common),
        AccountCommand::Positions(positions) => live::positions(positions, common),
        AccountCommand::Fills(fills) => live::fills(fills, common),
        AccountCommand::Settlements(settlements) => live::settlements(settlements, common),
        AccountCommand::Orders(orders) => live::orders(orders, common),
        AccountCommand::Sync(sync) => mirror::run_sync(sync, common),
        AccountCommand::History(history) => mirror::run_history(history, common),
        AccountCommand::Summary(summary) => mirror::run_summary(summary, common),
    }
}
