//! The project's own client on `daybook exchange`, with nothing but what the exchange hands out: its credentials file and
//! its admin surface. Two accounts trade, and the market that they traded in is determined and settled.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Output},
    time::{Duration, Instant},
};

use daybook_book::{Book, Money, Price, Quantity, Side, Ticker};
use daybook_kalshi::{
    BookStream, BookUpdate, Client, Credentials, Environment,
    rest::{
        markets::{BookSide, Market, MarketFilter, MarketResult, MarketStatus, MarketsQuery, OrderbookQuery},
        orders::{CreateOrder, OrderStatus, SelfTradePrevention, TimeInForce},
        portfolio::{BalanceQuery, FillsQuery, SettlementsQuery},
    },
};
use serde_json::{Value, json};
use tokio::{
    runtime::Runtime,
    time::{sleep, timeout},
};

use crate::Exchange;

/// Longer than anything here takes, but for the wait for a fresh quarter of an hour.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the exchange wrote for its user.
pub(crate) struct Handed {
    file: Value,
}

impl Handed {
    pub(crate) fn of(exchange: &Exchange) -> Handed {
        let text = std::fs::read_to_string(exchange.credentials()).unwrap();
        Handed { file: serde_json::from_str(&text).unwrap() }
    }

    pub(crate) fn text(&self, field: &str) -> &str {
        self.file[field].as_str().unwrap()
    }

    pub(crate) fn environment(&self) -> Environment {
        let urls = (self.text("rest_url").parse().unwrap(), self.text("ws_url").parse().unwrap());
        Environment::custom(urls.0, urls.1).unwrap()
    }

    pub(crate) fn credentials(&self) -> Credentials {
        Credentials::from_file(self.text("key_id"), self.text("private_key_path")).unwrap()
    }

    pub(crate) fn client(&self, credentials: Credentials) -> Client {
        Client::builder().environment(self.environment()).credentials(credentials).build().unwrap()
    }

    /// A request of the admin surface, by hand: status and answer.
    pub(crate) fn admin(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (status, answer) = self.admin_text(method, path, body);
        (status, serde_json::from_str(&answer).unwrap())
    }

