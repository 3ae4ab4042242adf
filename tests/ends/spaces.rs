//! Namespaces: their limits are lowered in a user namespace of the program's own (`namespaces(7)`).

use crate::bench::{Bench, Case, Ended, USER};

pub const TRIALS: &[Case] = &[
    ("network_namespaces_as_root", || networks("exec")),
    ("network_namespaces_as_a_user", || networks(USER)),
    ("other_namespaces", others),
    ("user_namespaces", users),
    ("another_backend_is_taken_where_there_is_no_namespace", auto),
];

/// Runs it as root of a user namespace with this limit.
fn limited(bench: &Bench, who: &str, key: &str, most: u32, backend: &str) -> Ended {
    let limit = format!("echo {most} > /proc/sys/user/max_{key}_namespaces");
    let script = format!(r#"{who} unshare -Ur sh -euc '{limit}; exec "$@"' sh "$@""#);
    bench.run(&script, &["--backend", backend])
}

/// Each value is tried, so that each namespace is the one that is not to be had.
fn networks(who: &'static str) {
    Bench::with(move |bench| {
        let mut short = 0;
        for most in 0..24 {
            let ended = limited(bench, who, "net", most, "kernel");
            if ended.code() != 0 {
                let stands = format!("user.max_net_namespaces is {most}");
                ended.short(&["network namespaces is reached", &stands, "sysctl -w"]);
                short += 1;
            }
        }
        // One for the airlock, one to try things out, and one for each node.
        assert!((10..23).contains(&short), "{short}");
    });
}

/// These a scenario needs for scripts only, but for the first mount namespace.
fn others() {
    Bench::with(|bench| {
        for (key, name) in [("mnt", "mount"), ("pid", "PID"), ("uts", "UTS")] {
            let mut short = 0;
            for most in 0..4 {
                let ended = limited(bench, "exec", key, most, "kernel");
                if ended.code() != 0 {
                    let stands = format!("user.max_{key}_namespaces is {most}");
                    let limit = format!("limit of {name} namespaces is reached");
                    ended.short(&[&limit, &stands]);
                    short += 1;
                }
            }
            assert!((1..4).contains(&short), "{key}: {short}");
        }
    });
}

/// Who is not root needs one to begin with.
fn users() {
    Bench::with(|bench| {
        let script = r#"exec unshare -Ur sh -euc '
            echo 0 > /proc/sys/user/max_user_namespaces
            exec setpriv --bounding-set -all --inh-caps -all "$@"' sh "$@""#;
        let ended = bench.run(script, &["--backend", "kernel"]);
        ended.short(&["user.max_user_namespaces is 0", "or run as root"]);
    });
}

fn auto() {
    Bench::with(|bench| {
        let ended = limited(bench, "exec", "net", 0, "auto");
        let told = "memory backend, seed 1: the kernel backend can't run here";
        assert!(ended.passed().stderr.contains(told), "{}", ended.stderr);
    });
}
