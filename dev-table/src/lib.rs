//! Where an archive lives ([`store`]) and the open tables that it is made of ([`table`]).

pub mod store;
pub mod table;
