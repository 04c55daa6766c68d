use std::collections::BTreeMap;

use daybook_book::{Book, Event};
use daybook_kalshi::Frame;

use super::*;
use crate::{feed::Output, venue};

/// 2026-11-22 10:31:07 UTC: rounds of a quarter of an hour end within the minutes that the tests run.
const START: ExchangeTime = ExchangeTime::from_micros(1_795_343_467_000_000);
const MINUTE: i64 = 60_000_000;

/// A venue with a world on it, and one who listens to everything.
struct Scene {
    venue: Venue,
    world: World,
    listener: crate::feed::ConnectionId,
    output: Output,
    bytes: Vec<u8>,
}

impl Scene {
    fn new(settings: Settings) -> Scene {
        let shards = ["A", "B", "C", "D"].map(str::to_owned).to_vec();
        let mut venue =
            Venue::new(venue::Settings { seed: settings.seed, shards, start: START, ..venue::Settings::default() });
        let world = World::populate(settings, &mut venue, START).unwrap();
        let account = venue.open_account(NewAccount::default(), START);
        let (listener, _) = venue.hub_mut().connect(Some(account), START);
        let tickers: Vec<String> = venue.true_books().map(|truth| format!("{:?}", truth.ticker)).collect();
        let books = format!(
            r#"{{"id":1,"cmd":"subscribe","params":{{"channels":["orderbook_delta"],"market_tickers":[{}]}}}}"#,
            tickers.join(",")
        );
        venue.hear(listener, &books, START);
        let channels = r#"["trade","ticker","market_lifecycle_v2","multivariate_market_lifecycle"]"#;
        venue.hear(listener, &format!(r#"{{"id":2,"cmd":"subscribe","params":{{"channels":{channels}}}}}"#), START);
        Scene { venue, world, listener, output: Output::default(), bytes: Vec::new() }
    }

    /// Runs so many minutes, in turns of so many steps.
    fn run(&mut self, minutes: i64, turn: u32) {
        for minute in 1..=minutes {
            let until = ExchangeTime::from_micros(START.micros() + minute * MINUTE);
            while !self.world.run(&mut self.venue, until, turn) {
                self.listen();
            }
            self.listen();
        }
    }

    fn listen(&mut self) {
        self.output.clear(usize::MAX);
        self.venue.hub_mut().drain(self.listener, &mut self.output);
        for frame in self.output.frames() {
            self.bytes.extend_from_slice(frame.text);
            self.bytes.push(b'\n');
        }
    }
}

fn settings(seed: u64) -> Settings {
    Settings { seed, markets: 120, rate: 40, combos: true }
}

#[test]
fn the_same_seed_gives_the_same_bytes_however_it_is_driven() {
    let run = |seed, turn| {
        let mut scene = Scene::new(settings(seed));
        scene.run(16, turn);
        (scene.bytes, scene.world.doings())
    };
    let (bytes, doings) = run(1, 1_000);
    assert_eq!(run(1, 7), (bytes.clone(), doings));
    assert_ne!(run(2, 1_000).0, bytes);
    // All of it happened: orders at the rate, most of them accepted, and the quarter of an hour ended for someone.
    assert!(doings.commands >= 16 * 60 * 40 && doings.refused < doings.commands / 5, "{doings:?}");
    assert!(doings.determined >= 2 && doings.markets >= 122, "{doings:?}");
}

#[test]
fn a_listener_who_folds_the_frames_has_the_true_books() {
    let mut scene = Scene::new(settings(3));
    scene.run(16, 500);
    let mut books: BTreeMap<String, Book> = BTreeMap::new();
    let (mut deltas, mut trades) = (0, 0);
    for line in scene.bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        match Frame::parse(line) {
            Ok(Frame::Event { event: Event::Snapshot(snapshot), .. }) => {
                let book = Book::from_levels(snapshot.yes.iter().copied(), snapshot.no.iter().copied()).unwrap();
                books.insert(snapshot.ticker.to_string(), book);
            }
            Ok(Frame::Event { event: Event::Delta(delta), .. }) => {
                deltas += 1;
                let book = books.get_mut(&*delta.ticker).expect("a snapshot comes before a delta");
                let applied = book.apply(delta.side, delta.price, delta.quantity);
                applied.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(line)));
            }
            Ok(Frame::Event { event: Event::Trade(_), .. }) => trades += 1,
            Ok(_) => {}
            Err(error) => panic!("{error}: {}", String::from_utf8_lossy(line)),
        }
    }
    assert!(deltas > 20_000 && trades > 1_000, "{deltas} deltas, {trades} trades");
    let mut compared = 0;
    for truth in scene.venue.true_books() {
        // Markets that began later were not asked for.
        if let Some(book) = books.get(truth.ticker) {
            assert_eq!(*book, truth.book, "{}", truth.ticker);
            compared += 1;
        }
    }
    assert_eq!(compared, 120);
}

#[test]
fn a_world_without_orders_has_markets_that_come_and_go() {
    let mut scene = Scene::new(Settings { rate: 0, ..settings(4) });
    let quoted = scene.world.doings().commands;
    scene.run(16, 100);
    let doings = scene.world.doings();
    assert!(doings.determined >= 2, "{doings:?}");
    // New markets are quoted when they begin, and nothing else is done.
    assert!(doings.commands - quoted <= (doings.markets - 120) * QUOTES as u64 * 2, "{doings:?}");
}

/// A quarter of an hour ends while the exchange is stopped: its outcome is told once it goes on.
#[test]
fn outcomes_wait_until_a_stopped_exchange_goes_on() {
    let mut scene = Scene::new(Settings { rate: 0, ..settings(4) });
    scene.run(13, 100);
    let time = |minutes: i64| ExchangeTime::from_micros(START.micros() + minutes * MINUTE);
    scene.venue.set_active(false, None, time(13));
    scene.run(16, 100);
    assert_eq!(scene.world.doings().determined, 0);
    scene.venue.set_active(true, None, time(16));
    scene.run(18, 100);
    assert!(scene.world.doings().determined >= 2, "{:?}", scene.world.doings());
}
