//! Type-F2, and Type-E, on real packets: the built program runs a scenario of each, whose steps say
//! what must come of them. Here it is asked whether the evidence names what is to blame.
//!
//! ```text
//!   device ── VPG (a│b) ── Transit Gateway attachment ── VPC ── server
//! ```

#![allow(clippy::unwrap_used)]
// Starting the program is what these tests are for.
#![allow(clippy::disallowed_methods)]

use std::path::Path;
use std::process::Command;

/// Runs a scenario, in which everything must come out as expected; gives the report.
fn run(scenario: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules");
    let output = Command::new(env!("CARGO_BIN_EXE_canal-sim"))
        .env("NO_COLOR", "1")
        .arg("run")
        .arg(folder.join(scenario))
        .output()
        .unwrap();
    let report = [output.stdout, output.stderr].concat();
    let report = String::from_utf8_lossy(&report).into_owned();
    assert!(output.status.success(), "{}\n{report}", output.status);
    report
}

fn blames(report: &str, evidence: &[(&str, &str)]) {
    for (reason, resource) in evidence {
        let wanted = format!("{reason} at {resource}");
        assert!(report.contains(&wanted), "no {wanted:?} in\n{report}");
    }
}

#[test]
fn a_type_f2_vpg_is_connected_by_transit_gateway() {
    blames(
        &run("type-f2.toml"),
        &[
            (
                "NO_ROUTE_TO_DESTINATION",
                "VPG f2: no customer route covers it",
            ),
            (
                "BAD_STATE_ROUTE",
                "VPG f2, 10.0.0.0/16 → Transit Gateway attachment tgw: acceptancePending",
            ),
            (
                "BAD_STATE_ROUTE",
                "route table public, 10.128.0.0/16 → Transit Gateway attachment tgw",
            ),
            (
                "NO_ROUTE_TO_DESTINATION",
                "Transit Gateway attachment office-tgw, to VPG f2: outside the device subnet 10.128.0.0/16",
            ),
            ("VPG_NO_SUCH_DEVICE", "VPG f2"),
            (
                "VPG_ROUTING_FILTER_DENY",
                "VPG f2, routing filter: deny 10.0.0.0/16",
            ),
        ],
    );
}

#[test]
fn a_type_e_vpg_has_the_internet_and_the_platform_only() {
    blames(
        &run("type-e.toml"),
        &[(
            "NO_ROUTE_TO_DESTINATION",
            "VPG e: Type-E has no private connections",
        )],
    );
}
