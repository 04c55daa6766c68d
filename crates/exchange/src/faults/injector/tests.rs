use proptest::prelude::*;

use super::*;

fn at(millis: i64) -> ExchangeTime {
    ExchangeTime::from_micros(millis * 1_000)
}

fn injector(plan: &str) -> Injector {
    Injector::new(&Plan::parse(plan).unwrap(), at(0))
}

/// Which of so many questions, a millisecond apart, are struck.
fn struck(injector: &mut Injector, class: Class, questions: i64) -> Vec<i64> {
    (0..questions).filter(|&n| injector.ask(class, &Passing::default(), at(n)).is_some()).collect()
}

#[test]
fn rules_strike_when_they_say() {
    assert_eq!(struck(&mut injector("drop=1/3"), Class::Frame, 10), [2, 5, 8]);
    assert_eq!(struck(&mut injector("drop=1/3:limit=2"), Class::Frame, 10), [2, 5]);
    assert_eq!(struck(&mut injector("drop=4ms"), Class::Frame, 10), [4, 8]);
    assert_eq!(struck(&mut injector("drop=@0ms@3ms@3ms"), Class::Frame, 10), [0, 3, 4]);
    assert_eq!(struck(&mut injector("drop=1000"), Class::Frame, 4), [0, 1, 2, 3]);
    assert!(struck(&mut injector("drop=1/1"), Class::Request, 4).is_empty());
    // A storm: all are in it until it is over, which is one of its limit.
    assert_eq!(struck(&mut injector("http_429=@2ms@9ms:for=3ms:limit=1"), Class::Request, 20), [2, 3, 4]);
    let share = struck(&mut injector("seed=1,drop=5%"), Class::Frame, 100_000).len();
    assert!((4_500..5_500).contains(&share), "{share}");
}

#[test]
fn what_is_asked_for_once_strikes_once_and_is_no_part_of_the_plan() {
    let mut injector = injector("duplicate=1/2");
    injector.once(Rule::new(Kind::Drop, When::EveryMs(1_000_000)));
    assert!(injector.has_once(Class::Frame) && !injector.has_once(Class::Request));
    let kinds: Vec<_> =
        (0..5).map(|_| injector.ask(Class::Frame, &Passing::default(), at(0)).map(|strike| strike.kind)).collect();
    assert_eq!(kinds, [Some(Kind::Drop), None, Some(Kind::Duplicate), None, Some(Kind::Duplicate)]);
    assert_eq!(injector.plan(), Plan::parse("duplicate=1/2").unwrap());
}

proptest! {
    /// The same seed and questions, the same strikes; and a rule does as it does without those after it.
    #[test]
    fn strikes_come_from_the_seed_alone(seed: u64, steps in prop::collection::vec(0i64..50, 1..200)) {
        let first = format!("seed={seed},drop=30%:limit=20,malformed=20%");
        let all = format!("{first},delay=50ms,gap=10%");
        let run = |plan: &str, class| {
            let (mut injector, mut now) = (injector(plan), 0);
            let mut ask = |step| {
                now += step;
                injector.ask(class, &Passing::default(), at(now))
            };
            steps.iter().map(|step| ask(*step)).collect::<Vec<_>>()
        };
        prop_assert_eq!(run(&all, Class::Frame), run(&all, Class::Frame));
        let of_first = |strikes: Vec<Option<Strike>>| {
            strikes.into_iter().map(|strike| strike.filter(|strike| strike.rule < Some(2))).collect::<Vec<_>>()
        };
        prop_assert_eq!(of_first(run(&all, Class::Frame)), run(&first, Class::Frame));
    }
}
