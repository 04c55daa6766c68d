//! What goes wrong, and what is said about it.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::{
    KEY, User, account, text,
    venue::{Account, Venue, fill},
};

#[test]
fn a_row_that_cannot_be_kept_costs_nothing_else_and_is_asked_for_again() {
    let venue = Venue::start(account());
    let user = User::new(&venue);
    {
        let mut account = venue.account.lock().unwrap();
        account.fills[1]["count_fp"] = "ten".into();
        account.positions[0]["fees_paid_dollars"] = "99999999999999.000000".into();
    }
    let (unread, unkept) = (
        "warning: not mirrored: fills of subaccount 0: fill trade-61 of order order-61 in KXNEW-26DEC01-A cannot be read: ",
        "warning: not mirrored: positions of subaccount 0: position in KXNEW-26DEC01-A: `fees_paid_dollars` is ",
    );
    let dry = user.fails(4, &["account", "sync", "--dry-run"]);
    assert!(dry.contains(unread) && dry.contains(unkept), "{dry}");
    let said = user.fails(4, &["account", "sync"]);
    assert!(said.contains(unread) && said.contains(unkept), "{said}");
    assert!(said.contains("account.sqlite lacks 2 rows"), "{said}");
    let rows = |what: &str, code: i32| {
        let output = user.run(&["account", "history", what, "--format", "json"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{what}: {said}");
        assert_eq!(said.contains("warning: the mirror is incomplete: "), code == 4, "{what}: {said}");
        serde_json::from_slice::<Vec<Value>>(&output.stdout).unwrap().len()
    };
    assert_eq!((rows("fills", 4), rows("settlements", 0), rows("balances", 0), rows("positions", 4)), (2, 1, 1, 0));
    let said = user.fails(4, &["account", "summary"]);
    assert!(
        said.contains("incomplete: fills of subaccount 0: fill trade-61") && said.contains("position in KXNEW"),
        "{said}"
    );

    let output = user.run(&["account", "sync", "--format", "json"]);
    assert_eq!(output.status.code(), Some(4));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["complete"], false);
    assert_eq!(report["unusable"][1]["stream"], "fills");
    assert!(report["unusable"][1]["reason"].as_str().unwrap().starts_with("fill trade-61 of order order-61"));
    assert_eq!(report["streams"][2]["unusable"], 1);

    let good = account();
    {
        let mut account = venue.account.lock().unwrap();
        (account.fills, account.positions) = (good.fills, good.positions);
    }
    let report: Value = serde_json::from_str(&user.says(&["account", "sync", "--format", "json"]).0).unwrap();
    assert_eq!(report["complete"], true);
    assert_eq!((rows("fills", 0), rows("positions", 0)), (3, 1));
    user.says(&["account", "summary"]);
}

#[test]
fn a_position_that_is_no_longer_listed_has_ended() {
    let venue = Venue::start(account());
    let user = User::new(&venue);
    user.says(&["account", "sync"]);
    venue.account.lock().unwrap().positions.clear();
    let report: Value = serde_json::from_str(&user.says(&["account", "sync", "--format", "json"]).0).unwrap();
    assert_eq!(report["streams"][1]["closed"], 1);
    let versions = user.rows(&["account", "history"]);
    assert_eq!(versions.len(), 1);
    assert!(versions[0]["valid_to"].is_string(), "{versions:?}");
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

#[test]
fn who_only_looks_writes_nothing() {
    let venue = Venue::start(account());
    let user = User::new(&venue);
    let folder = user.folder.path();
    let before = contents(folder);
    user.says(&["account", "sync", "--dry-run"]);
    // A sync that was killed before it made any table.
    fs::write(folder.join("account.sqlite"), "").unwrap();
    let (out, _) = user.says(&["account", "sync", "--dry-run"]);
    assert!(out.contains("fills          3"), "{out}");
    fs::remove_file(folder.join("account.sqlite")).unwrap();
    assert!(contents(folder) == before);
    user.says(&["account", "sync"]);
    let before = contents(folder);
    assert_eq!(before.len(), 2, "the key and the store: {:?}", before.keys());
    venue.account.lock().unwrap().fills.push(fill(70, "KXNEW-26DEC01-A", "yes", "1.00", "0.5000", "0.5000"));
    let permissions = fs::metadata(folder).unwrap().permissions();
    let mut locked = permissions.clone();
    locked.set_readonly(true);
    fs::set_permissions(folder, locked).unwrap();
    let (out, _) = user.says(&["account", "sync", "--dry-run", "--format", "json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["streams"][2]["new"], 1, "{report}");
    user.says(&["account", "history"]);
    user.says(&["account", "summary"]);
    assert!(contents(folder) == before);
    fs::set_permissions(folder, permissions).unwrap();
}

#[test]
fn a_key_for_one_subaccount_is_told_to_name_it() {
    let venue = Venue::start(Account { locked_to: Some(3), ..account() });
    let user = User::new(&venue);
    for command in ["balance", "positions", "fills", "settlements", "orders", "sync"] {
        let said = user.fails(1, &["account", command]);
        assert!(said.contains("for one subaccount alone: name that one with --subaccount N"), "{command}: {said}");
        user.says(&["account", command, "--subaccount", "3"]);
    }
}

#[test]
fn not_found_is_a_market_and_not_an_address() {
    let venue = Venue::start(account());
    let mut user = User::new(&venue);
    let said = user.fails(3, &["account", "fills", "--ticker", "KXNONE-1"]);
    assert!(said.contains("no such market") && !said.contains("KALSHI_ENV"), "{said}");
    user.environment.push(("KALSHI_ENV".to_owned(), format!("{}/elsewhere", venue.url)));
    for command in ["balance", "positions", "fills", "settlements", "orders", "sync"] {
        let said = user.fails(1, &["account", command]);
        assert!(said.contains("404") && said.contains("is kalshi.env (KALSHI_ENV, --env) a Kalshi venue?"), "{said}");
    }
}

#[test]
fn the_id_in_an_error_is_found_in_the_log_and_no_secret_is() {
    let venue = Venue::start(Account { refused: Some("/portfolio/fills"), ..account() });
    let mut user = User::new(&venue);
    user.environment.retain(|(name, _)| name != "KALSHI_PRIVATE_KEY_PATH");
    user.environment.push(("KALSHI_PRIVATE_KEY".to_owned(), KEY.replace('\n', "\\n")));
    let silent = user.fails(1, &["account", "fills"]);
    assert_eq!(silent.lines().count(), 1, "{silent}");
    user.environment.push(("DAYBOOK_LOG".to_owned(), "debug".to_owned()));
    let by_variable = user.fails(1, &["account", "fills"]);
    let by_flag = user.fails(1, &["account", "fills", "--log", "trace"]);
    for said in [&by_variable, &by_flag] {
        let error = said.lines().find(|line| line.starts_with("daybook: ")).unwrap();
        let id = error.split("[call ").nth(1).unwrap().split(']').next().unwrap();
        let about = said.lines().filter(|line| line.contains(&format!("correlation_id={id}"))).count();
        assert!(about >= 2, "{said}");
        assert!(said.contains("operation=\"GetFills\"") && said.contains("status=400"), "{said}");
    }
    // A whole sync, with everything that is told.
    venue.account.lock().unwrap().refused = None;
    let (_, sync) = user.says(&["account", "sync", "--log", "trace"]);
    assert!(sync.contains("correlation_id="), "{sync}");
    let signatures = venue.account.lock().unwrap().signatures.clone();
    assert!(signatures.len() > 5 && signatures.iter().all(|signature| signature.len() > 40));
    for said in [by_variable, by_flag, sync] {
        assert!(
            !said.contains("MC4CAQ") && !said.contains("PRIVATE KEY") && !said.to_lowercase().contains("kalshi-access")
        );
        assert!(signatures.iter().all(|signature| !said.contains(signature.as_str())), "{said}");
    }
    let said = user.fails(2, &["account", "fills", "--log", "loud"]);
    assert!(said.contains("--log"), "{said}");
}

#[test]
fn help_shows_examples_and_only_what_is_heeded() {
    let venue = Venue::start(account());
    let user = User::new(&venue);
    for (command, flags) in [
        ("balance", &["env", "subaccount"][..]),
        ("positions", &["env", "subaccount", "ticker", "event", "status", "all"]),
        ("fills", &["env", "subaccount", "ticker", "order", "start", "end", "all"]),
        ("settlements", &["env", "subaccount", "ticker", "event", "start", "end", "all"]),
        ("orders", &["env", "subaccount", "ticker", "event", "status", "start", "end", "all"]),
        ("sync", &["env", "subaccount", "store", "dry-run", "full"]),
        ("history", &["env", "subaccount", "store", "ticker", "start", "end"]),
        ("summary", &["env", "subaccount", "store", "start", "end", "no-marks", "check"]),
    ] {
        let (help, _) = user.says(&["account", command, "--help"]);
        let examples = help.split("Examples:\n").nth(1).unwrap_or_default();
        assert!(examples.matches(&format!("daybook account {command}")).count() >= 2, "{help}");
        let mut shown: Vec<&str> = help
            .lines()
            .filter_map(|line| line.trim_start().trim_start_matches("-h, ").strip_prefix("--"))
            .map(|flag| flag.split_whitespace().next().unwrap())
            .filter(|flag| !["format", "profile", "set", "log", "help"].contains(flag))
            .collect();
        let mut flags = flags.to_vec();
        shown.sort_unstable();
        flags.sort_unstable();
        assert_eq!(shown, flags, "{command}");
    }
    // Set for every command, it is in nobody's way.
    user.says(&["--archive", "elsewhere", "account", "balance"]);
    let balance = text(&user.run(&["account", "balance", "--archive", "elsewhere", "--wal", "w"]).stderr);
    assert!(!balance.contains("unexpected argument"), "{balance}");
    // What a command does not heed it does not take.
    user.fails(2, &["account", "balance", "--store", "x.sqlite"]);
}