    /// The same, with the answer as it came.
    pub(crate) fn admin_text(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let host = self.text("admin_url").strip_prefix("http://").unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(host).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// A book as the exchange itself has it.
    pub(crate) fn truth(&self, ticker: &Ticker) -> Book {
        let (status, truth) = self.admin("GET", &format!("/books/{}", ticker.as_str()), &Value::Null);
        assert_eq!((status, truth["ticker"].as_str()), (200, Some(ticker.as_str())));
        let levels = |side: &str| {
            let levels: Vec<[String; 2]> = serde_json::from_value(truth[side].clone()).unwrap();
            levels.into_iter().map(|[price, size]| (price.parse().unwrap(), size.parse().unwrap())).collect::<Vec<_>>()
        };
        let book = Book::from_levels(levels("yes"), levels("no")).unwrap();
        assert_eq!(truth["digest"], book.digest().to_string());
        book
    }
}

fn contracts(count: i64) -> Quantity {
    Quantity::from_contracts(count).unwrap()
}

fn order(market: &Market, side: BookSide, price: Price, count: i64, lives: TimeInForce) -> CreateOrder {
    let order = CreateOrder::new(
        market.ticker.clone(),
        side,
        contracts(count),
        price,
        lives,
        SelfTradePrevention::TakerAtCross,
    );
    CreateOrder { exchange_index: market.exchange_index, ..order }
}

/// A market that is settled soon after it is determined, with a minute left at least, and a price at which nobody trades
/// there. Within the last minute of a quarter of an hour there is none, until the next one has begun.
async fn market(client: &Client) -> (Market, Price) {
    let query = MarketsQuery { status: Some(MarketFilter::Open), limit: Some(1_000), ..MarketsQuery::default() };
    let begun = Instant::now();
    while begun.elapsed() < 2 * PATIENCE {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
        for market in client.markets(&query).await.unwrap().markets {
            let (bid, ask) = (market.yes_bid_dollars.unwrap(), market.yes_ask_dollars.unwrap());
            // A tick is a tenth of a cent.
            let between = (bid.ten_thousandths() + ask.ten_thousandths()) / 20 * 10;
            let price = Price::from_ten_thousandths(between).unwrap();
            if market.settlement_timer_seconds <= 10
                && market.close_time.as_second() > now + 60
                && (bid < price && price < ask)
            {
                return (market, price);
            }
        }
        sleep(Duration::from_secs(1)).await;
    }
    panic!("no market of a quarter of an hour has room between its best bid and offer");
}

/// Reads on until the market's book has this best bid.
async fn book_with(books: &mut BookStream, ticker: &Ticker, best: (Price, Quantity)) -> Book {
    let reading = async {
        loop {
            match books.next().await.unwrap().unwrap() {
                BookUpdate::Live { book, .. } | BookUpdate::Changed { book, .. }
                    if book.best_bid(Side::Yes) == Some(best) =>
                {
                    return book.clone();
                }
                BookUpdate::Live { .. } | BookUpdate::Changed { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    };
    let read = timeout(PATIENCE, reading).await;
    read.unwrap_or_else(|_| panic!("{} never had the best bid {best:?}", ticker.as_str()))
}

/// Asks until the market is settled.
async fn settled(client: &Client, ticker: &Ticker) -> Market {
    let begun = Instant::now();
    loop {
        let market = client.market(ticker).await.unwrap();
        if market.status == MarketStatus::Finalized {
            return market;
        }
        assert_eq!(market.status, MarketStatus::Determined);
        assert!(begun.elapsed() < PATIENCE, "{} is not settled", ticker.as_str());
        sleep(Duration::from_millis(200)).await;
    }
}

#[test]
fn two_accounts_trade_and_are_paid() {
    // Nobody else acts, so that what is compared stands still.
    let exchange = Exchange::start(&["--markets", "900", "--rate", "0", "--seed", "1"]);
    let handed = Handed::of(&exchange);
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let own = handed.client(handed.credentials());
        // Ten thousand on each of four shards, as nothing else was asked for.
        let cash = |text: &str| text.parse::<Money>().unwrap();
        assert_eq!(own.balance(&BalanceQuery::default()).await.unwrap().balance_dollars, cash("40000"));

        let asked = json!({"balance_dollars": "500", "tier": "prestige", "key_type": "ed25519"});
        let (status, opened) = handed.admin("POST", "/accounts", &asked);
        let pem = opened["private_key"].as_str().unwrap();
        assert!(status == 201 && pem.starts_with("-----BEGIN PRIVATE KEY-----"), "{status} {opened}");
        let rival = handed.client(Credentials::from_pem(opened["key_id"].as_str().unwrap(), pem).unwrap());
        assert_eq!(rival.balance(&BalanceQuery::default()).await.unwrap().balance_dollars, cash("2000"));
        let (status, refused) = handed.admin("POST", "/accounts", &json!({"key_type": "dsa"}));
        let why = refused["error"]["message"].as_str().unwrap();
        assert_eq!((status, why), (400, "key_type \"dsa\" is neither rsa nor ed25519"));

        let (market, price) = market(&own).await;
        let ticker = market.ticker.clone();
        let mut books = BookStream::open(handed.environment(), handed.credentials(), [ticker.clone()]).unwrap();
        let bid = order(&market, BookSide::Bid, price, 10, TimeInForce::GoodTillCanceled);
        let placed = own.create_order(&bid).await.unwrap();
        assert_eq!((placed.fill_count, placed.remaining_count), (contracts(0), contracts(10)));
        book_with(&mut books, &ticker, (price, contracts(10))).await;
        let sale = order(&market, BookSide::Ask, price, 4, TimeInForce::ImmediateOrCancel);
        let sold = rival.create_order(&sale).await.unwrap();
        assert_eq!((sold.fill_count, sold.remaining_count), (contracts(4), contracts(0)));

        let live = book_with(&mut books, &ticker, (price, contracts(6))).await;
        let told = own.orderbook(&ticker, &OrderbookQuery::default()).await.unwrap().book().unwrap();
        assert_eq!((&live, &told), (&handed.truth(&ticker), &live));

        let fills = own.fills(&FillsQuery::default()).await.unwrap().fills;
        let others = rival.fills(&FillsQuery::default()).await.unwrap().fills;
        assert_eq!((fills.len(), others.len()), (1, 1));
        assert_eq!((fills[0].count_fp, fills[0].yes_price_dollars, fills[0].is_taker), (contracts(4), price, false));
        assert_eq!((&fills[0].order_id, &fills[0].trade_id), (&placed.order_id, &others[0].trade_id));
        assert!(others[0].is_taker && others[0].order_id == sold.order_id);

        let before = own.balance(&BalanceQuery::default()).await.unwrap().balance_dollars;
        let path = format!("/markets/{}", ticker.as_str());
        let (status, answer) = handed.admin("POST", &path, &json!({"action": "determine", "value": "1.0000"}));
        assert_eq!((status, &answer["status"]), (200, &json!("determined")), "{answer}");
        let market = settled(&own, &ticker).await;
        assert_eq!((market.result, market.settlement_value_dollars), (Some(MarketResult::Yes), Some(Price::ONE)));
        let paid = own.settlements(&SettlementsQuery::default()).await.unwrap().settlements;
        assert_eq!((paid.len(), paid[0].yes_count_fp, paid[0].revenue.0), (1, contracts(4), 400));
        let unpaid = rival.settlements(&SettlementsQuery::default()).await.unwrap().settlements;
        assert_eq!((unpaid.len(), unpaid[0].no_count_fp, unpaid[0].revenue.0), (1, contracts(4), 0));
        assert_eq!(own.order(&placed.order_id).await.unwrap().status, OrderStatus::Canceled);
        // Four dollars, and what was set aside for the order that is gone.
        let after = own.balance(&BalanceQuery::default()).await.unwrap().balance_dollars;
        assert!(after >= before + cash("4"), "{before} and then {after}");

        // It ends in order though somebody is connected.
        exchange.stop("-TERM");
        drop(books);
    });
}

/// Runs an exchange that does not come up.
fn refused(flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_daybook")).arg("exchange").args(flags).output().unwrap()
}

#[test]
fn faults_that_there_are_not_are_refused() {
    for (faults, why) in [("lose=5", "there is no fault `lose`"), ("no-such.json", "neither rules nor a readable file")]
    {
        let output = refused(&["--listen", "127.0.0.1:0", "--faults", faults]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(why) && output.stdout.is_empty(), "{said}");
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    for flag in ["--listen", "--admin"] {
        let free = if flag == "--listen" { "--admin" } else { "--listen" };
        let output = refused(&["--markets", "10", flag, &taken, free, "127.0.0.1:0"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("cannot listen on {taken}")) && said.contains("give another one"), "{said}");
        assert!(output.stdout.is_empty());
    }
}
