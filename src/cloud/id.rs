//! Names and identifiers.

use std::fmt;

/// Declares newtypes for the names of resources, so that one can't be taken for another.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The resource of this name.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
pub(crate) use names;

/// An AWS account number: twelve digits.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

impl AccountId {
    /// The account that SORACOM's VPCs belong to. An account that nobody has: the real ones are not
    /// published.
    pub fn soracom() -> Self {
        Self("999999999999".into())
    }

    /// The number.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for AccountId {
    fn default() -> Self {
        Self("111122223333".into())
    }
}

impl TryFrom<String> for AccountId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text))
        } else {
            Err(format!(
                "an AWS account number has twelve digits, as in \"111122223333\"; this is {text:?}"
            ))
        }
    }
}

impl From<AccountId> for String {
    fn from(account: AccountId) -> Self {
        account.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identifier that a service would have assigned: `prefix` and `digits` hexadecimal digits that
/// depend on nothing but the kind and the name, so that a run can be repeated.
pub fn service_id(prefix: &str, name: &str, digits: usize) -> String {
    // FNV-1a over 128 bits.
    let hash = prefix.bytes().chain([b'/']).chain(name.bytes()).fold(
        0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128,
        |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_013b),
    );
    let hex = format!("{hash:032x}");
    format!("{prefix}{}", &hex[hex.len() - digits.min(32)..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_look_like_the_services_own_and_repeat() {
        let id = service_id("vpc-0", "customer", 16);
        assert_eq!(id.len(), "vpc-0123456789abcdef0".len());
        assert_eq!(id, service_id("vpc-0", "customer", 16));
        assert_ne!(id, service_id("vpc-0", "other", 16));
    }

    #[test]
    fn an_account_number_has_twelve_digits() {
        assert!(AccountId::try_from("111122223333".to_owned()).is_ok());
        assert!(AccountId::try_from("1111-2222-3333".to_owned()).is_err());
    }
}
