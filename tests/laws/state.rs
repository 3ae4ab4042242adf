//! What is true of the clouds at any time.

mod aws;
mod soracom;

use std::collections::BTreeSet;

use canal_sim::cloud::Cloud;
use ipnet::Ipv4Net;

/// Fails where a cloud's state makes no sense.
pub fn check(cloud: &Cloud) {
    aws::check(&cloud.aws);
    soracom::check(cloud);
    for (kind, name) in cloud.soracom.names().chain(cloud.aws.names()) {
        let id = cloud.value(&format!("{kind}.{name}.id"));
        assert!(id.is_ok(), "{kind}.{name}");
    }
}

fn distinct<T: Ord>(values: impl IntoIterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    values.into_iter().all(|value| seen.insert(value))
}

fn overlap(a: &Ipv4Net, b: &Ipv4Net) -> bool {
    a.contains(b) || b.contains(a)
}
