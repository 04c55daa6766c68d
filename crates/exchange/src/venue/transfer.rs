//! Money between an account's own pockets.

use std::sync::Arc;

use daybook_book::{ExchangeTime, Money};

use super::{Kind, Pocket, TransferRow, Venue};
use crate::{
    engine::{AccountId, Command, Owner, Reject},
    feed::Uuid,
};

impl Venue {
    /// Whether a transfer of this name has been made.
    pub(crate) fn knows_transfer(&self, account: AccountId, client_id: &str) -> bool {
        self.client_transfers.contains(&(account, Arc::from(client_id)))
    }

    /// Moves money at once, or not at all.
    pub(crate) fn transfer(
        &mut self,
        account: AccountId,
        (from, to): (Pocket, Pocket),
        amount: Money,
        client_id: Option<Arc<str>>,
        now: ExchangeTime,
    ) -> Result<Uuid, Reject> {
        let of = |pocket: Pocket, amount| Command::Transfer {
            owner: Owner { account, subaccount: pocket.subaccount },
            amount,
        };
        self.apply_on(from.shard, of(from, -amount), now)?;
        if let Err(reject) = self.apply_on(to.shard, of(to, amount), now) {
            // What has just been taken out can be put back.
            self.apply_on(from.shard, of(from, amount), now)?;
            return Err(reject);
        }
        self.transfers_made += 1;
        let id = self.ids.of(Kind::Transfer, self.transfers_made);
        self.client_transfers.extend(client_id.clone().map(|client_id| (account, client_id)));
        let at = self.now;
        if let Some(account) = self.account_mut(account) {
            account.records.transfers.push(TransferRow { id, client_id, from, to, amount, at });
        }
        Ok(id)
    }
}
