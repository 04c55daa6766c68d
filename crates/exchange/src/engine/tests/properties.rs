//! Random command streams: the engine says what the reference says, and keeps what it promises.

use std::collections::BTreeMap;

use daybook_book::{Book, ExchangeTime, Money, Price, Quantity, Side};
use proptest::{prelude::*, sample::select, strategy::ValueTree, test_runner::TestRunner};

use super::super::*;
use super::reference::Reference;

/// What to do, before it is known which orders and groups there are, and how the markets stand.
#[derive(Clone, Debug)]
enum Step {
    Plain(Command),
    /// About one of the open orders; the last as it is.
    Amend {
        pick: usize,
        price: Option<Price>,
        more: i64,
        expires: Option<Option<i64>>,
        name: Option<u8>,
        wrong: bool,
    },
    Decrease {
        pick: usize,
        to: DecreaseTo,
    },
    Cancel {
        pick: usize,
        wrong: bool,
    },
    /// An order in one of its owner's groups, if there is one.
    CreateGrouped {
        create: Command,
        pick: usize,
    },
    Group {
        pick: usize,
        action: GroupAction,
    },
    /// What can come next of a market.
    Live {
        market: MarketId,
        chance: u8,
        value: Price,
        fees: FeeRule,
    },
}

const MARKETS: u32 = 2;

fn owner() -> impl Strategy<Value = Owner> {
    (0u32..4, prop_oneof![4 => Just(0u8), 1 => Just(5)])
        .prop_map(|(account, subaccount)| Owner { account: AccountId(account), subaccount })
}

fn market() -> impl Strategy<Value = MarketId> {
    prop_oneof![30 => Just(MarketId(0)), 20 => Just(MarketId(1)), 1 => Just(MarketId(MARKETS))]
}

fn price() -> impl Strategy<Value = Price> {
    let around = (46u16..55).prop_map(|cents| cents * 100);
    let anywhere = select(vec![1, 99, 100, 550, 4_855, 5_005, 9_450, 9_900, 9_999, 0, 10_000]);
    prop_oneof![16 => around, 2 => anywhere].prop_map(|value| Price::from_ten_thousandths(value).unwrap())
}

fn count() -> impl Strategy<Value = Quantity> {
    let few = (1i64..8).prop_map(|contracts| contracts * 100);
    prop_oneof![8 => few, 4 => 1i64..300, 1 => Just(5_000), 1 => -1i64..2, 1 => Just(100_000_000_001)]
        .prop_map(Quantity::from_hundredths)
}

fn name() -> impl Strategy<Value = Option<std::sync::Arc<str>>> {
    prop_oneof![3 => Just(None), 1 => (0u8..12).prop_map(|n| Some(named(n)))]
}

fn named(name: u8) -> std::sync::Arc<str> {
    format!("order {name}").into()
}

fn expiry() -> impl Strategy<Value = Option<ExchangeTime>> {
    let at = (0i64..120).prop_map(|at| Some(ExchangeTime::from_micros(at * 1_000_000)));
    prop_oneof![5 => Just(None), 1 => at]
}

fn create() -> impl Strategy<Value = Command> {
    let time_in_force = prop_oneof![
        8 => expiry().prop_map(|expires| TimeInForce::GoodTillCanceled { expires }),
        3 => Just(TimeInForce::ImmediateOrCancel),
        2 => Just(TimeInForce::FillOrKill),
    ];
    let options = (0u8..10, 0u8..12, any::<bool>(), any::<bool>(), any::<bool>());
    let group = prop_oneof![40 => Just(None), 1 => (1u64..6).prop_map(|id| Some(GroupId(id)))];
    (owner(), market(), price(), count(), time_in_force, options, group, name()).prop_map(
        |(owner, market, price, count, time_in_force, (post, reduce, maker, on_pause, bid), group, client_order_id)| {
            Command::Create(CreateOrder {
                owner,
                market,
                side: if bid { BookSide::Bid } else { BookSide::Ask },
                price,
                count,
                time_in_force: if reduce < 2 { TimeInForce::ImmediateOrCancel } else { time_in_force },
                self_trade: if maker { SelfTrade::Maker } else { SelfTrade::TakerAtCross },
                post_only: post == 0 && reduce > 1,
                reduce_only: reduce < 2 || reduce == 11 && post < 4,
                cancel_on_pause: on_pause,
                group,
                client_order_id,
            })
        },
    )
}

