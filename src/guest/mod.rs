//! What runs inside an instance or a device, as far as it concerns packets: what the cloud gave it, and
//! what its owner configured by hand.
//!
//! The clouds don't know it, and no API shows it, yet half of what goes wrong with Gate goes wrong here.
//! It is known from the machine itself, or from the commands that its owner typed.

mod files;
mod fresh;
mod listen;
mod model;
pub mod shell;

pub use files::HostFiles;
pub use fresh::fresh;
pub use listen::{Listen, Transport};
pub use model::{Guest, Guests, Interface, Route, Vxlan, Way};
