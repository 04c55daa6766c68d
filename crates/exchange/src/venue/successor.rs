//! A venue that takes the place of another: the same users and keys, and nothing else of it.

use super::{Account, Venue};
use crate::limits;

impl Venue {
    /// Takes over the accounts of another venue with their keys, names and limits, each with the money that came to it
    /// from outside. Orders, positions and records stay behind; whoever is connected there is not here, and is woken to
    /// find out.
    ///
    /// Accounts that both have, which they were made with, are left as they are.
    pub fn succeed(&mut self, before: &mut Venue) {
        let own = self.accounts.len();
        for account in before.accounts.drain(..).skip(own) {
            let Account { opened, netting, user, limits, .. } = account;
            let id = self.open_account(opened, self.now);
            if let Some(account) = self.accounts.get_mut(id.0 as usize) {
                account.netting = netting;
                account.user = user;
                account.limits = limits::Account::new(limits.tier(), self.shards.len(), self.now);
            }
        }
        for (owner, shard, amount) in std::mem::take(&mut before.deposits) {
            if owner.account.0 as usize >= own {
                // An engine that is new takes what another took; a shard fewer is no loss of a user's here.
                let _ = self.deposit(owner, shard, amount, self.now);
            }
        }
        self.keys = std::mem::take(&mut before.keys);
        self.keys_made = before.keys_made;
        self.hub.succeed(&before.hub);
    }
}
