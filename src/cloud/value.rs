//! Values of resources by path: `vpg.outer_ip[0]`, `pcx.id`, `subnet.public.cidr`.

use std::collections::BTreeMap;

use super::Cloud;
use super::nearest::{hint, nearest};

/// Why a path leads to no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The text is no path.
    #[error("{path:?} is no path; write name.attribute, name.attribute[0] or kind.name.attribute")]
    Syntax {
        /// The text.
        path: String,
    },
    /// No resource of this name.
    #[error("no resource is called {name:?}{}", did_you_mean(nearest))]
    UnknownName {
        /// The name, with the kind if one was given.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// The resource has no such attribute.
    #[error("{name} has no attribute {attribute:?}; {}", hint(attribute, .existing.iter().map(String::as_str)))]
    UnknownAttribute {
        /// The resource.
        name: String,
        /// The attribute.
        attribute: String,
        /// The attributes that there are.
        existing: Vec<String>,
    },
    /// The index lies behind the end of the list.
    #[error("{path}: the list has {len} {}, counted from 0", if *.len == 1 { "entry" } else { "entries" })]
    OutOfRange {
        /// The path.
        path: String,
        /// How long the list is.
        len: usize,
    },
    /// The attribute has several values.
    #[error("{path} is a list of {len}; say which, as in {path}[0]")]
    NeedsIndex {
        /// The path.
        path: String,
        /// How long the list is.
        len: usize,
    },
    /// The attribute has no value now: the address of an offline SIM, for instance.
    #[error("{path} has no value at the moment")]
    Empty {
        /// The path.
        path: String,
    },
    /// Resources of several kinds have the name and the attribute.
    #[error("{path} is ambiguous; write one of {}", .candidates.join(", "))]
    Ambiguous {
        /// The path.
        path: String,
        /// The paths that say which.
        candidates: Vec<String>,
    },
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map(|name| format!("; did you mean {name:?}?"))
        .unwrap_or_default()
}

/// A resource that a path may mean.
struct Candidate<'a> {
    kind: &'static str,
    name: &'a str,
    attributes: BTreeMap<&'static str, Vec<String>>,
}

impl Cloud {
    /// The value at a path `[kind.]name.attribute[index]`; a list needs the index.
    ///
    /// # Errors
    ///
    /// What is wrong with the path, and what there is instead.
    pub fn value(&self, path: &str) -> Result<String, ValueError> {
        let (resource, attribute, index) = parse(path).ok_or_else(|| ValueError::Syntax {
            path: path.to_owned(),
        })?;
        let mut candidates = self.candidates(resource);
        if candidates.is_empty() {
            return Err(self.unknown_name(resource));
        }
        if !candidates
            .iter()
            .any(|candidate| candidate.attributes.contains_key(attribute))
        {
            let mut existing: Vec<_> = candidates
                .iter()
                .flat_map(|candidate| candidate.attributes.keys())
                .map(|&name| name.to_owned())
                .collect();
            existing.sort();
            existing.dedup();
            return Err(ValueError::UnknownAttribute {
                name: resource.to_owned(),
                attribute: attribute.to_owned(),
                existing,
            });
        }
        candidates.retain(|candidate| candidate.attributes.contains_key(attribute));
        if candidates.len() > 1 {
            return Err(ValueError::Ambiguous {
                path: path.to_owned(),
                candidates: candidates
                    .iter()
                    .map(|candidate| format!("{}.{}.{attribute}", candidate.kind, candidate.name))
                    .collect(),
            });
        }
        let values = candidates
            .pop()
            .and_then(|mut candidate| candidate.attributes.remove(attribute))
            .unwrap_or_default();
        pick(path, values, index)
    }

