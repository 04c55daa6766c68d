//! Who decides: the same seed and the same questions at the same times, the same faults.

use daybook_book::ExchangeTime;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};

use super::{Class, Kind, Passing, Plan, Rule, Target, When};

/// Decides what is struck. It reads no clock: times are those of the questions.
///
/// Each rule draws from a stream of its own, so what one does is not changed by rules after it.
#[derive(Clone, Debug)]
pub struct Injector {
    seed: u64,
    armed: Vec<Armed>,
    start: ExchangeTime,
}

/// A rule and how far it has come.
#[derive(Clone, Debug)]
struct Armed {
    rule: Rule,
    /// Its place in the plan; none for one that strikes once.
    number: Option<usize>,
    random: ChaCha8Rng,
    asked: u64,
    struck: u64,
    /// Timed strikes that are behind.
    times: u64,
    /// The end of the storm that it began.
    storm: Option<ExchangeTime>,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// What.
    pub kind: Kind,
    /// The place of its rule in the plan, from 0; none if it was asked for by itself.
    pub rule: Option<usize>,
    /// How long, in milliseconds.
    pub for_ms: Option<u64>,
    /// How much.
    pub amount: i64,
}

impl Injector {
    /// Follows a plan, whose times count from `start`.
    pub fn new(plan: &Plan, start: ExchangeTime) -> Injector {
        let armed = plan.rules.iter().enumerate().map(|(number, rule)| Armed::new(rule, plan.seed, Some(number)));
        Injector { seed: plan.seed, armed: armed.collect(), start }
    }

    /// The plan that is followed.
    pub fn plan(&self) -> Plan {
        let rules = self.armed.iter().filter(|armed| armed.number.is_some()).map(|armed| armed.rule.clone());
        Plan { seed: self.seed, rules: rules.collect() }
    }

    /// Lets the next that matches be struck by this rule, whatever it says about when; once.
    pub fn once(&mut self, rule: Rule) {
        let rule = Rule { when: When::Every(1), limit: Some(1), ..rule };
        self.armed.insert(0, Armed::new(&rule, self.seed, None));
    }

    /// Whether nothing can strike.
    pub fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    /// Whether something of this class waits to strike once.
    pub fn has_once(&self, class: Class) -> bool {
        self.armed.iter().any(|armed| armed.number.is_none() && armed.rule.kind.class() == class)
    }

    /// Rules of this class.
    pub fn rules(&self, class: Class) -> impl Iterator<Item = &Rule> {
        self.armed.iter().map(|armed| &armed.rule).filter(move |rule| rule.kind.class() == class)
    }

    /// What happens to what comes by, if anything. The first rule that strikes decides, and the others are not asked.
    pub fn ask(&mut self, class: Class, passing: &Passing<'_>, now: ExchangeTime) -> Option<Strike> {
        self.ask_where(class, passing, now, |_| true)
    }

    /// What happens to the exchange, and to what of it.
    pub(super) fn ask_exchange(&mut self, now: ExchangeTime) -> Option<(Strike, Target)> {
        let at = self.find(Class::Exchange, &Passing::default(), now, |_| true)?;
        let target = self.armed[at].rule.target.clone();
        Some((self.strike(at), target))
    }

    /// The same of rules that something else speaks for too.
    pub(super) fn ask_where(
        &mut self,
        class: Class,
        passing: &Passing<'_>,
        now: ExchangeTime,
        fits: impl Fn(&Rule) -> bool,
    ) -> Option<Strike> {
        let at = self.find(class, passing, now, fits)?;
        Some(self.strike(at))
    }

    fn strike(&mut self, at: usize) -> Strike {
        let Armed { rule, number, .. } = &self.armed[at];
        let strike = Strike { kind: rule.kind, rule: *number, for_ms: rule.lasts_ms(), amount: rule.amounts_to() };
        if number.is_none() {
            self.armed.remove(at);
        }
        strike
    }

    /// Which rule strikes.
    fn find(
        &mut self,
        class: Class,
        passing: &Passing<'_>,
        now: ExchangeTime,
        fits: impl Fn(&Rule) -> bool,
    ) -> Option<usize> {
        let since = u64::try_from(now.micros().saturating_sub(self.start.micros()) / 1_000).unwrap_or(0);
        self.armed.iter_mut().position(|armed| {
            armed.rule.kind.class() == class
                && (class == Class::Exchange || armed.rule.target.matches(passing))
                && fits(&armed.rule)
                && armed.strikes(now, since)
        })
    }
}

impl Armed {
    fn new(rule: &Rule, seed: u64, number: Option<usize>) -> Armed {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(number.map_or(0, |number| number as u64 + 1));
        Armed { rule: rule.clone(), number, random, asked: 0, struck: 0, times: 0, storm: None }
    }

    fn strikes(&mut self, now: ExchangeTime, since: u64) -> bool {
        if self.storm.is_some_and(|end| now < end) {
            return true;
        }
        self.storm = None;
        self.asked += 1;
        if self.rule.limit.is_some_and(|limit| self.struck >= limit) {
            return false;
        }
        let strikes = match &self.rule.when {
            When::PerThousand(rate) => self.random.next_u64() % 1_000 < u64::from(*rate),
            When::Every(every) => self.asked.is_multiple_of(*every),
            // What was missed while nothing came by is one strike, not many.
            When::EveryMs(every) => {
                let due = since / every;
                let strikes = due > self.times;
                self.times = self.times.max(due);
                strikes
            }
            When::AtMs(times) => {
                let due = times.iter().filter(|&&at| at <= since).count() as u64;
                let strikes = due > self.times;
                self.times += u64::from(strikes);
                strikes
            }
        };
        if strikes {
            self.struck += 1;
            if self.rule.kind.is_storm() {
                let lasts = i64::try_from(self.rule.lasts_ms().unwrap_or(0)).unwrap_or(i64::MAX).saturating_mul(1_000);
                self.storm = Some(ExchangeTime::from_micros(now.micros().saturating_add(lasts)));
            }
        }
        strikes
    }
}

#[cfg(test)]
mod tests;
