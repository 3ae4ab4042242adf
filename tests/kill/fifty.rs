//! A scenario with fifty devices, with everything in it that a run can hold: Gate, shaped links, services, scripts
//! that leave processes behind, one that would make namespaces of its own.

const CLOUDS: &str = r#"
title = "Fifty devices"

[aws.vpc.customer]
cidr = "10.0.0.0/16"

[aws.subnet.private]
vpc = "customer"
cidr = "10.0.0.0/24"

[aws.route_table.private]
vpc = "customer"
subnets = ["private"]
routes = [{ destination = "100.64.0.0/16", target = "pcx" }]

[aws.security_group.web]
vpc = "customer"
ingress = [
  { protocol = "tcp", port = 80, source = "100.64.0.0/16" },
  { protocol = "icmp", source = "100.64.0.0/16" },
  { protocol = "udp", port = 4789, source = "100.64.0.0/16" },
]

[aws.instance.server]
subnet = "private"
private_ip = "10.0.0.254"
security_groups = ["web"]
serve = [{ http = 80, body = "hello" }]

[soracom.vpg.vpg]
type = "F"
internet_gateway = false
vpg_subnet = "100.64.0.0/16"
gate = { peers = [{ outer_ip = "10.0.0.254", inner_ip = "10.254.0.254" }] }

[soracom.peering.pcx]
vpg = "vpg"
vpc = "customer"
accepted = true

[soracom.group.canal]
vpg = "vpg"
"#;

const STEPS: &str = r#"
[[step]]
on = "server"
run = """
ip link add vxlan0 type vxlan local 10.0.0.254 id 10 dstport 4789 dev eth0
ip addr add 10.254.0.254/9 dev vxlan0
ip link set vxlan0 up
bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst ${vpg.outer_ip[0]}
bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst ${vpg.outer_ip[1]}
"""

[[step]]
name = "the server calls a device"
from = "server"
to = "d07"
expect = { ping = true }

[[step]]
name = "a daemon that wants to stay"
on = "d07"
run = "setsid sh -c 'trap \"\" INT TERM HUP; sleep 1000 & sleep 1000' >/dev/null 2>&1 &"

[[step]]
name = "namespaces of a step's own, which it may not make"
on = "d08"
run = "! unshare --net --mount --pid --fork true; ip link add va type veth peer name vb; sleep 0.02"

[[step]]
name = "a slow link is cut"
link = "d00"
cut = true

[[step]]
name = "and nothing gets through"
from = "d00"
to = "server"
expect = { ping = true, blocked = true }

[[step]]
do = "deleteSimSession"
sim = "d03"
"#;

/// The text of it.
pub fn text() -> String {
    let mut text = CLOUDS.to_owned();
    for number in 0..50 {
        text.push_str(&format!(
            "\n[soracom.sim.d{number:02}]\ngroup = \"canal\"\nserve = [{{ udp = 7 }}]\n"
        ));
        if number < 2 {
            text.push_str("link = \"cellular\"\n");
        }
    }
    for number in [0, 1, 20, 49] {
        text.push_str(&format!(
            "\n[[step]]\nfrom = \"d{number:02}\"\nto = \"server\"\nexpect = {{ http = 80, body = \"hello\" }}\n"
        ));
    }
    text + STEPS
}
