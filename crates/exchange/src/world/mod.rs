//! A synthetic world on a venue: series, events and markets that come and go on a schedule, makers who quote around a
//! probability that wanders, and takers who hit them; now and then a burst on one market.
//!
//! A [`World`] is deterministic: with the same seed and settings it gives a venue the same commands at the same times,
//! whatever the clock says that drives it, so two runs send the same bytes. What other accounts do to the same books
//! is answered by the engine; the world's next steps do not depend on it, but for the orders that are gone.

mod activity;
mod drive;
mod latent;
mod line;

use std::{cmp::Reverse, collections::BinaryHeap};

use daybook_book::{ExchangeTime, Money, Price, Quantity};
use daybook_kalshi::Tier;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};

use self::{activity::Activity, latent::Latent, line::Line};
use crate::{
    engine::{
        AccountId, BalancePrecision, BookSide, Command, CreateOrder, MarketId, OrderId, Owner, PriceGrid, Receipt,
        SelfTrade, TimeInForce,
    },
    venue::{CatalogueError, MarketChange, NewAccount, Venue},
};

#[cfg(test)]
mod tests;

pub use drive::drive;

/// What a world is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What everything random comes from.
    pub seed: u64,
    /// Markets that trade at any time.
    pub markets: u32,
    /// Orders, cancellations and amendments a second, over all markets; each is about one public delta. Zero for a world
    /// in which only markets come and go.
    pub rate: u32,
    /// Whether there are combos.
    pub combos: bool,
}

impl Default for Settings {
    /// A thousand markets, a hundred orders a second.
    fn default() -> Settings {
        Settings { seed: 0, markets: 1_000, rate: 100, combos: true }
    }
}

/// What a world did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doings {
    /// Commands given to the venue.
    pub commands: u64,
    /// Of them refused, mostly post-only orders that would have taken, and orders filled before they were cancelled.
    pub refused: u64,
    /// Markets added.
    pub markets: u64,
    /// Markets determined.
    pub determined: u64,
}

/// Accounts that quote, and as many that take.
const MAKERS: u32 = 8;
/// What each has on every shard: a hundred thousand million dollars.
const CASH: i128 = 100_000_000_000_000_000;
/// Orders that the makers keep in one market.
const QUOTES: usize = 8;
/// After the close until the outcome is known, in microseconds.
const DETERMINED_AFTER: i64 = 5_000_000;

/// A place for one market: when that is over, the next one of its line comes in.
#[derive(Clone, Copy, Debug)]
struct Place {
    market: MarketId,
    /// Of [`World::grids`].
    grid: u8,
    latent: Latent,
    /// Which of the quotes is next.
    next: u8,
    quotes: [OrderId; QUOTES],
}

/// No order has this number: they begin with one.
const NO_ORDER: OrderId = OrderId(0);

/// Something due that is no order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// Outcomes are known.
    Determine(Vec<(MarketId, Price)>),
    /// A line's event is over, and the next one begins.
    Next(u32),
}

