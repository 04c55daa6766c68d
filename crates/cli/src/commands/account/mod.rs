//! `daybook account`: a Kalshi account, live from the venue and mirrored into a database.

mod connect;
mod live;
mod mirror;

use clap::{Args, Subcommand};

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
    /// The venue: prod, demo, or a base URL [default: prod]
    #[arg(long, global = true, value_name = "ENV")]
    env: Option<String>,
    /// The mirror: a file, sqlite://PATH or postgres://… [default: account.sqlite]
    #[arg(long, global = true, value_name = "URL")]
    store: Option<String>,
    /// Only this subaccount, 0 to 63
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=63))]
    subaccount: Option<u32>,
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// What is free to trade with, and what the positions are worth; of subaccount 0 without --subaccount
    Balance,
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
        vec![("kalshi.env", "--env", self.env.clone()), ("account.store", "--store", self.store.clone())]
    }
}

pub(super) fn run(args: &AccountArgs, common: &Common) -> Result<Outcome, Failure> {
    match &args.command {
        AccountCommand::Balance => live::balance(args.subaccount, common),
        AccountCommand::Positions(positions) => live::positions(positions, args.subaccount, common),
        AccountCommand::Fills(fills) => live::fills(fills, args.subaccount, common),
        AccountCommand::Settlements(settlements) => live::settlements(settlements, args.subaccount, common),
        AccountCommand::Orders(orders) => live::orders(orders, args.subaccount, common),
        AccountCommand::Sync(sync) => mirror::run_sync(sync, args.subaccount, common),
        AccountCommand::History(history) => mirror::run_history(history, args.subaccount, common),
        AccountCommand::Summary(summary) => mirror::run_summary(summary, args.subaccount, common),
    }
}
