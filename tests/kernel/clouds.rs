//! The clouds' rules that only a connection which stays open can show.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use canal_sim::cloud::{Action, Cloud, Time};
use canal_sim::lower::{World, lower};
use canal_sim::scenario;
use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::Test;
use crate::bench::{Bench, NEVER, SOON};

pub const TESTS: &[Test] = &[
    ("clouds::a_tracked_flow_survives_a_change_of_rules", tracked),
    ("clouds::an_untracked_flow_is_cut_at_once", untracked),
    (
        "clouds::traffic_on_untouched_paths_survives_steps",
        untouched,
    ),
];

const TWO_INSTANCES: &str = r#"
[aws.vpc.v]
cidr = "10.0.0.0/16"
internet_gateway = true
[aws.subnet.s]
vpc = "v"
cidr = "10.0.0.0/24"
[aws.security_group.g]
vpc = "v"
ingress = [{ protocol = "tcp", port = 7, source = "SOURCE" }]
[aws.instance.a]
subnet = "s"
private_ip = "10.0.0.10"
[aws.instance.b]
subnet = "s"
private_ip = "10.0.0.11"
security_groups = ["g"]
[aws.instance.c]
subnet = "s"
private_ip = "10.0.0.12"
public_ip = true
[soracom.vpg.vpg]
type = "F"
[soracom.group.canal]
vpg = "vpg"
[soracom.sim.sensor]
group = "canal"
"#;

/// Clouds, the network that follows them, and a connection from instance a to instance b.
struct Lab {
    bench: Bench,
    cloud: Cloud,
    now: Time,
    client: TcpStream,
    server: TcpStream,
}

impl Lab {
    fn new(source: &str) -> Self {
        let text = TWO_INSTANCES.replace("SOURCE", source);
        let scenario = scenario::read("two-instances.toml", text.as_bytes()).unwrap();
        let (cloud, now) = scenario::build(&scenario).unwrap();
        let mut bench = Bench::new();
        bench.wanted = lower(&cloud, &World::default());
        bench.apply();
        let listener = bench.within("instance/b", || TcpListener::bind("10.0.0.11:7").unwrap());
        let client = bench.within("instance/a", || TcpStream::connect("10.0.0.11:7").unwrap());
        let (server, _) = listener.accept().unwrap();
        Self {
            bench,
            cloud,
            now,
            client,
            server,
        }
    }

    fn act(&mut self, operation: &str, parameters: Value) {
        let action = Action::read(operation, parameters).unwrap().unwrap();
        self.cloud.apply(&action, self.now).unwrap();
        self.bench.wanted = lower(&self.cloud, &World::default());
        self.bench.apply();
    }

    /// Whether what the client sends arrives at the server in time.
    fn arrives(&mut self, time: Duration) -> bool {
        self.client.write_all(b"x").unwrap();
        self.server.set_read_timeout(Some(time)).unwrap();
        match self.server.read(&mut [0]) {
            Ok(1) => true,
            Ok(n) => panic!("read {n} bytes"),
            Err(error) => {
                let in_vain = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
                assert!(in_vain.contains(&error.kind()), "{error}");
                false
            }
        }
    }

    fn revoke(&mut self, source: &str) {
        let rule = json!({"protocol": "tcp", "port": 7, "source": source});
        let parameters = json!({"security_group": "g", "rule": rule});
        self.act("RevokeSecurityGroupIngress", parameters);
    }
}

/// Amazon EC2 User Guide, "Security group connection tracking": a rule from one range is tracked, so
/// its removal does not interrupt what is under way.
fn tracked() -> Result<(), Failed> {
    let mut lab = Lab::new("10.0.0.0/24");
    assert!(lab.arrives(SOON));
    lab.revoke("10.0.0.0/24");
    assert!(lab.arrives(SOON));
    Ok(())
}

/// The same, "Untracked connections": all sources allowed in, everything allowed out.
fn untracked() -> Result<(), Failed> {
    let mut lab = Lab::new("0.0.0.0/0");
    assert!(lab.arrives(SOON));
    lab.revoke("0.0.0.0/0");
    assert!(!lab.arrives(NEVER));
    Ok(())
}

fn untouched() -> Result<(), Failed> {
    let mut lab = Lab::new("10.0.0.0/24");
    let steps = [
        ("RebootInstances", json!({"instance": "c"})),
        ("StopInstances", json!({"instance": "c"})),
        (
            "CreateRoute",
            json!({"route_table": "v-main", "destination": "0.0.0.0/0", "target": "igw"}),
        ),
        (
            "createVpcPeeringConnection",
            json!({"as": "pcx", "vpg": "vpg", "vpc": "v"}),
        ),
        ("AcceptVpcPeeringConnection", json!({"peering": "pcx"})),
        ("openGate", json!({"vpg": "vpg"})),
        (
            "registerGatePeer",
            json!({"vpg": "vpg", "outer_ip": "10.0.0.10"}),
        ),
        ("reconnect", json!({"sim": "sensor"})),
        (
            "deleteVpcPeeringConnection",
            json!({"vpg": "vpg", "peering": "pcx"}),
        ),
        ("closeGate", json!({"vpg": "vpg"})),
        ("StartInstances", json!({"instance": "c"})),
        ("TerminateInstances", json!({"instance": "c"})),
    ];
    for (operation, parameters) in steps {
        lab.act(operation, parameters);
        assert!(lab.arrives(SOON), "{operation}");
    }
    assert_eq!(lab.bench.kernel.counters().links_moved, 0);
    Ok(())
}
