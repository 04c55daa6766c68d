//! `daybook replay --serve`: a recorded past as an exchange that any client can trade on.

use std::{sync::Arc, time::Duration};

use clap::Args;
use daybook_archive::Archive;
use daybook_exchange::{
    replay::{self, Control, Phase, Player, Program, ProgramError, Speed, drive},
    rest::Exchange,
};
use daybook_kalshi::SystemClock;

use crate::{
    commands::{Common, Failure, Outcome, range::Range, serving::ServingArgs},
    terminal::{tell::tell, utc::print_utc},
};

/// How a replay is served.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// As an exchange that speaks the venue's protocol, to clients and their orders
    #[arg(long)]
    serve: bool,
    #[command(flatten)]
    serving: Option<ServingArgs>,
    /// With --serve: begin when so many clients have subscribed
    #[arg(long, value_name = "N", default_value_t = 1, requires = "serve")]
    clients: usize,
    /// With --serve: let time stand still until POST /replay {"paused":false} on the admin address
    #[arg(long, requires = "serve")]
    paused: bool,
    /// With --serve: how long an order is on its way to the exchange, in milliseconds of the replay's time
    #[arg(long, value_name = "MS", default_value_t = 0, requires = "serve")]
    latency: u64,
    /// With --serve: end when the replay is over and all of it is read
    #[arg(long, requires = "serve")]
    once: bool,
    /// With --serve: what the exchange's own identifiers are made with
    #[arg(long, value_name = "N", default_value_t = 0, requires = "serve")]
    seed: u64,
}

impl ServeArgs {
    /// Whether it is to be served at all; an error if it is only said how.
    pub fn is_wanted(&self) -> Result<bool, Failure> {
        if self.serving.is_some() && !self.serve {
            let said = "--listen, --admin, --tls-cert, --tls-key, --credentials, --balance, --faults and --fault-log say how a \
                        replay is served: give --serve as well";
            return Err(Failure::Usage(said.to_owned()));
        }
        Ok(self.serve)
    }
}

/// How often it is looked whether all is read.
const LOOK: Duration = Duration::from_millis(20);

pub fn run(
    args: &ServeArgs,
    common: &Common,
    archive: Archive,
    tickers: &[String],
    range: Range,
    speed: Speed,
) -> Result<Outcome, Failure> {
    common.reports("replay --serve")?;
    let none = ServingArgs::default();
    let serving = args.serving.as_ref().unwrap_or(&none);
    let plan = serving.plan()?;
    let mut outcome = Outcome::Complete;
    for ticker in tickers {
        if range.exactness(&archive, ticker)? == Outcome::Incomplete {
            outcome = Outcome::Incomplete;
        }
    }
    let range = replay::Range { start: range.start, end: range.end };
    let program = Program::read(archive, tickers, range, args.seed)?;
    describe(&program);
    let latency = Duration::from_millis(args.latency);
    let control = Arc::new(Control::new((program.start(), program.end()), speed, args.paused, latency));
    let (player, venue) = Player::new(program, Arc::clone(&control), args.clients)?;
    let exchange = Arc::new(Exchange::of_replay(venue, Arc::clone(&control), Arc::new(SystemClock)));
    let driver = Box::new(move |exchange: &Arc<Exchange>, stop: &_| {
        drive(exchange, player, &SystemClock, stop).map_err(Failure::from)
    });
    let over = {
        let (exchange, once) = (Arc::clone(&exchange), args.once);
        async move {
            if !once {
                return std::future::pending().await;
            }
            while control.progress().phase != Phase::Over || exchange.venue().hub().backlog() > 0 {
                tokio::time::sleep(LOOK).await;
            }
        }
    };
    serving.serve(common, plan.as_ref(), &exchange, ("replay", driver), over)?;
    Ok(outcome)
}

/// Tells people what is going to be replayed.
fn describe(program: &Program) {
    let (start, end) = (program.start().micros(), program.end().micros());
    let markets = program.tickers().len();
    let (from, to) = (print_utc(start.saturating_mul(1_000)), print_utc(end.saturating_mul(1_000)));
    tell(format_args!("replaying {markets} market{} from {from} to {to}", if markets == 1 { "" } else { "s" }));
    let mut undescribed = program.undescribed();
    if let Some(first) = undescribed.next() {
        let more = undescribed.count();
        let others = if more == 0 { String::new() } else { format!(" and {more} more") };
        tell(format_args!(
            "note: the archive has no document about {first}{others}: opening, prices and result are not known; \
             `daybook import --metadata` takes them in"
        ));
    }
}

impl From<ProgramError> for Failure {
    fn from(error: ProgramError) -> Failure {
        match error {
            ProgramError::Archive(error) => error.into(),
            ProgramError::Nothing => Failure::NotFound(error.to_string()),
            error => Failure::Failed(error.to_string()),
        }
    }
}