fn fee_rule() -> impl Strategy<Value = FeeRule> {
    let fee = || {
        prop_oneof![
            2 => Just(Fee::Free),
            4 => select(vec![70_000, 17_500, 35_000, 1_000_000]).prop_map(|rate| Fee::Quadratic { rate }),
            1 => (0u32..30_000).prop_map(|micros| Fee::PerContract { micros }),
        ]
    };
    (fee(), fee()).prop_map(|(taker, maker)| FeeRule::new(taker, maker).unwrap())
}

fn grid() -> impl Strategy<Value = PriceGrid> {
    select(vec!["linear_cent", "center_centi_edge_centi_cent", "tapered_deci_cent"])
        .prop_map(|label| PriceGrid::of_structure(label).unwrap())
}

fn value() -> impl Strategy<Value = Price> {
    select(vec![0u16, 10_000, 3_337]).prop_map(|value| Price::from_ten_thousandths(value).unwrap())
}

fn market_action() -> impl Strategy<Value = MarketAction> {
    prop_oneof![
        5 => Just(MarketAction::Open),
        4 => Just(MarketAction::Pause),
        9 => Just(MarketAction::Resume),
        1 => Just(MarketAction::Close),
        2 => value().prop_map(|value| MarketAction::Determine { value }),
        1 => Just(MarketAction::Dispute),
        1 => Just(MarketAction::Settle),
        2 => fee_rule().prop_map(MarketAction::Fees),
        1 => grid().prop_map(MarketAction::PriceGrid),
    ]
}

