use proptest::prelude::*;

use super::*;

#[test]
fn the_short_form_says_all_that_a_rule_can() {
    let text = "seed=9, drop=5:channel=orderbook_delta:market=KX*-T60:limit=10, \
                http_503=2%:operation=GetMarkets:for=2s,\
                gap=1/200:amount=3:connection=4,halt=@10s@1m:market=A,clock_skew=30s:amount=-5000";
    let plan = Plan::parse(text).unwrap();
    assert_eq!(plan.seed, 9);
    let target = Target::default;
    let wanted = [
        Rule {
            target: Target { channel: Some("orderbook_delta".into()), market: Some("KX*-T60".into()), ..target() },
            limit: Some(10),
            ..Rule::new(Kind::Drop, When::PerThousand(5))
        },
        Rule {
            target: Target { operation: Some("GetMarkets".into()), ..target() },
            for_ms: Some(2_000),
            ..Rule::new(Kind::Unavailable, When::PerThousand(20))
        },
        Rule {
            target: Target { connection: Some(4), ..target() },
            amount: Some(3),
            ..Rule::new(Kind::Gap, When::Every(200))
        },
        Rule {
            target: Target { market: Some("A".into()), ..target() },
            ..Rule::new(Kind::Halt, When::AtMs(vec![10_000, 60_000]))
        },
        Rule { amount: Some(-5_000), ..Rule::new(Kind::ClockSkew, When::EveryMs(30_000)) },
    ];
    assert_eq!(plan.rules, wanted);
    assert_eq!(Plan::parse(""), Ok(Plan::default()));
}

#[test]
fn errors_say_which_rule_and_what_to_do() {
    let told = |text: &str| Plan::parse(text).unwrap_err().to_string();
    insta::assert_snapshot!(
        [
            "drop", "lose=5", "drop=often", "drop=0", "drop=1/0", "drop=1001", "drop=5:soon", "drop=5:colour=red",
            "drop=5:for=2s", "drop=5:amount=1", "drop=5:operation=GetMarkets", "drop=5:channel=books", "delay=5:for=2",
            "http_429=5:operation=GetNothing", "halt=5", "halt=@2s@1s", "gap=5:amount=0", "seed=x", "drop=5,gap=-1",
            r#"{"rules":[{"kind":"lose","when":{"every":1}}]}"#,
            r#"{"rules":[{"kind":"drop","when":{"every":1},"of":2}]}"#,
        ]
        .map(|text| format!("{text}\n  {}", told(text)))
        .join("\n"),
        @r#"
        drop
          fault rule `drop`: it is not of the form KIND=WHEN
        lose=5
          fault rule `lose=5`: there is no fault `lose`: it is one of drop, duplicate, delay, reorder, malformed, gap, error_10, error_25, forget, half_open, reset, close, slow_read, trickle, http_429, http_500, http_503, http_504, http_delay, http_malformed, stale, halt, maintenance, outage, clock_skew, restart
        drop=often
          fault rule `drop=often`: `often` does not say when: say 5 (of 1000), 2%, 1/200 (each 200th), 30s (every 30 s) or @10s (then)
        drop=0
          fault rule 1 (drop): 0 of 1000 is no rate: say 1 to 1000
        drop=1/0
          fault rule 1 (drop): every 0 is never: leave the rule away
        drop=1001
          fault rule 1 (drop): 1001 of 1000 is no rate: say 1 to 1000
        drop=5:soon
          fault rule `drop=5:soon`: `soon` is not of the form KEY=VALUE
        drop=5:colour=red
          fault rule `drop=5:colour=red`: there is no option `colour`: it is channel, market, connection, operation, for, amount or limit
        drop=5:for=2s
          fault rule 1 (drop): drop does not last: it takes no duration
        drop=5:amount=1
          fault rule 1 (drop): drop has no amount
        drop=5:operation=GetMarkets
          fault rule 1 (drop): drop has no operation
        drop=5:channel=books
          fault rule 1 (drop): there is no channel `books`: it is one of orderbook_delta, ticker, trade, fill, market_positions, user_orders, market_lifecycle_v2, multivariate_market_lifecycle, communications, order_group_updates, cfbenchmarks_value, cfbenchmarks_value_5hz, pyth_value
        delay=5:for=2
          fault rule `delay=5:for=2`: `2` is no duration: say such as 250ms, 2s, 5m or 1h
        http_429=5:operation=GetNothing
          fault rule 1 (http_429): there is no operation `GetNothing`: say one of the venue's, such as GetMarkets
        halt=5
          fault rule 1 (halt): it strikes by the time: say `every_ms` or `at_ms` (short: `30s`, `@10s`)
        halt=@2s@1s
          fault rule 1 (halt): `at_ms` needs times in ascending order
        gap=5:amount=0
          fault rule 1 (gap): the amount of gap is at least 1
        seed=x
          fault rule `seed=x`: `x` is not a whole number from 0
        drop=5,gap=-1
          fault rule `gap=-1`: `-1` does not say when: say 5 (of 1000), 2%, 1/200 (each 200th), 30s (every 30 s) or @10s (then)
        {"rules":[{"kind":"lose","when":{"every":1}}]}
          the fault plan is not valid JSON: unknown variant `lose`, expected one of `drop`, `duplicate`, `delay`, `reorder`, `malformed`, `gap`, `error_10`, `error_25`, `forget`, `half_open`, `reset`, `close`, `slow_read`, `trickle`, `http_429`, `http_500`, `http_503`, `http_504`, `http_delay`, `http_malformed`, `stale`, `halt`, `maintenance`, `outage`, `clock_skew`, `restart` at line 1 column 24
        {"rules":[{"kind":"drop","when":{"every":1},"of":2}]}
          the fault plan is not valid JSON: unknown field `of`, expected one of `kind`, `when`, `target`, `for_ms`, `amount`, `limit` at line 1 column 48
        "#
    );
}

