//! The account: balance, positions, fills, settlements, payments, subaccounts and transfers.

mod balance;
mod fill;
mod payment;
mod position;
mod settlement;
mod subaccount;
mod transfer;

pub use balance::{Balance, BalanceQuery, RestingOrderValue, ShardBalance};
pub use fill::{Fill, FillsPage, FillsQuery};
pub use payment::{
    DepositsPage, DepositsQuery, Payment, PaymentKind, PaymentStatus, WithdrawalsPage, WithdrawalsQuery,
};
pub use position::{EventPosition, MarketPosition, PositionCount, PositionsPage, PositionsQuery, SettlementFilter};
pub use settlement::{Settlement, SettlementsPage, SettlementsQuery};
pub use subaccount::{
    CreateSubaccount, SubaccountBalance, SubaccountBalances, SubaccountCreated, SubaccountNetting,
    SubaccountNettingRequest, SubaccountNettings, SubaccountTransfer, SubaccountTransferRequest,
    SubaccountTransfersPage, SubaccountTransfersQuery,
};
pub use transfer::{
    ExchangeInstance, RestingReservation, ShardShare, ShardTransfer, ShardTransferAnswer, ShardTransferCreated,
    ShardTransferRequest, ShardTransfersPage, ShardTransfersQuery, TargetAllocation, TargetAllocationRequest,
    TargetShare, TransferStatus,
};

use crate::{
    client::{Call, Client, Error, RetrySafety},
    rest::{
        names_it,
        paging::{Items, items, pages},
        value::{Query, Subaccount, TransferId, operations},
    },
};

operations! {
    GET_BALANCE = Get "/portfolio/balance" "GetBalance" signed Balance;
    GET_POSITIONS = Get "/portfolio/positions" "GetPositions" signed Read;
    GET_FILLS = Get "/portfolio/fills" "GetFills" signed Read;
    GET_SETTLEMENTS = Get "/portfolio/settlements" "GetSettlements" signed Read;
    GET_DEPOSITS = Get "/portfolio/deposits" "GetDeposits" signed Read;
    GET_WITHDRAWALS = Get "/portfolio/withdrawals" "GetWithdrawals" signed Read;
    GET_PORTFOLIO_RESTING_ORDER_TOTAL_VALUE = Get "/portfolio/summary/total_resting_order_value"
        "GetPortfolioRestingOrderTotalValue" signed Read;
    CREATE_SUBACCOUNT = Post "/portfolio/subaccounts" "CreateSubaccount" signed Read;
    APPLY_SUBACCOUNT_TRANSFER = Post "/portfolio/subaccounts/transfer" "ApplySubaccountTransfer" signed Read;
    GET_SUBACCOUNT_BALANCES = Get "/portfolio/subaccounts/balances" "GetSubaccountBalances" signed Read;
    GET_SUBACCOUNT_TRANSFERS = Get "/portfolio/subaccounts/transfers" "GetSubaccountTransfers" signed Read;
    UPDATE_SUBACCOUNT_NETTING = Put "/portfolio/subaccounts/netting" "UpdateSubaccountNetting" signed Read;
    GET_SUBACCOUNT_NETTING = Get "/portfolio/subaccounts/netting" "GetSubaccountNetting" signed Read;
    INTRA_EXCHANGE_INSTANCE_TRANSFER = Post "/portfolio/intra_exchange_instance_transfer"
        "IntraExchangeInstanceTransfer" signed Read;
    GET_INTRA_EXCHANGE_INSTANCE_TRANSFERS = Get "/portfolio/intra_exchange_instance_transfers"
        "GetIntraExchangeInstanceTransfers" signed Read;
    GET_INTRA_EXCHANGE_INSTANCE_TRANSFER = Get "/portfolio/intra_exchange_instance_transfers/{transfer_id}"
        "GetIntraExchangeInstanceTransfer" signed Read;
    GET_TARGET_BALANCE_ALLOCATION = Get "/portfolio/target_balance_allocation" "GetTargetBalanceAllocation" signed Read;
    SET_TARGET_BALANCE_ALLOCATION = Post "/portfolio/target_balance_allocation"
        "SetTargetBalanceAllocation" signed Read;
}