/// A synthetic world.
pub struct World {
    settings: Settings,
    random: ChaCha8Rng,
    lines: Vec<Line>,
    /// Where the places of each line begin.
    first_places: Vec<u32>,
    places: Vec<Place>,
    /// From rank to place: the busiest markets are of all kinds.
    ranks: Vec<u32>,
    activity: Activity,
    grids: Vec<(&'static str, PriceGrid)>,
    makers: Vec<AccountId>,
    takers: Vec<AccountId>,
    due: BinaryHeap<Reverse<(ExchangeTime, u64, Due)>>,
    dues: u64,
    start: ExchangeTime,
    /// Orders since the start.
    step: u64,
    /// A burst's place, and how many orders are left of it.
    burst: (u32, u32),
    doings: Doings,
}

impl World {
    /// Puts a world on a venue: accounts, series, and the markets that trade at this time, with the first quotes in them.
    ///
    /// # Errors
    /// If the venue has markets of the same names.
    pub fn populate(settings: Settings, venue: &mut Venue, now: ExchangeTime) -> Result<World, CatalogueError> {
        let mut account = |_| {
            let account =
                NewAccount { tier: Tier::Prestige, keeps_history: false, precision: BalancePrecision::CentiCent };
            let account = venue.open_account(account, now);
            for shard in 0..venue.shards() {
                let owner = Owner { account, subaccount: 0 };
                let deposit = venue.deposit(owner, shard as u8, Money::from_micros(CASH), now);
                deposit.expect("a new account can be given this much");
            }
            account
        };
        let makers: Vec<_> = (0..MAKERS).map(&mut account).collect();
        let takers: Vec<_> = (0..MAKERS).map(&mut account).collect();
        let lines = Line::plan(settings.markets, settings.combos);
        let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
        let mut ranks: Vec<u32> = (0..settings.markets).collect();
        for at in (1..ranks.len()).rev() {
            ranks.swap(at, below(&mut random, at as u64 + 1) as usize);
        }
        let mut world = World {
            activity: Activity::new(settings.markets),
            first_places: Vec::with_capacity(lines.len()),
            places: Vec::with_capacity(settings.markets as usize),
            ranks,
            random,
            lines,
            grids: Vec::new(),
            makers,
            takers,
            due: BinaryHeap::new(),
            dues: 0,
            start: now,
            step: 0,
            burst: (0, 0),
            doings: Doings::default(),
            settings,
        };
        let mut series = hashbrown::HashSet::new();
        for number in 0..world.lines.len() as u32 {
            let line = world.lines[number as usize];
            if series.insert(line.series()) {
                venue.add_series(line.series_record(venue.shards()))?;
            }
            world.first_places.push(world.places.len() as u32);
            let empty =
                Place { market: MarketId(0), grid: 0, latent: Latent::new(5_000), next: 0, quotes: [NO_ORDER; QUOTES] };
            world.places.extend(std::iter::repeat_n(empty, line.markets as usize));
            world.begin(number, venue, now)?;
        }
        world.quote_all(venue, now);
        Ok(world)
    }

    /// What it did so far.
    pub fn doings(&self) -> Doings {
        self.doings
    }

    /// When it does something next.
    pub fn next(&self) -> Option<ExchangeTime> {
        let due = self.due.peek().map(|Reverse((at, ..))| *at);
        let order = (self.settings.rate > 0).then(|| self.order_time());
        due.into_iter().chain(order).min()
    }

    /// Does what is due until this time, each thing at the time at which it is due, but at most so many. Says whether all is
    /// done.
    pub fn run(&mut self, venue: &mut Venue, until: ExchangeTime, at_most: u32) -> bool {
        for _ in 0..at_most {
            let due = self.due.peek().map(|Reverse((at, ..))| *at);
            let order = (self.settings.rate > 0).then(|| self.order_time());
            match (due, order) {
                (Some(due), order) if due <= until && order.is_none_or(|order| due <= order) => self.happen(venue),
                (_, Some(order)) if order <= until => {
                    self.step += 1;
                    self.act(venue, order);
                }
                _ => {
                    venue.advance(until);
                    return true;
                }
            }
        }
        false
    }

    /// When the next order is due: steps are spread evenly, and exactly, over the time since the start.
    fn order_time(&self) -> ExchangeTime {
        let micros = u128::from(self.step + 1) * 1_000_000 / u128::from(self.settings.rate);
        ExchangeTime::from_micros(self.start.micros().saturating_add(micros as i64))
    }

    fn schedule(&mut self, at: ExchangeTime, due: Due) {
        self.dues += 1;
        self.due.push(Reverse((at, self.dues, due)));
    }

    fn happen(&mut self, venue: &mut Venue) {
        let Some(Reverse((at, _, due))) = self.due.pop() else { return };
        // Whatever was due by then comes first: the venue closes a market before the world says how it ended.
        venue.advance(at);
        match due {
            // As long as the exchange is stopped, markets have not opened or closed that should have.
            Due::Determine(outcomes) if !venue.status().active => {
                self.schedule(ExchangeTime::from_micros(at.micros() + DETERMINED_AFTER), Due::Determine(outcomes));
            }
            Due::Determine(outcomes) => {
                for (market, value) in outcomes {
                    match venue.change_market(market, MarketChange::Determine(value), at) {
                        Ok(()) => self.doings.determined += 1,
                        Err(error) => tracing::warn!(market = market.0, %error, "a market could not be determined"),
                    }
                }
            }
            Due::Next(number) => {
                let line = self.lines[number as usize];
                let places = self.places_of(number);
                let latents: Vec<_> = self.places[places.clone()].iter().map(|place| place.latent).collect();
                let outcomes = Latent::outcomes(&latents, line.kind.is_exclusive(), &mut self.random);
                let ended = self.places[places.clone()].iter().map(|place| place.market).zip(outcomes).collect();
                let known = ExchangeTime::from_micros(at.micros() + DETERMINED_AFTER);
                self.schedule(known, Due::Determine(ended));
                match self.begin(number, venue, at) {
                    Ok(()) => places.for_each(|place| self.quote(place as u32, venue, at, QUOTES)),
                    Err(error) => tracing::warn!(%error, "the next event of a line could not begin"),
                }
            }
        }
    }

