//! How many order operations one core matches, and how much memory markets take.
//!
//! `cargo bench -p daybook-exchange --bench engine [-- OPERATIONS]`. The commands are made beforehand, by letting a
//! first engine answer them (a cancellation needs an order that is open); what is timed is a second engine that gets
//! the same commands, and the writing of all their effects. Every run has the same commands.

use std::{env, fs, hint::black_box, sync::Arc, time::Instant};

use daybook_book::{ExchangeTime, Money, Price, Quantity};
use daybook_exchange::engine::{
    AccountId, BookSide, Command, CreateOrder, DecreaseTo, Effect, Engine, FeeRule, MarketAction, MarketId,
    MarketRules, OrderId, OrderReport, Owner, PriceGrid, SelfTrade, TimeInForce,
};
use rand::{Rng, SeedableRng, rngs::SmallRng};

const MARKETS: u32 = 1_000;
const ACCOUNTS: u32 = 64;
const LEVELS: u16 = 20;
const PER_LEVEL: u16 = 2;
const ROUNDS: usize = 5;

/// Makes the commands of the workload, and knows which orders they leave open.
struct Workload {
    random: SmallRng,
    engine: Engine,
    effects: Vec<Effect>,
    open: Vec<OrderReport>,
    named: bool,
    names: u64,
    /// How many of each kind were made: resting, cancelled, amended, decreased, taking.
    kinds: [u64; 5],
    trades: u64,
}

fn new_engine(markets: u32) -> Engine {
    let mut engine = Engine::new();
    let fees = FeeRule::of_type("quadratic_with_maker_fees", 1_000_000).expect("a known type").expect("a usual fee");
    for _ in 0..markets {
        let market = engine.add_market(MarketRules { grid: PriceGrid::linear_cent(), fees });
        apply(&mut engine, Command::Market { market, action: MarketAction::Open }, &mut Vec::new());
    }
    for account in 0..ACCOUNTS {
        let amount = Money::from_micros(1_000_000_000_000_000);
        apply(&mut engine, Command::Transfer { owner: owner(account), amount }, &mut Vec::new());
    }
    engine
}

fn owner(account: u32) -> Owner {
    Owner { account: AccountId(account), subaccount: 0 }
}

fn apply(engine: &mut Engine, command: Command, effects: &mut Vec<Effect>) {
    engine.apply(command, ExchangeTime::from_micros(0), effects).expect("the workload has no refused commands");
}

impl Workload {
    fn new(named: bool) -> Workload {
        Workload {
            random: SmallRng::seed_from_u64(1),
            engine: new_engine(MARKETS),
            effects: Vec::new(),
            open: Vec::new(),
            named,
            names: 0,
            kinds: [0; 5],
            trades: 0,
        }
    }

    fn create(&mut self, market: u32, side: BookSide, level: u16, time_in_force: TimeInForce) -> Command {
        let cents = match side {
            BookSide::Bid => 49 - level,
            BookSide::Ask => 51 + level,
        };
        self.names += 1;
        Command::Create(CreateOrder {
            owner: owner(self.random.random_range(0..ACCOUNTS)),
            market: MarketId(market),
            side,
            price: price(cents),
            count: Quantity::from_hundredths(self.random.random_range(1..=20) * 100),
            time_in_force,
            self_trade: SelfTrade::Maker,
            post_only: false,
            reduce_only: false,
            cancel_on_pause: false,
            group: None,
            client_order_id: self.named.then(|| Arc::from(format!("{:032x}", self.names))),
        })
    }

    fn random_side(&mut self) -> BookSide {
        if self.random.random() { BookSide::Bid } else { BookSide::Ask }
    }

    /// An open order of the workload; those that are gone are dropped on the way.
    fn pick(&mut self) -> (usize, OrderReport) {
        loop {
            let at = self.random.random_range(0..self.open.len());
            match self.engine.order(self.open[at].order) {
                Some(order) => return (at, order),
                None => drop(self.open.swap_remove(at)),
            }
        }
    }

    fn next(&mut self) -> Command {
        match self.random.random_range(0..100) {
            0..40 => {
                self.kinds[0] += 1;
                let (market, side) = (self.random.random_range(0..MARKETS), self.random_side());
                let level = self.random.random_range(0..LEVELS);
                self.create(market, side, level, TimeInForce::GoodTillCanceled { expires: None })
            }
            40..70 => {
                self.kinds[1] += 1;
                let (at, order) = self.pick();
                self.open.swap_remove(at);
                Command::Cancel { owner: order.owner, order: order.order }
            }
            70..85 => {
                self.kinds[2] += 1;
                let (_, order) = self.pick();
                let level = self.random.random_range(0..LEVELS);
                let price = match order.side {
                    BookSide::Bid => price(49 - level),
                    BookSide::Ask => price(51 + level),
                };
                Command::Amend {
                    owner: order.owner,
                    order: order.order,
                    market: order.market,
                    side: order.side,
                    price,
                    count: Quantity::from_hundredths(
                        order.filled.hundredths() + self.random.random_range(1..=20) * 100,
                    ),
                    expires: None,
                    client_order_id: None,
                }
            }
            85..90 => {
                self.kinds[3] += 1;
                let (_, order) = self.pick();
                let left = Quantity::from_hundredths(order.remaining.hundredths() / 2 + 1);
                Command::Decrease { owner: order.owner, order: order.order, to: DecreaseTo::Remaining(left) }
            }
            _ => {
                self.kinds[4] += 1;
                let (market, side) = (self.random.random_range(0..MARKETS), self.random_side());
                let mut command = self.create(market, side, 0, TimeInForce::ImmediateOrCancel);
                if let Command::Create(order) = &mut command {
                    order.price = price(if side == BookSide::Bid { 70 } else { 30 });
                }
                command
            }
        }
    }

