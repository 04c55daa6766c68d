//! Who is calling: API keys, and the proof that a request was signed with one.
//!
//! A request names its key, the time in milliseconds, and a signature of time, method and path. The private half of a
//! key leaves this crate once, when it is made; what is kept can only verify.

mod key;
mod registry;
mod request;

pub use key::{KeyError, PrivateKey, PublicKey};
pub(crate) use key::{algorithm, kind};
pub use registry::{ApiKey, Keys, NewKey, Permission};
pub use request::{AuthError, Signed};
