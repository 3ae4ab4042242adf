//! The command interpreter: a script leaves a machine in order, and does the same thing twice.

use crate::guest::shell::{Execution, carry_out, execute};
use crate::guest::{Guest, HostFiles, Interface, Route, Way};

/// Any bytes as a script on an instance.
pub fn shell(bytes: &[u8]) {
    let script = String::from_utf8_lossy(bytes);
    let files = HostFiles {
        hostname: "server".into(),
        ..HostFiles::default()
    };
    let (mut guest, mut twin) = (machine(), machine());
    let done = execute(&mut guest, &files, &script);
    assert_eq!(done, execute(&mut twin, &files, &script));
    assert_eq!(guest, twin);
    in_order(&guest);
    bounded(&done, script.len());
    let mut thought = machine();
    let _ = carry_out(&mut thought, &script);
    in_order(&thought);
}

/// An instance as the cloud gives it.
fn machine() -> Guest {
    let out = |via: Option<[u8; 4]>| Route {
        way: Way::Out {
            dev: "eth0".into(),
            via: via.map(Into::into),
        },
        source: None,
    };
    let mut guest = Guest::default();
    let eth0 = Interface {
        up: true,
        mtu: 9001,
        addresses: vec!["10.0.0.254/24".parse().unwrap()],
        vxlan: None,
    };
    guest.interfaces.insert("eth0".into(), eth0);
    let own = Route {
        source: Some([10, 0, 0, 254].into()),
        ..out(None)
    };
    guest.routes.insert("10.0.0.0/24".parse().unwrap(), own);
    let all = out(Some([10, 0, 0, 1]));
    guest.routes.insert("0.0.0.0/0".parse().unwrap(), all);
    guest
}

/// What holds of every machine that Linux runs.
fn in_order(guest: &Guest) {
    for (name, interface) in &guest.interfaces {
        assert!((1..16).contains(&name.len()), "{name:?}");
        let mut addresses = interface.addresses.clone();
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), interface.addresses.len(), "{name}");
        if let Some(vxlan) = &interface.vxlan {
            assert!(vxlan.vni < 1 << 24, "{name}");
            let below = vxlan.below.as_ref();
            assert!(below.is_none_or(|below| guest.interfaces.contains_key(below)));
        }
    }
    for (net, route) in &guest.routes {
        assert_eq!(*net, net.trunc());
        if let Way::Out { dev, .. } = &route.way {
            let interface = guest.interfaces.get(dev);
            assert!(
                dev == "lo" || interface.is_some_and(|interface| interface.up),
                "{net} by {dev}"
            );
        }
    }
}

/// What a script leaves is bounded: what it writes by 1 MiB an output and a word on what is missing, what is told
/// of its commands by its length.
fn bounded(done: &Execution, length: usize) {
    let most = (1 << 20) + 64;
    assert!(done.stdout.len() <= most && done.stderr.len() <= most);
    assert!(done.skipped.len() <= length);
    for skipped in &done.skipped {
        assert!(!skipped.reason.is_empty());
        for told in [&skipped.reason, &skipped.command] {
            assert!(told.chars().count() <= 200, "{skipped:?}");
        }
    }
}