pages! {
    GET_POSITIONS(PositionsQuery) = PositionsPage { market_positions: MarketPosition };
    GET_POSITIONS(PositionsQuery) = PositionsPage { event_positions: EventPosition };
    GET_FILLS(FillsQuery) = FillsPage { fills: Fill };
    GET_SETTLEMENTS(SettlementsQuery) = SettlementsPage { settlements: Settlement };
    GET_DEPOSITS(DepositsQuery) = DepositsPage { deposits: Payment };
    GET_WITHDRAWALS(WithdrawalsQuery) = WithdrawalsPage { withdrawals: Payment };
    GET_SUBACCOUNT_TRANSFERS(SubaccountTransfersQuery) = SubaccountTransfersPage { transfers: SubaccountTransfer };
    GET_INTRA_EXCHANGE_INSTANCE_TRANSFERS(ShardTransfersQuery) = ShardTransfersPage { transfers: ShardTransfer };
}

impl Client {
    /// What the account holds. Has a budget of its own: once a second on the lower tiers. Operation `GetBalance`.
    pub async fn balance(&self, query: &BalanceQuery) -> Result<Balance, Error> {
        self.call(query.add_to(Call::new(&GET_BALANCE))).await
    }

    /// A page of positions. Operation `GetPositions`.
    pub async fn positions(&self, query: &PositionsQuery) -> Result<PositionsPage, Error> {
        self.call(query.add_to(Call::new(&GET_POSITIONS))).await
    }

    /// All positions in markets that the query names. Pages of [`positions`](Client::positions), from `query.cursor`
    /// on.
    pub fn all_market_positions(&self, query: PositionsQuery) -> Items<MarketPosition> {
        items(self, query)
    }

    /// All positions in events that the query names. Pages of [`positions`](Client::positions), from `query.cursor` on.
    pub fn all_event_positions(&self, query: PositionsQuery) -> Items<EventPosition> {
        items(self, query)
    }

    /// A page of fills, of all subaccounts unless the query says which. Older ones are under
    /// [`historical_fills`](Client::historical_fills). Operation `GetFills`.
    pub async fn fills(&self, query: &FillsQuery) -> Result<FillsPage, Error> {
        self.call(query.add_to(Call::new(&GET_FILLS))).await
    }

    /// All fills that the query names. Pages of [`fills`](Client::fills), from `query.cursor` on.
    pub fn all_fills(&self, query: FillsQuery) -> Items<Fill> {
        items(self, query)
    }

    /// A page of settlements, of all subaccounts unless the query says which. Operation `GetSettlements`.
    pub async fn settlements(&self, query: &SettlementsQuery) -> Result<SettlementsPage, Error> {
        self.call(query.add_to(Call::new(&GET_SETTLEMENTS))).await
    }

    /// All settlements that the query names. Pages of [`settlements`](Client::settlements), from `query.cursor` on.
    pub fn all_settlements(&self, query: SettlementsQuery) -> Items<Settlement> {
        items(self, query)
    }

    /// A page of deposits. Operation `GetDeposits`.
    pub async fn deposits(&self, query: &DepositsQuery) -> Result<DepositsPage, Error> {
        self.call(query.add_to(Call::new(&GET_DEPOSITS))).await
    }

    /// All deposits. Pages of [`deposits`](Client::deposits), from `query.cursor` on.
    pub fn all_deposits(&self, query: DepositsQuery) -> Items<Payment> {
        items(self, query)
    }

    /// A page of withdrawals. Operation `GetWithdrawals`.
    pub async fn withdrawals(&self, query: &WithdrawalsQuery) -> Result<WithdrawalsPage, Error> {
        self.call(query.add_to(Call::new(&GET_WITHDRAWALS))).await
    }

    /// All withdrawals. Pages of [`withdrawals`](Client::withdrawals), from `query.cursor` on.
    pub fn all_withdrawals(&self, query: WithdrawalsQuery) -> Items<Payment> {
        items(self, query)
    }

    /// What the resting orders would cost; meant for futures commission merchants. Operation
    /// `GetPortfolioRestingOrderTotalValue`.
    pub async fn resting_order_value(&self) -> Result<RestingOrderValue, Error> {
        self.call(Call::new(&GET_PORTFOLIO_RESTING_ORDER_TOTAL_VALUE)).await
    }

    /// Opens the next subaccount, up to 63. It may take a second or two until it can be used. Operation
    /// `CreateSubaccount`.
    pub async fn create_subaccount(&self, body: &CreateSubaccount) -> Result<Subaccount, Error> {
        Ok(self.call::<SubaccountCreated>(Call::new(&CREATE_SUBACCOUNT).body(body)).await?.subaccount_number)
    }

