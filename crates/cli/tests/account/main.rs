//! `daybook account` and `daybook config` as a user runs them, against a venue in this process.

#![allow(missing_docs, clippy::unwrap_used)]

mod lists;
mod trouble;
mod venue;

use std::{
    fs,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use venue::{Account, Venue, fill, order, position, settlement};

/// The key of RFC 8032, section 7.1, test 1: everybody has it.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

/// A user in a folder of their own, with a key.
struct User {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl User {
    fn new(venue: &Venue) -> User {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.pem");
        fs::write(&key, KEY).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let environment =
            [("KALSHI_API_KEY_ID", "key-1"), ("KALSHI_PRIVATE_KEY_PATH", "key.pem"), ("KALSHI_ENV", &venue.url)];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        User { folder, environment: environment.into_iter().map(owned).collect() }
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_daybook"))
            .args(args)
            .env_clear()
            .envs(self.environment.iter().cloned())
            .env("HOME", self.folder.path())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What a command that succeeds prints: to stdout, and to people.
    fn says(&self, args: &[&str]) -> (String, String) {
        let output = self.run(args);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{args:?}: {out}{err}");
        (out, err)
    }

    /// The message of a command that fails so.
    fn fails(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stderr)
    }

    fn rows(&self, args: &[&str]) -> Vec<Value> {
        serde_json::from_str(&self.says(&[args, &["--format", "json"]].concat()).0).unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Bought twice, sold in part; another market is settled.
fn account() -> Account {
    Account {
        balance_cents: 12_345,
        positions: vec![position("KXNEW-26DEC01-A", "6.00", "2.400000")],
        fills: vec![
            fill(1, "KXOLD-26NOV10-A", "yes", "3.00", "0.5000", "0.5000"),
            fill(61, "KXNEW-26DEC01-A", "yes", "10.00", "0.4000", "0.6000"),
            fill(62, "KXNEW-26DEC01-A", "no", "4.00", "0.5500", "0.4500"),
        ],
        settlements: vec![settlement("KXOLD-26NOV10-A")],
        orders: vec![order(1, "KXNEW-26DEC01-A", "resting"), order(2, "KXNEW-26DEC01-A", "executed")],
        ..Account::default()
    }
}

#[test]
fn what_the_account_holds_is_listed_as_the_venue_says_it() {
    let venue = Venue::start(account());
    let user = User::new(&venue);
    for command in ["balance", "positions", "fills", "settlements", "orders"] {
        let (table, said) = user.says(&["account", command]);
        let of_one = ["balance", "positions"].contains(&command);
        assert_eq!(
            said,
            if of_one { "note: of subaccount 0; --subaccount N shows another\n" } else { "" },
            "{command}"
        );
        insta::assert_snapshot!(format!("account_{command}"), table);
    }
    let fills = user.rows(&["account", "fills"]);
    assert_eq!(fills[1]["count"], "10.00");
    assert_eq!(fills[1]["yes_price"], "0.4000");
    assert_eq!(fills[1]["fee"], "0.010000");
    // The filters are the venue's work.
    user.says(&["account", "orders", "--status", "resting", "--event", "KXNEW-26DEC01", "--subaccount", "3"]);
    let asked = venue.account.lock().unwrap().asked.pop().unwrap();
    for part in ["status=resting", "event_ticker=KXNEW-26DEC01", "subaccount=3"] {
        assert!(asked.contains(part), "{asked}");
    }
    assert_eq!(user.rows(&["account", "fills", "--start", "2026-11-02T12:00:02Z"]).len(), 1);
    let (_, said) = user.says(&["account", "fills", "--start", "2026-07-01", "--end", "2026-07-03"]);
    assert!(said.contains("these are the rows since 2026-08-01") && said.contains("--all"), "{said}");
    user.fails(2, &["account", "fills", "--order", ""]);
}

#[test]
fn a_hundred_rows_are_told_to_be_not_all() {
    let fills = (0..250).map(|at| fill(at, "KXA-1", "yes", "1.00", "0.5000", "0.5000")).collect();
    let venue = Venue::start(Account { fills, ..account() });
    let user = User::new(&venue);
    let (out, said) = user.says(&["account", "fills", "--format", "ndjson"]);
    assert_eq!(out.lines().count(), 100);
    assert_eq!(said, "note: these are the first 100; --all lists every one\n");
    assert_eq!(user.says(&["account", "fills", "--all", "--format", "ndjson"]).0.lines().count(), 250);
}

#[test]
fn the_mirror_is_brought_up_to_date_looked_into_and_summed_up() {
    let venue = Venue::start(account());
    let user = User::new(&venue);
    let missing = user.fails(3, &["account", "history"]);
    assert!(missing.contains("account.sqlite") && missing.contains("daybook account sync"), "{missing}");
    let (_, said) = user.says(&["account", "sync", "--dry-run"]);
    assert!(said.contains("a dry run: nothing was written to account.sqlite"), "{said}");
    assert!(!user.folder.path().join("account.sqlite").exists());
    let (table, _) = user.says(&["account", "sync"]);
    insta::assert_snapshot!("account_sync", table);
    let (_, said) = user.says(&["account", "sync"]);
    assert!(said.contains("was up to date"), "{said}");
    let checked = user.run(&["account", "summary", "--check"]);
    assert_eq!(checked.status.code(), Some(1), "the venue's figures are others");
    insta::assert_snapshot!("account_summary", text(&checked.stdout) + &text(&checked.stderr));
    assert!(!user.says(&["account", "summary", "--subaccount", "5"]).0.contains("KXNEW"));
    // Of what is not valued the sum is not known.
    assert!(user.rows(&["account", "summary", "--no-marks"]).last().unwrap()["unrealised_pnl"].is_null());
    // What the archive says of an earlier time ends no version.
    let mut archived = position("KXNEW-26DEC01-A", "0.00", "0.000000");
    archived["last_updated_ts"] = "2026-07-01T00:00:00Z".into();
    venue.account.lock().unwrap().archived_positions = vec![archived];
    user.says(&["account", "sync", "--full"]);
    assert_eq!(user.rows(&["account", "history"]).len(), 1);
    // The position changes: the version before stays.
    venue.account.lock().unwrap().positions = vec![position("KXNEW-26DEC01-A", "5.00", "2.000000")];
    user.says(&["account", "sync"]);
    let versions = user.rows(&["account", "history"]);
    assert_eq!(versions.len(), 2, "{versions:?}");
    assert_eq!((&versions[0]["position"], &versions[1]["position"]), (&"6.00".into(), &"5.00".into()));
    assert_eq!(versions[0]["valid_to"], versions[1]["valid_from"]);
    assert!(versions[1]["valid_to"].is_null());
    // Of the sixth contract no fill says where it went, and a script hears of it.
    let differs = user.fails(1, &["account", "summary", "--check", "--no-marks"]);
    assert!(
        differs.contains("KXNEW-26DEC01-A") && differs.contains("differ from what follows from the fills"),
        "{differs}"
    );
    assert!(differs.contains("so --no-marks asks"), "{differs}");
    assert_eq!(user.rows(&["account", "history", "fills"]).len(), 3);
    assert_eq!(user.rows(&["account", "history", "settlements"]).len(), 1);
    assert_eq!(user.rows(&["account", "history", "balances"]).len(), 1);
    // The venue changes its mind about a fill: that is told, and what was mirrored stays.
    venue.account.lock().unwrap().fills[0]["fee_cost"] = "0.030000".into();
    let (_, said) = user.says(&["account", "sync", "--full"]);
    assert!(said.contains("fee_cost was \"0.0100\", is \"0.0300\""), "{said}");
    assert_eq!(user.rows(&["account", "history", "fills"])[0]["fee"], "0.010000");
    let (_, said) = user.says(&["account", "summary"]);
    assert!(said.contains("has changed what it said of fills trade-1/order-1"), "{said}");
}

#[test]
fn a_sync_that_is_cut_off_goes_on() {
    let fills: Vec<Value> = (0..250).map(|at| fill(at, "KXA-1", "yes", "1.00", "0.5000", "0.5000")).collect();
    for answers in [3, 6] {
        let venue = Venue::start(Account { fills: fills.clone(), answers_left: Some(answers), ..account() });
        let user = User::new(&venue);
        let cut = user.run(&["account", "sync", "--set", "kalshi.timeout_seconds=1"]);
        venue.account.lock().unwrap().answers_left = None;
        user.says(&["account", "sync"]);
        let rows = user.rows(&["account", "history", "fills"]);
        assert_eq!(rows.len(), 250, "after {answers} answers, the first sync ended with {:?}", cut.status);
    }
}

#[test]
fn what_is_missing_is_told_with_what_to_do() {
    let venue = Venue::start(account());
    let mut user = User::new(&venue);
    user.environment.retain(|(name, _)| name != "KALSHI_PRIVATE_KEY_PATH");
    let mut told = user.fails(2, &["account", "balance"]);
    user.environment.clear();
    told += &user.fails(2, &["account", "balance"]);
    user.environment = vec![
        ("KALSHI_API_KEY_ID".to_owned(), "key-1".to_owned()),
        ("KALSHI_PRIVATE_KEY".to_owned(), "no key".to_owned()),
    ];
    told += &user.fails(2, &["account", "balance"]);
    fs::write(user.folder.path().join("daybook.toml"), "[kalshi]\ntimeout_seconds = 0\nkey = \"x\"\n").unwrap();
    told += &user.fails(2, &["account", "balance"]);
    told += &user.fails(2, &["config", "validate"]);
    insta::assert_snapshot!("account_what_is_missing", told);
}

#[test]
fn neither_key_nor_password_is_ever_shown() {
    let venue = Venue::start(account());
    let mut user = User::new(&venue);
    user.environment.retain(|(name, _)| name != "KALSHI_PRIVATE_KEY_PATH");
    user.environment.push(("KALSHI_PRIVATE_KEY".to_owned(), KEY.replace('\n', "\\n")));
    user.environment.push(("DAYBOOK_ACCOUNT_STORE".to_owned(), "postgres://me:hidden@127.0.0.1:1/none".to_owned()));
    user.says(&["account", "balance"]);
    let (shown, _) = user.says(&["config", "show"]);
    assert!(shown.contains("postgres://me:•••@127.0.0.1:1/none"), "{shown}");
    let failed = user.fails(1, &["account", "sync"]);
    for text in [&shown, &failed] {
        assert!(!text.contains("hidden") && !text.contains("MC4CAQ"), "{text}");
    }
}
