use super::*;

fn at(micros: i64) -> ExchangeTime {
    ExchangeTime::from_micros(1_000_000_000 + micros)
}

#[test]
fn an_account_spends_its_burst_and_then_its_rate() {
    // Advanced: 300 tokens a second, three seconds of them at once.
    let mut account = Account::new(Tier::Advanced, 1, at(0));
    assert_eq!((0..100).filter(|_| account.take(Charge::Read, 10, at(0))).count(), 90);
    assert!(!account.take(Charge::Read, 10, at(33_333)), "a token's last part is missing");
    assert!(account.take(Charge::Read, 10, at(33_334)));
    assert!(!account.take(Charge::Read, 10, at(33_334)));
    // Writes were not touched, and nothing is saved up past the capacity.
    assert!(account.take(Charge::Write(0), 900, at(33_334)));
    assert!(!account.take(Charge::Read, 901, at(3_600_000_000)));
    assert!(account.take(Charge::Read, 900, at(3_600_000_000)));
}

#[test]
fn a_batch_fits_as_a_whole_or_costs_nothing() {
    let mut account = Account::new(Tier::Basic, 1, at(0));
    assert!(!account.take(Charge::Write(0), 110, at(0)));
    assert!(account.take(Charge::Write(0), 100, at(0)));
}

#[test]
fn shards_have_buckets_of_their_own_and_finding_one_costs_in_all() {
    let mut account = Account::new(Tier::Basic, 3, at(0));
    assert!(account.take(Charge::Write(1), 100, at(0)));
    assert!(account.take(Charge::Write(2), 50, at(0)));
    assert!(!account.take(Charge::WriteEverywhere, 10, at(0)), "shard 1 is empty");
    assert!(account.take(Charge::Write(0), 100, at(0)), "and nothing was taken from shard 0");
    assert!(account.take(Charge::WriteEverywhere, 10, at(100_000)));
    assert!(account.take(Charge::Write(2), 50, at(100_000)));
    assert!(!account.take(Charge::Write(2), 1, at(100_000)));
}

#[test]
fn the_balance_is_told_once_a_second_and_on_higher_tiers_five_times() {
    for (tier, micros) in [(Tier::Advanced, 1_000_000), (Tier::Expert, 200_000)] {
        let mut account = Account::new(tier, 1, at(0));
        assert!(account.take(Charge::Balance, 10, at(0)));
        assert!(!account.take(Charge::Balance, 10, at(micros - 1)));
        assert!(account.take(Charge::Balance, 10, at(micros)));
    }
}

#[test]
fn a_clock_that_goes_back_gives_nothing_and_takes_nothing() {
    let mut account = Account::new(Tier::Basic, 1, at(0));
    assert!(account.take(Charge::Write(0), 100, at(0)));
    assert!(!account.take(Charge::Write(0), 10, at(-50_000_000)));
    assert!(account.take(Charge::Write(0), 10, at(100_000)));
}
