//! One subscription of a source: how far it was read, how far it was taken in, and what is missing in between.

use daybook_archive::entry::{Cause, Notice};

/// A subscription, as far as it has been read and as far as it has been taken in.
#[derive(Default)]
pub(super) struct Subscription {
    /// The only market on it, while there is one only.
    pub(super) only: Option<String>,
    /// There is more than one.
    pub(super) several: bool,
    /// The frame read last.
    pub(super) last_frame: Vec<u8>,
    /// The number from which all up to the last one were read, each one more than the one before.
    pub(super) run_start: u64,
    /// Latest exchange time, and received time, of what was read.
    pub(super) last_ts: i64,
    pub(super) last_recv: i64,
    /// The archive's connection that its events are taken in under, once one was.
    pub(super) number: Option<u32>,
    /// Highest number that the archive has under that connection.
    pub(super) taken: Option<u64>,
    /// Received time of the last event taken in.
    pub(super) taken_recv: i64,
    /// There may be coverage to lose.
    pub(super) claims: bool,
    /// The archive was told whether its snapshots begin provable coverage.
    pub(super) provable_told: bool,
}

impl Subscription {
    /// A frame of this market came over it.
    pub(super) fn note_market(&mut self, ticker: &str) {
        if self.several || self.only.as_deref() == Some(ticker) {
            return;
        }
        if self.only.take().is_some() {
            self.several = true;
        } else {
            self.only = Some(ticker.to_owned());
        }
    }

    /// Whether the run that was read leads on from this number without a break.
    pub(super) fn leads_on_from(&self, number: Option<u64>) -> bool {
        number.is_some_and(|number| self.run_start <= number.saturating_add(1))
    }

    /// The archive has, or gets, what this number says. What lies between the last such number and the run that was
    /// read is missing.
    pub(super) fn reach(&mut self, sid: Option<u32>, seq: u64, filtered: bool, notices: &mut Vec<Notice>) {
        if self.taken.is_some_and(|taken| taken < seq) && !self.leads_on_from(self.taken) {
            // The numbers of one market out of many have holes by nature; of a whole subscription, by loss.
            if filtered || !self.several {
                self.doubt(sid, notices);
            } else {
                self.lose(sid, Cause::SequenceGap, notices);
            }
        }
        if self.number.is_some() {
            self.taken = self.taken.max(Some(seq));
        }
    }

    /// Its books cannot be trusted any more.
    pub(super) fn lose(&mut self, sid: Option<u32>, cause: Cause, notices: &mut Vec<Notice>) {
        if let Some(connection) = self.number.filter(|_| std::mem::take(&mut self.claims)) {
            notices.push(Notice::Lost { connection, sid, ticker: None, cause });
        }
    }

    /// Nothing shows any more that its books are complete.
    pub(super) fn doubt(&mut self, sid: Option<u32>, notices: &mut Vec<Notice>) {
        if let Some(connection) = self.number.filter(|_| std::mem::take(&mut self.claims)) {
            notices.push(Notice::Unproven { connection, sid });
        }
    }

    /// The frame of this number proves nothing, so the run begins behind it.
    pub(super) fn break_run(&mut self, seq: Option<u64>) {
        if let Some(seq) = seq.filter(|seq| self.taken.is_none_or(|taken| taken < *seq)) {
            self.run_start = self.run_start.max(seq.saturating_add(1));
        }
    }
}