fn group_action() -> impl Strategy<Value = GroupAction> {
    let limit = || prop_oneof![6 => 1i64..1_500, 1 => -1i64..1].prop_map(Quantity::from_hundredths);
    prop_oneof![
        5 => limit().prop_map(|limit| GroupAction::Create { limit }),
        4 => Just(GroupAction::Reset),
        1 => Just(GroupAction::Trigger),
        2 => limit().prop_map(|limit| GroupAction::Limit { limit }),
        1 => Just(GroupAction::Delete),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let amend = (
        any::<usize>(),
        proptest::option::of(price()),
        -300i64..300,
        prop_oneof![3 => Just(None), 1 => expiry().prop_map(|at| Some(at.map(ExchangeTime::micros)))],
        proptest::option::weighted(0.2, 0u8..12),
        prop::bool::weighted(0.05),
    );
    let to = prop_oneof![
        (-1i64..400).prop_map(|by| DecreaseTo::By(Quantity::from_hundredths(by))),
        (-1i64..400).prop_map(|left| DecreaseTo::Remaining(Quantity::from_hundredths(left))),
    ];
    let amount = prop_oneof![3 => 0i128..20_000_000, 2 => -20_000_000i128..0, 1 => Just(-1_000_000_000)];
    prop_oneof![
        30 => create().prop_map(Step::Plain),
        12 => (create(), any::<usize>()).prop_map(|(create, pick)| Step::CreateGrouped { create, pick }),
        5 => (any::<usize>(), group_action()).prop_map(|(pick, action)| Step::Group { pick, action }),
        4 => (market(), 0u8..100, value(), fee_rule())
            .prop_map(|(market, chance, value, fees)| Step::Live { market, chance, value, fees }),
        8 => amend.prop_map(|(pick, price, more, expires, name, wrong)| {
            Step::Amend { pick, price, more, expires, name, wrong }
        }),
        4 => (any::<usize>(), to).prop_map(|(pick, to)| Step::Decrease { pick, to }),
        4 => (any::<usize>(), prop::bool::weighted(0.1)).prop_map(|(pick, wrong)| Step::Cancel { pick, wrong }),
        1 => (0u32..4, proptest::option::of(Just(5u8)))
            .prop_map(|(id, subaccount)| Step::Plain(Command::CancelAll { account: AccountId(id), subaccount })),
        3 => (owner(), (1u64..6), group_action())
            .prop_map(|(owner, group, action)| Step::Plain(Command::Group { owner, group: GroupId(group), action })),
        1 => (market(), market_action()).prop_map(|(market, action)| Step::Plain(Command::Market { market, action })),
        3 => (owner(), amount).prop_map(|(owner, amount)| {
            Step::Plain(Command::Transfer { owner, amount: Money::from_micros(amount / 10_000 * 10_000) })
        }),
        2 => Just(Step::Plain(Command::Advance)),
    ]
}

fn pick_owner(pick: usize) -> Owner {
    Owner { account: AccountId(u32::try_from(pick % 4).unwrap()), subaccount: 0 }
}

impl Step {
    /// The command, given how things stand.
    fn command(self, reference: &Reference) -> Command {
        let open: Vec<OrderReport> = reference.open_orders().cloned().collect();
        let pick = |at: usize| {
            let nobody = Owner { account: AccountId(0), subaccount: 0 };
            let order = (!open.is_empty()).then(|| &open[at % open.len()]);
            order.map_or((OrderId(1), nobody), |order| (order.order, order.owner))
        };
        let other = |owner: Owner, wrong: bool| Owner { subaccount: owner.subaccount + u8::from(wrong), ..owner };
        match self {
            Step::Plain(command) => command,
            Step::CreateGrouped { create, pick } => match create {
                Command::Create(mut order) => {
                    let groups = reference.groups();
                    if let Some(&(group, owner)) = groups.get(pick % groups.len().max(1)) {
                        (order.owner, order.group) = (owner, Some(group));
                    }
                    Command::Create(order)
                }
                other => other,
            },
            Step::Group { pick, action } => {
                let groups = reference.groups();
                let (group, owner) =
                    groups.get(pick % groups.len().max(1)).copied().unwrap_or((GroupId(1), pick_owner(pick)));
                // A new group is of anybody.
                let owner = if matches!(action, GroupAction::Create { .. }) { pick_owner(pick) } else { owner };
                Command::Group { owner, group, action }
            }
            Step::Live { market, chance, value, fees } => {
                use MarketState as S;
                let state = reference.markets().find(|other| other.0 == market).map(|market| market.1);
                let action = match (state.unwrap_or(S::Finalized), chance) {
                    (S::Initialized, _) | (S::Closed, 80..) => MarketAction::Open,
                    (S::Active, 0..12) | (S::Inactive, 0..5) => MarketAction::Close,
                    (S::Active, 12..40) => MarketAction::Pause,
                    (S::Inactive, _) => MarketAction::Resume,
                    (S::Closed | S::Disputed, _) => MarketAction::Determine { value },
                    (S::Determined | S::Amended, 0..50) => MarketAction::Dispute,
                    (S::Determined | S::Amended, _) => MarketAction::Settle,
                    (S::Active | S::Finalized, _) => MarketAction::Fees(fees),
                };
                Command::Market { market, action }
            }
            Step::Decrease { pick: at, to } => {
                let (order, owner) = pick(at);
                Command::Decrease { owner, order, to }
            }
            Step::Cancel { pick: at, wrong } => {
                let (order, owner) = pick(at);
                Command::Cancel { owner: other(owner, wrong), order }
            }
            Step::Amend { pick: at, price, more, expires, name, wrong } => {
                let (order, owner) = pick(at);
                let found = open.iter().find(|open| open.order == order);
                let old = found.map(|o| (o.market, o.side, o.price, o.filled.hundredths() + o.remaining.hundredths()));
                let (market, side, old_price, count) =
                    old.unwrap_or((MarketId(0), BookSide::Bid, Price::from_cents(50).unwrap(), 0));
                Command::Amend {
                    owner,
                    order,
                    market: if wrong && more % 2 == 0 { MarketId(market.0 ^ 1) } else { market },
                    side: if wrong && more % 2 != 0 { BookSide::Bid } else { side },
                    price: price.unwrap_or(old_price),
                    count: Quantity::from_hundredths(count + more),
                    expires: expires.map(|at| at.map(ExchangeTime::from_micros)),
                    client_order_id: name.map(named),
                }
            }
        }
    }
}

/// A world to run in: rules of the markets, cash of the accounts, and steps with the time before each.
#[derive(Clone, Debug)]
struct World {
    rules: Vec<(PriceGrid, FeeRule)>,
    cash: Vec<i128>,
    steps: Vec<(i64, Step)>,
}

fn world(steps: usize) -> impl Strategy<Value = World> {
    // Mostly whole seconds, so that what ends at a time is met at that time.
    let whole = |seconds: std::ops::Range<i64>| seconds.prop_map(|seconds| seconds * 1_000_000);
    let later = prop_oneof![8 => Just(0i64), 6 => whole(0..3), 1 => 0i64..2_000_000, 2 => whole(0..16)];
    (
        prop::collection::vec((grid(), fee_rule()), MARKETS as usize),
        prop::collection::vec(prop_oneof![3 => 0i128..3_000, 2 => Just(100_000)], 4),
        prop::collection::vec((later, step()), steps / 2..steps),
    )
        .prop_map(|(rules, cash, steps)| World { rules, cash, steps })
}

/// What anyone can add up from effects alone.
#[derive(Default)]
struct Follower {
    books: BTreeMap<MarketId, Book>,
    clocks: BTreeMap<MarketId, u64>,
    orders: BTreeMap<OrderId, OrderReport>,
    positions: BTreeMap<(Owner, MarketId), Quantity>,
    cash: BTreeMap<Owner, (Money, Money)>,
    traded: i64,
}

impl Follower {
    fn follow(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Delta { market, side, price, change, clock, .. } => {
                    assert!(!change.is_zero());
                    self.books
                        .entry(*market)
                        .or_default()
                        .apply(*side, *price, *change)
                        .expect("no level falls below zero");
                    let before = self.clocks.insert(*market, *clock).unwrap_or_default();
                    assert!(*clock > before, "a market's clock rises with every delta");
                }
                Effect::Trade(trade) => self.traded += trade.count.hundredths(),
                Effect::Fill(fill) => self.traded -= if fill.is_taker { fill.count.hundredths() } else { 0 },
                Effect::Order(order) => {
                    match order.status {
                        OrderStatus::Resting => self.orders.insert(order.order, order.clone()),
                        OrderStatus::Canceled | OrderStatus::Executed => self.orders.remove(&order.order),
                    };
                    let left = order.initial.hundredths() - order.filled.hundredths();
                    match order.status {
                        OrderStatus::Executed => assert_eq!(left, 0),
                        OrderStatus::Canceled => assert!(left > 0 && order.remaining.is_zero()),
                        OrderStatus::Resting => assert!((1..=left).contains(&order.remaining.hundredths())),
                    }
                }
                Effect::Position(position) => {
                    self.positions.insert((position.owner, position.market), position.position);
                }
                Effect::Cash { owner, total, reserved } => {
                    self.cash.insert(*owner, (*total, *reserved));
                }
                Effect::Group { .. } | Effect::Market { .. } | Effect::Settled(_) => {}
            }
        }
        assert_eq!(self.traded, 0, "every trade has a taker's fill of its size");
    }
}