    /// Answers a command as the timed engine will, and notes what it left open.
    fn answer(&mut self, command: Command) {
        self.effects.clear();
        let is_new = matches!(command, Command::Create(_));
        let receipt = self.engine.apply(command, ExchangeTime::from_micros(0), &mut self.effects).expect("it is valid");
        self.trades += self.effects.iter().filter(|effect| matches!(effect, Effect::Trade(_))).count() as u64;
        if let Some(receipt) = receipt.order()
            && is_new
            && let Some(order) = self.engine.order(receipt.order)
        {
            self.open.push(order);
        }
    }

    /// Commands that fill the books, and those to be timed.
    fn commands(&mut self, operations: usize) -> (Vec<Command>, Vec<Command>) {
        let mut fill = Vec::new();
        for market in 0..MARKETS {
            for level in 0..LEVELS * PER_LEVEL {
                for side in [BookSide::Bid, BookSide::Ask] {
                    let lives = TimeInForce::GoodTillCanceled { expires: None };
                    let command = self.create(market, side, level % LEVELS, lives);
                    self.answer(command.clone());
                    fill.push(command);
                }
            }
        }
        self.trades = 0;
        let mut timed = Vec::with_capacity(operations);
        for _ in 0..operations {
            let command = self.next();
            self.answer(command.clone());
            timed.push(command);
        }
        (fill, timed)
    }
}

fn price(cents: u16) -> Price {
    Price::from_ten_thousandths(cents * 100).expect("cents of a dollar")
}

/// Nanoseconds that this thread has run, without those in which others had its core; where the system says it.
fn on_core() -> Option<u128> {
    fs::read_to_string("/proc/thread-self/schedstat").ok()?.split_whitespace().next()?.parse().ok()
}

/// Times one pass over the commands: operations a second by the clock and by the time on a core, and effects.
fn pass(fill: &[Command], timed: &[Command]) -> (u128, u128, u64, Engine) {
    let mut engine = new_engine(MARKETS);
    let mut effects = Vec::new();
    for command in fill {
        effects.clear();
        apply(&mut engine, command.clone(), &mut effects);
    }
    let commands = timed.to_vec();
    let (count, mut said) = (commands.len() as u128, 0);
    let (start, ran) = (Instant::now(), on_core());
    for command in commands {
        effects.clear();
        apply(&mut engine, command, &mut effects);
        said += black_box(&effects).len() as u64;
    }
    let elapsed = start.elapsed().as_nanos();
    let ran = ran.zip(on_core()).map_or(elapsed, |(before, after)| after - before);
    let rate = |nanos: u128| count * 1_000_000_000 / nanos.max(1);
    (rate(elapsed), rate(ran), said, engine)
}

fn throughput(name: &str, named: bool, operations: usize) {
    let mut workload = Workload::new(named);
    let (fill, timed) = workload.commands(operations);
    let [resting, canceled, amended, decreased, taking] = workload.kinds;
    println!(
        "{name}: {operations} operations over {MARKETS} markets of {ACCOUNTS} accounts, {} orders open at first, {} at \
         last;\n  {resting} resting orders, {canceled} cancellations, {amended} amendments, {decreased} decreases, \
         {taking} takers in {} trades",
        fill.len(),
        workload.engine_orders(),
        workload.trades,
    );
    let mut rates: Vec<u128> = Vec::new();
    for _ in 0..ROUNDS {
        let (rate, core_rate, said, engine) = pass(&fill, &timed);
        rates.push(core_rate);
        let depth: usize = (0..MARKETS).map(|id| engine.levels(MarketId(id), daybook_book::Side::Yes).count()).sum();
        let depth = depth / MARKETS as usize;
        println!(
            "  {rate} operations/s by the clock, {core_rate} on a core, {said} effects, {depth} YES levels a market"
        );
    }
    rates.sort_unstable();
    let median = rates[ROUNDS / 2];
    println!("  median {median} operations/s of time on one core, {} ns each", 1_000_000_000 / median.max(1));
}

impl Workload {
    fn engine_orders(&self) -> usize {
        (0..ACCOUNTS).map(|account| self.engine.open_orders(owner(account)).count()).sum()
    }
}

/// Resident memory of this process in KiB, where the system says it.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

fn memory(markets: u32) {
    let before = resident();
    let mut engine = new_engine(markets);
    // One market in a hundred has a book.
    for market in (0..markets).step_by(100) {
        for level in 0..10 {
            for (side, cents) in [(BookSide::Bid, 49 - level), (BookSide::Ask, 51 + level)] {
                let order = CreateOrder {
                    owner: owner(market / 100 % ACCOUNTS),
                    market: MarketId(market),
                    side,
                    price: price(cents),
                    count: Quantity::from_hundredths(100),
                    time_in_force: TimeInForce::GoodTillCanceled { expires: None },
                    self_trade: SelfTrade::Maker,
                    post_only: true,
                    reduce_only: false,
                    cancel_on_pause: false,
                    group: None,
                    client_order_id: None,
                };
                apply(&mut engine, Command::Create(order), &mut Vec::new());
            }
        }
    }
    match (before, resident()) {
        (Some(before), Some(after)) => println!(
            "memory: {markets} open markets, every hundredth with 20 orders: {} MiB resident",
            after.saturating_sub(before) / 1024
        ),
        _ => println!("memory: this system does not say how much is resident"),
    }
    black_box(engine.order(OrderId(1)));
}

fn main() {
    let operations = env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(2_000_000);
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("machine: {}, {cores} cores", model.unwrap_or("unknown processor"));
    memory(1_000_000);
    throughput("without names", false, operations);
    throughput("with client_order_id on every order", true, operations);
}