    /// The resources that `[kind.]name` may mean.
    fn candidates<'a>(&self, resource: &'a str) -> Vec<Candidate<'a>> {
        let mut found = self.named(resource);
        if let Some((kind, name)) = resource.split_once('.') {
            let with_kind = self.named(name);
            found.extend(with_kind.into_iter().filter(|one| one.kind == kind));
        }
        found
    }

    fn named<'a>(&self, name: &'a str) -> Vec<Candidate<'a>> {
        self.aws
            .values(name)
            .into_iter()
            .chain(self.soracom.values(name, &self.aws))
            .map(|(kind, attributes)| Candidate {
                kind,
                name,
                attributes,
            })
            .collect()
    }

    fn unknown_name(&self, resource: &str) -> ValueError {
        let names: Vec<_> = self.aws.names().chain(self.soracom.names()).collect();
        let with_kind: Vec<_> = names
            .iter()
            .map(|(kind, name)| format!("{kind}.{name}"))
            .collect();
        let meant = if resource.contains('.') {
            nearest(resource, with_kind.iter().map(String::as_str))
        } else {
            nearest(resource, names.iter().map(|(_, name)| name.as_str()))
        };
        ValueError::UnknownName {
            name: resource.to_owned(),
            nearest: meant.map(str::to_owned),
        }
    }
}

/// Resource, attribute, index.
fn parse(path: &str) -> Option<(&str, &str, Option<usize>)> {
    let (rest, index) = match path.strip_suffix(']') {
        Some(inner) => {
            let (rest, index) = inner.rsplit_once('[')?;
            (rest, Some(index.parse().ok()?))
        }
        None => (path, None),
    };
    let (resource, attribute) = rest.rsplit_once('.')?;
    let whole = !resource.is_empty() && !attribute.is_empty() && !attribute.contains(['[', ']']);
    whole.then_some((resource, attribute, index))
}

fn pick(path: &str, values: Vec<String>, index: Option<usize>) -> Result<String, ValueError> {
    let path = path.to_owned();
    let len = values.len();
    match index {
        None if len > 1 => Err(ValueError::NeedsIndex { path, len }),
        None => values.into_iter().next().ok_or(ValueError::Empty { path }),
        Some(index) => values
            .into_iter()
            .nth(index)
            .ok_or(ValueError::OutOfRange { path, len }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use crate::cloud::testing::World;

    fn complaint(world: &World, path: &str) -> String {
        world.cloud.value(path).unwrap_err().to_string()
    }

    #[test]
    fn a_path_leads_to_a_value_or_to_what_is_wrong_with_it() {
        let mut world = World::with_vpg();
        assert_eq!(world.value("vpg.outer_ip[1]"), "100.64.0.132");
        assert_eq!(world.value("sim.sensor.online"), "false");
        assert_eq!(world.value("vpg.vni[0]"), "10");
        assert_eq!(
            complaint(&world, "vpg.outer_ip"),
            "vpg.outer_ip is a list of 2; say which, as in vpg.outer_ip[0]"
        );
        assert_eq!(
            complaint(&world, "vpg.outer_ip[2]"),
            "vpg.outer_ip[2]: the list has 2 entries, counted from 0"
        );
        assert_eq!(
            complaint(&world, "senser.ip"),
            "no resource is called \"senser\"; did you mean \"sensor\"?"
        );
        assert_eq!(
            complaint(&world, "sim.senser.ip"),
            "no resource is called \"sim.senser\"; did you mean \"sim.sensor\"?"
        );
        assert_eq!(
            complaint(&world, "vpg.outer_ips[0]"),
            "vpg has no attribute \"outer_ips\"; did you mean \"outer_ip\"?"
        );
        assert_eq!(
            complaint(&world, "sensor.ip"),
            "sensor.ip has no value at the moment"
        );
        for path in [
            "",
            "vpg",
            ".ip",
            "vpg.",
            "vpg.outer_ip[x]",
            "vpg.outer_ip[0",
        ] {
            assert!(complaint(&world, path).contains("is no path"), "{path}");
        }
        world.run("registerSim", json!({"as": "vpg"}));
        assert_eq!(
            complaint(&world, "vpg.status"),
            "vpg.status is ambiguous; write one of sim.vpg.status, vpg.vpg.status"
        );
        assert_eq!(world.value("vpg.vpg.status"), "running");
        assert_eq!(world.value("vpg.vni"), "10");
    }
}