/// Runs a world through the engine and the reference; all effects of the engine, and what commands came to.
fn run(world: World) -> (Vec<Effect>, Vec<Result<Receipt, Reject>>) {
    let (mut engine, mut reference, mut follower) = (Engine::new(), Reference::default(), Follower::default());
    for (grid, fees) in &world.rules {
        let rules = MarketRules { grid: grid.clone(), fees: *fees };
        engine.add_market(rules.clone());
        reference.add_market(rules);
    }
    engine.set_precision(AccountId(2), BalancePrecision::CentiCent);
    reference.set_direct(AccountId(2));
    let opening = (0..MARKETS).map(|id| Command::Market { market: MarketId(id), action: MarketAction::Open });
    let deposits = world.cash.iter().zip(0..).flat_map(|(&cents, account)| {
        [0, 5].map(|subaccount| Command::Transfer {
            owner: Owner { account: AccountId(account), subaccount },
            amount: Money::from_micros(cents * 10_000),
        })
    });
    let steps = opening.chain(deposits).map(Step::Plain).map(|step| (0, step)).chain(world.steps);
    let (mut now, mut deposited, mut all, mut results) = (0, 0, Vec::new(), Vec::new());
    for (later, step) in steps {
        now += later;
        let command = step.command(&reference);
        let at = ExchangeTime::from_micros(now);
        let (mut effects, mut expected) = (Vec::new(), Vec::new());
        let result = engine.apply(command.clone(), at, &mut effects);
        let expectation = reference.apply(command.clone(), at, &mut expected);
        assert_eq!(effects, expected, "{command:?}");
        assert_eq!(result, expectation, "{command:?}");
        if let (Command::Transfer { amount, .. }, Ok(_)) = (&command, &result) {
            deposited += amount.micros();
        }
        follower.follow(&effects);
        agree(&engine, &reference);
        hold(&engine, &reference, &follower, deposited);
        all.append(&mut effects);
        results.push(result);
    }
    (all, results)
}

