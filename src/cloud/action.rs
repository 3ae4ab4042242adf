//! [`Action`] over both sides.

use serde::Deserializer;

use super::{Action, aws, soracom};

impl Action {
    /// The names of all actions of both sides.
    pub fn names() -> impl Iterator<Item = &'static str> {
        aws::Action::NAMES
            .iter()
            .chain(soracom::Action::NAMES)
            .copied()
    }

    /// The operation's real name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Aws(action) => action.name(),
            Self::Soracom(action) => action.name(),
        }
    }

    /// Reads the parameters of the operation called `name`; none if there is no such operation. Upper
    /// and lower case count: AWS's operations begin with a capital letter, SORACOM's don't.
    pub fn read<'de, D: Deserializer<'de>>(name: &str, from: D) -> Option<Result<Self, D::Error>> {
        if aws::Action::NAMES.contains(&name) {
            aws::Action::read(name, from).map(|action| action.map(Self::Aws))
        } else {
            soracom::Action::read(name, from).map(|action| action.map(Self::Soracom))
        }
    }
}

impl From<aws::Action> for Action {
    fn from(action: aws::Action) -> Self {
        Self::Aws(action)
    }
}

impl From<soracom::Action> for Action {
    fn from(action: soracom::Action) -> Self {
        Self::Soracom(action)
    }
}