#[test]
fn stars_are_any_text() {
    for (pattern, text, like) in [
        ("A", "A", true),
        ("A", "AB", false),
        ("*", "", true),
        ("A*", "AB", true),
        ("*B", "AB", true),
        ("A*C*E", "ABCDE", true),
        ("A*C*E", "ABDE", false),
        ("A*A", "A", false),
        ("*B*", "ABC", true),
        ("A*", "BA", false),
    ] {
        assert_eq!(is_like(pattern, text), like, "{pattern} {text}");
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let when = prop_oneof![
        (1u32..=1_000).prop_map(When::PerThousand),
        (1u64..).prop_map(When::Every),
        (1u64..).prop_map(When::EveryMs),
        prop::collection::btree_set(any::<u64>(), 1..4).prop_map(|times| When::AtMs(times.into_iter().collect())),
    ];
    let kind = (0..Kind::ALL.len()).prop_map(|index| Kind::ALL[index]);
    let numbers = (any::<Option<u64>>(), any::<Option<u64>>(), any::<Option<i64>>(), any::<Option<u64>>());
    let market = prop::option::of("[A-Z*-]{1,8}");
    (kind, when, numbers, market).prop_map(|(kind, when, (connection, for_ms, amount, limit), market)| Rule {
        kind,
        when,
        target: Target { market, connection, ..Target::default() },
        for_ms,
        amount,
        limit,
    })
}

proptest! {
    #[test]
    fn a_plan_is_read_as_it_was_written(seed: u64, rules in prop::collection::vec(any_rule(), 0..5)) {
        let plan = Plan { seed, rules };
        let text = serde_json::to_string(&plan).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Plan>(&text).unwrap(), &plan);
        // What cannot be followed is refused wherever it is read.
        prop_assert_eq!(Plan::parse(&text).is_ok(), plan.check().is_ok());
    }

    #[test]
    fn whatever_is_read_is_read_without_a_panic(text in "(drop|gap|halt|seed|[a-z]{0,4})?[=:@/%,0-9a-z{}\"]{0,24}") {
        let _ = Plan::parse(&text);
    }
}