    fn places_of(&self, line: u32) -> std::ops::Range<usize> {
        let first = self.first_places[line as usize] as usize;
        first..first + self.lines[line as usize].markets as usize
    }

    /// Adds a line's event of this time, and its markets.
    fn begin(&mut self, number: u32, venue: &mut Venue, now: ExchangeTime) -> Result<(), CatalogueError> {
        let line = self.lines[number as usize];
        let round = line.round(now).expect("the names of all kinds are tickers, which the tests of `line` show");
        venue.add_event(round.event, now)?;
        let latents = Latent::of_event(line.markets, line.kind.is_exclusive(), &mut self.random);
        let places = self.places_of(number);
        for ((place, market), latent) in places.zip(round.markets).zip(latents) {
            let structure = market.structure;
            let known = self.grids.iter().position(|(label, _)| *label == structure);
            let grid = known.unwrap_or_else(|| {
                let grid = PriceGrid::of_structure(structure).expect("lines name grids that the engine knows");
                self.grids.push((structure, grid));
                self.grids.len() - 1
            });
            let market = venue.add_market(market, now)?;
            self.doings.markets += 1;
            self.places[place] = Place { market, grid: grid as u8, latent, next: 0, quotes: [NO_ORDER; QUOTES] };
        }
        self.schedule(round.close, Due::Next(number));
        Ok(())
    }

    /// The first quotes: many in busy markets, few in the next ones, none where hardly anything happens.
    fn quote_all(&mut self, venue: &mut Venue, now: ExchangeTime) {
        let ranks = self.ranks.len();
        for rank in 0..ranks {
            let quotes = match rank * 10 / ranks {
                0..2 => QUOTES,
                2..6 => 2,
                _ => 0,
            };
            self.quote(self.ranks[rank], venue, now, quotes);
        }
    }

    fn quote(&mut self, place: u32, venue: &mut Venue, now: ExchangeTime, quotes: usize) {
        for _ in 0..quotes {
            self.requote(place, venue, now);
        }
    }

    /// One order, somewhere.
    fn act(&mut self, venue: &mut Venue, at: ExchangeTime) {
        let drawn = below(&mut self.random, 1_000);
        let place = match self.burst {
            (place, left @ 1..) => {
                self.burst = (place, left - 1);
                place
            }
            _ => self.ranks[self.activity.draw(&mut self.random) as usize],
        };
        let jump = if drawn == 0 {
            self.burst = (place, 50 + below(&mut self.random, 200) as u32);
            8
        } else {
            1
        };
        if drawn < 125 {
            let Place { latent, .. } = &mut self.places[place as usize];
            latent.wander(&mut self.random, jump);
        }
        if drawn % 8 == 7 { self.take(place, venue, at) } else { self.requote(place, venue, at) }
    }

