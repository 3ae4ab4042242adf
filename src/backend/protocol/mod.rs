//! What services and probes say to one another: bytes in, bytes out. No sockets, no clock.
//!
//! | file | both sides of |
//! |---|---|
//! | `ping.rs` | an ICMP echo (RFC 792) |
//! | `dns.rs` | a query for A records (RFC 1035) |
//! | `ntp.rs` | SNTP (RFC 4330) |
//! | `page.rs` | which of a service's pages an HTTP client gets |
//! | `mark.rs` | by what a service recognises a probe |

pub(in crate::backend) mod dns;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub(in crate::backend) mod mark;
pub(in crate::backend) mod ntp;
pub(in crate::backend) mod page;
pub(in crate::backend) mod ping;