    /// Moves money from one subaccount to another. Operation `ApplySubaccountTransfer`.
    ///
    /// Retried after a failure of which nobody knows whether the venue executed it: the venue knows the transfer by its
    /// `client_transfer_id`.
    pub async fn transfer_between_subaccounts(&self, body: &SubaccountTransferRequest) -> Result<(), Error> {
        let mut call = Call::new(&APPLY_SUBACCOUNT_TRANSFER).body(body);
        if names_it(Some(&body.client_transfer_id)) {
            call = call.retry(RetrySafety::Deduplicated);
        }
        self.done(call).await
    }

    /// The balance of every subaccount on every shard. Operation `GetSubaccountBalances`.
    pub async fn subaccount_balances(&self) -> Result<Vec<SubaccountBalance>, Error> {
        Ok(self.call::<SubaccountBalances>(Call::new(&GET_SUBACCOUNT_BALANCES)).await?.subaccount_balances)
    }

    /// A page of transfers between subaccounts. Operation `GetSubaccountTransfers`.
    pub async fn subaccount_transfers(
        &self,
        query: &SubaccountTransfersQuery,
    ) -> Result<SubaccountTransfersPage, Error> {
        self.call(query.add_to(Call::new(&GET_SUBACCOUNT_TRANSFERS))).await
    }

    /// All transfers between subaccounts. Pages of [`subaccount_transfers`](Client::subaccount_transfers), from
    /// `query.cursor` on.
    pub fn all_subaccount_transfers(&self, query: SubaccountTransfersQuery) -> Items<SubaccountTransfer> {
        items(self, query)
    }

    /// Says whether a subaccount nets its positions. Operation `UpdateSubaccountNetting`.
    pub async fn set_subaccount_netting(&self, body: &SubaccountNettingRequest) -> Result<(), Error> {
        self.done(Call::new(&UPDATE_SUBACCOUNT_NETTING).body(body)).await
    }

    /// Which subaccounts net their positions. Operation `GetSubaccountNetting`.
    pub async fn subaccount_netting(&self) -> Result<Vec<SubaccountNetting>, Error> {
        Ok(self.call::<SubaccountNettings>(Call::new(&GET_SUBACCOUNT_NETTING)).await?.netting_configs)
    }

    /// Moves money from one shard to another. Operation `IntraExchangeInstanceTransfer`.
    ///
    /// With a `client_transfer_id` it is retried after a failure of which nobody knows whether the venue executed it:
    /// the venue refuses the second transfer with that id (409), which then means that the first was executed.
    pub async fn transfer_between_shards(&self, body: &ShardTransferRequest) -> Result<TransferId, Error> {
        let mut call = Call::new(&INTRA_EXCHANGE_INSTANCE_TRANSFER).body(body);
        if names_it(body.client_transfer_id.as_ref()) {
            call = call.retry(RetrySafety::Deduplicated);
        }
        Ok(self.call::<ShardTransferCreated>(call).await?.transfer_id)
    }

    /// A page of transfers between shards. Operation `GetIntraExchangeInstanceTransfers`.
    pub async fn shard_transfers(&self, query: &ShardTransfersQuery) -> Result<ShardTransfersPage, Error> {
        self.call(query.add_to(Call::new(&GET_INTRA_EXCHANGE_INSTANCE_TRANSFERS))).await
    }

    /// All transfers between shards. Pages of [`shard_transfers`](Client::shard_transfers), from `query.cursor` on.
    pub fn all_shard_transfers(&self, query: ShardTransfersQuery) -> Items<ShardTransfer> {
        items(self, query)
    }

    /// One transfer between shards. Operation `GetIntraExchangeInstanceTransfer`.
    pub async fn shard_transfer(&self, transfer_id: &TransferId) -> Result<ShardTransfer, Error> {
        Ok(self
            .call::<ShardTransferAnswer>(
                Call::new(&GET_INTRA_EXCHANGE_INSTANCE_TRANSFER).path("transfer_id", transfer_id),
            )
            .await?
            .transfer)
    }

    /// How the balance is to be spread over the shards. Operation `GetTargetBalanceAllocation`.
    pub async fn target_balance_allocation(&self) -> Result<TargetAllocation, Error> {
        self.call(Call::new(&GET_TARGET_BALANCE_ALLOCATION)).await
    }

    /// Says how the balance is to be spread over the shards. Operation `SetTargetBalanceAllocation`.
    pub async fn set_target_balance_allocation(&self, body: &TargetAllocationRequest) -> Result<(), Error> {
        self.done(Call::new(&SET_TARGET_BALANCE_ALLOCATION).body(body)).await
    }
}