    /// A maker's next order of a market: the one in its place goes, is moved, or has gone.
    fn requote(&mut self, place: u32, venue: &mut Venue, at: ExchangeTime) {
        let Place { market, latent, next, quotes, grid } = self.places[place as usize];
        let at_quote = usize::from(next);
        self.places[place as usize].next = ((at_quote + 1) % QUOTES) as u8;
        let owner = Owner { account: self.makers[at_quote % self.makers.len()], subaccount: 0 };
        let side = if at_quote % 2 == 0 { BookSide::Bid } else { BookSide::Ask };
        let behind = self.random.next_u64().trailing_zeros().min(12) + (at_quote / 2) as u32;
        let price = self.price(grid, latent.ten_thousandths(), side, behind);
        let held = quotes[at_quote];
        let choice = if held == NO_ORDER { 2 } else { below(&mut self.random, 4) };
        let command = match choice {
            0 | 1 => Command::Cancel { owner, order: held },
            3 => Command::Amend {
                owner,
                order: held,
                market,
                side,
                price,
                count: self.size(),
                expires: None,
                client_order_id: None,
            },
            _ => Command::Create(CreateOrder {
                owner,
                market,
                side,
                price,
                count: self.size(),
                time_in_force: TimeInForce::GoodTillCanceled { expires: None },
                self_trade: SelfTrade::Maker,
                post_only: true,
                reduce_only: false,
                cancel_on_pause: false,
                group: None,
                client_order_id: None,
            }),
        };
        // Where the second of two orders was drawn, the first one goes.
        if choice == 2 && held != NO_ORDER {
            self.give(venue, Command::Cancel { owner, order: held }, at);
        }
        let receipt = self.give(venue, command, at);
        let resting = receipt.as_ref().and_then(Receipt::order).filter(|order| order.remaining > Quantity::ZERO);
        self.places[place as usize].quotes[at_quote] = match choice {
            0 | 1 => NO_ORDER,
            // A refused amendment leaves the order where it was; if it is gone, the next turn finds out.
            3 if receipt.is_none() => held,
            _ => resting.map_or(NO_ORDER, |order| order.order),
        };
    }

    /// A taker's order.
    fn take(&mut self, place: u32, venue: &mut Venue, at: ExchangeTime) {
        let Place { market, latent, grid, .. } = self.places[place as usize];
        let drawn = self.random.next_u32();
        let side = if drawn & 1 == 0 { BookSide::Bid } else { BookSide::Ask };
        let owner = Owner { account: self.takers[(drawn >> 1) as usize % self.takers.len()], subaccount: 0 };
        // Willing to pay a few cents more than it is worth.
        let beyond = below(&mut self.random, 500) as u16;
        let worth = match side {
            BookSide::Bid => latent.ten_thousandths() + beyond,
            BookSide::Ask => latent.ten_thousandths().saturating_sub(beyond),
        };
        let command = Command::Create(CreateOrder {
            time_in_force: TimeInForce::ImmediateOrCancel,
            ..CreateOrder::limit(owner, market, side, self.price(grid, worth, side, 0), self.size())
        });
        self.give(venue, command, at);
    }

    fn give(&mut self, venue: &mut Venue, command: Command, at: ExchangeTime) -> Option<Receipt> {
        self.doings.commands += 1;
        let receipt = venue.apply(command, at);
        self.doings.refused += u64::from(receipt.is_err());
        receipt.ok()
    }

    /// A valid price so many steps behind what a contract is worth: below it for who buys, above for who sells.
    fn price(&self, grid: u8, worth: u16, side: BookSide, behind: u32) -> Price {
        let (_, grid) = &self.grids[usize::from(grid)];
        let worth = Price::from_ten_thousandths(worth.min(10_000)).unwrap_or(Price::ONE);
        let further = |price: Price| match side {
            BookSide::Bid => grid.next_down(price),
            BookSide::Ask => grid.next_up(price),
        };
        let mut price = if grid.contains(worth) { Some(worth) } else { further(worth) };
        for _ in 0..behind {
            price = price.and_then(|price| further(price).or(Some(price)));
        }
        // At the end of the grid: its outermost price.
        let end = || match side {
            BookSide::Bid => grid.next_up(Price::ZERO),
            BookSide::Ask => grid.next_down(Price::ONE),
        };
        price.or_else(end).expect("a grid has prices")
    }

    /// Contracts: round numbers mostly, one in six a fraction.
    fn size(&mut self) -> Quantity {
        const SIZES: [i64; 16] = [1, 2, 3, 5, 5, 10, 10, 10, 20, 25, 50, 100, 100, 200, 500, 1_000];
        let drawn = self.random.next_u32();
        let whole = SIZES[(drawn & 15) as usize] * 100;
        let fraction = if (drawn >> 4).is_multiple_of(6) { i64::from((drawn >> 8) % 100) } else { 0 };
        Quantity::from_hundredths(whole + fraction)
    }
}

/// A number below `most`, as evenly as 64 bits are spread over it.
fn below(random: &mut ChaCha8Rng, most: u64) -> u64 {
    ((u128::from(random.next_u64()) * u128::from(most)) >> 64) as u64
}