/// Everything that can be read is the same.
fn agree(engine: &Engine, reference: &Reference) {
    for (market, state, clock) in reference.markets() {
        assert_eq!(engine.book(market).unwrap(), reference.book(market));
        assert_eq!((engine.market_state(market), engine.clock(market)), (Some(state), Some(clock)));
        for owner in reference.owners() {
            assert_eq!(engine.position(owner, market), reference.position(owner, market));
        }
    }
    let mut open = 0;
    for owner in reference.owners() {
        let cash = engine.cash(owner);
        assert_eq!((cash.total.micros(), cash.reserved.micros()), (reference.total(owner), reference.reserved(owner)));
        let orders: Vec<OrderId> = engine.open_orders(owner).map(|order| order.order).collect();
        assert!(orders.is_sorted());
        open += orders.len();
    }
    assert_eq!(open, reference.open_orders().count());
    for order in reference.open_orders() {
        let expected = OrderReport { reason: UpdateReason::Created, status: OrderStatus::Resting, ..order.clone() };
        assert_eq!(engine.order(order.order), Some(expected));
        assert_eq!(engine.queue_position(order.order), Some(reference.queue_position(order)));
    }
    for group in 1..8 {
        let expected = reference.group(GroupId(group));
        if let Some(expected) = expected {
            assert_eq!(engine.order_group(expected.owner, GroupId(group)), Some(expected));
        }
    }
    assert_eq!(engine.next_expiry(), reference.next_expiry().map(|(at, _)| at));
    assert_eq!(engine.fees_collected().micros(), reference.collected);
}

