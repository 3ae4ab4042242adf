//! Refusals in the EC2 API's words (Amazon EC2 API Reference, "Error codes for the Amazon EC2 API").

use crate::cloud::nearest::hint;
use crate::cloud::{ApiError, Event};

/// What an operation gives: what happened, or the refusal that left everything as it was.
pub(super) type Outcome = Result<Vec<Event>, ApiError>;

/// Refuses.
pub(super) fn refuse<T>(code: &'static str, message: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::aws(code, message))
}

/// The refusal of a name that nothing has, with the nearest that something has.
pub(super) fn unknown<'a>(
    code: &'static str,
    kind: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> ApiError {
    ApiError::aws(
        code,
        format!("the {kind} {name:?} does not exist; {}", hint(name, known)),
    )
}

/// The refusal of a name that something has already. In the real API, identifiers are assigned and
/// never clash; here names stand for them.
pub(super) fn taken(kind: &str, name: &str) -> ApiError {
    ApiError::aws(
        "InvalidParameterValue",
        format!("the {kind} {name:?} exists already; choose another name"),
    )
}

/// Names for a message, in quotes.
pub(super) fn list<T: AsRef<str>>(names: &[T]) -> String {
    let quoted: Vec<String> = names
        .iter()
        .map(|name| format!("{:?}", name.as_ref()))
        .collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_gets_the_nearest_one() {
        let error = unknown(
            "InvalidVpcID.NotFound",
            "VPC",
            "custmer",
            ["customer", "other"],
        );
        assert_eq!(
            error.to_string(),
            "InvalidVpcID.NotFound: the VPC \"custmer\" does not exist; did you mean \"customer\"?"
        );
    }

    #[test]
    fn a_strange_name_gets_what_there_is() {
        let error = unknown("InvalidVpcID.NotFound", "VPC", "zzz", ["customer", "other"]);
        assert!(error.message.ends_with("there is \"customer\", \"other\""));
        let error = unknown("InvalidVpcID.NotFound", "VPC", "zzz", []);
        assert!(error.message.ends_with("there is none; create it first"));
    }
}