/// What must be true of any exchange.
fn hold(engine: &Engine, reference: &Reference, follower: &Follower, deposited: i128) {
    let mut money = engine.fees_collected();
    for (market, state, clock) in reference.markets() {
        let best = |side| engine.best_bid(market, side).map_or(0, |(price, _)| price.ten_thousandths());
        assert!(best(Side::Yes) + best(Side::No) < 10_000, "the book is crossed");
        let followed = follower.books.get(&market).cloned().unwrap_or_default();
        assert_eq!(engine.book(market), Some(followed), "the deltas add up to the book");
        assert_eq!(follower.clocks.get(&market).copied().unwrap_or_default(), clock);
        let held = || {
            reference.owners().filter_map(|owner| engine.position(owner, market)).map(|held| held.position.hundredths())
        };
        assert_eq!(held().sum::<i64>(), 0, "every YES contract has its NO contract");
        let interest = engine.open_interest(market).unwrap();
        assert_eq!(held().filter(|&held| held > 0).sum::<i64>(), interest.hundredths());
        assert!(state != MarketState::Finalized || interest.is_zero());
        money += Money::of(Price::ONE, interest);
    }
    for owner in reference.owners() {
        let cash = engine.cash(owner);
        assert!(Money::ZERO <= cash.reserved && cash.reserved <= cash.total, "{owner:?} {cash:?}");
        assert_eq!(follower.cash.get(&owner).copied().unwrap_or_default(), (cash.total, cash.reserved));
        money += cash.total;
        for position in engine.positions(owner) {
            assert_eq!(follower.positions[&(owner, position.market)], position.position);
        }
        let open: Vec<OrderReport> = engine.open_orders(owner).collect();
        let followed = follower.orders.values().filter(|order| order.owner == owner);
        let followed = followed.map(|order| OrderReport { reason: UpdateReason::Created, ..order.clone() });
        assert_eq!(open, followed.collect::<Vec<_>>(), "the order reports add up to the open orders");
    }
    assert_eq!(money.micros(), deposited, "money came from nowhere, or went there");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_is_the_reference_and_keeps_its_promises(world in world(120)) {
        let again = world.clone();
        let said = run(world);
        prop_assert_eq!(said, run(again), "the same commands give the same effects");
    }
}

/// The first word of how a value prints: its variant.
fn variant(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

/// The random streams would show nothing about a rule that they never reach.
#[test]
fn the_random_streams_reach_every_rule() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut see = |what: String| *seen.entry(what).or_default() += 1;
    for _ in 0..300 {
        let (effects, results) = run(world(120).new_tree(&mut runner).unwrap().current());
        for effect in &effects {
            see(variant(effect));
            match effect {
                Effect::Order(order) => see(variant(&order.reason)),
                Effect::Group { change, .. } => see(variant(change)),
                Effect::Market { state, .. } => see(variant(state)),
                Effect::Fill(fill) if fill.fee < Money::ZERO => see("a fill that pays back".to_owned()),
                Effect::Position(held) if held.realized != Money::ZERO => see("a position closed".to_owned()),
                _ => {}
            }
        }
        for result in &results {
            match result {
                Ok(receipt) => see(variant(receipt)),
                Err(reject) => see(variant(reject)),
            }
        }
    }
    let rules = [
        "Delta",
        "Trade",
        "Fill",
        "Order",
        "Position",
        "Cash",
        "Group",
        "Market",
        "Settled",
        "Created",
        "Decrease",
        "Amend",
        "Cancel",
        "SelfTradeCancel",
        "ExpiryCancel",
        "CloseCancel",
        "HaltCancel",
        "ReduceOnlyCancel",
        "MarginCancel",
        "Triggered",
        "Reset",
        "LimitUpdated",
        "Deleted",
        "Active",
        "Inactive",
        "Closed",
        "Determined",
        "Disputed",
        "Amended",
        "Finalized",
        "Done",
        "Canceled",
        "UnknownMarket",
        "MarketInactive",
        "TradingPaused",
        "InvalidPrice",
        "InvalidSize",
        "InvalidOrder",
        "PostOnlyCross",
        "NotFillable",
        "NothingToReduce",
        "InsufficientBalance",
        "DuplicateClientOrderId",
        "OrderNotFound",
        "TickerMismatch",
        "SideMismatch",
        "GroupNotFound",
        "GroupTriggered",
        "MarketState",
        "a fill that pays back",
        "a position closed",
    ];
    let missed: Vec<&str> = rules.into_iter().filter(|rule| !seen.contains_key(*rule)).collect();
    assert!(missed.is_empty(), "never reached: {missed:?}; reached: {seen:?}");
    println!("{seen:?}");
}
