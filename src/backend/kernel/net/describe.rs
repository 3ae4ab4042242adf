//! A change in words, as errors name it: an infinitive that reads on after "failed to".

use crate::network::Change;

/// What a change does, and to which node.
pub(super) fn describe(change: &Change) -> String {
    match change {
        Change::AddNode(node, ..) => format!("make node {node}"),
        Change::DelNode(node) => format!("remove node {node}"),
        Change::AddLink(id, link) => {
            let [a, b] = &link.ends;
            let (a, b) = (
                format!("{} on {}", a.name, a.node),
                format!("{} on {}", b.name, b.node),
            );
            // A shaped link goes by what people call it: `link of SIM sensor`.
            let what = if link.shapes.is_some() { "the" } else { "link" };
            format!("make {what} {id} ({a}, {b}, mtu {})", link.mtu)
        }
        Change::DelLink(id) => format!("remove link {id}"),
        Change::SetShapes(id, _) => format!("change the shapes of the {id}"),
        Change::AddTunnel(node, dev, v) => format!(
            "make VXLAN interface {dev} on node {node} (VNI {}, local {}, udp/{})",
            v.vni, v.local, v.port
        ),
        Change::DelTunnel(node, dev) => format!("remove VXLAN interface {dev} from node {node}"),
        Change::AddFlood(node, dev, ip) => format!("let {dev} on node {node} flood to {ip}"),
        Change::DelFlood(node, dev, ip) => format!("stop {dev} on node {node} flooding to {ip}"),
        Change::ProxyArp(node, dev, true) => {
            format!("switch proxy ARP on for {dev} on node {node}")
        }
        Change::ProxyArp(node, dev, false) => {
            format!("switch proxy ARP off for {dev} on node {node}")
        }
        Change::AddProxy(node, dev, ip) => format!("answer ARP for {ip} at {dev} on node {node}"),
        Change::DelProxy(node, dev, ip) => {
            format!("stop answering ARP for {ip} at {dev} on node {node}")
        }
        Change::AddAddress(node, a) => {
            format!("give {} on node {node} the address {}", a.dev, a.net)
        }
        Change::DelAddress(node, a) => {
            format!("take the address {} from {} on node {node}", a.net, a.dev)
        }
        Change::AddRule(node, rule) => format!(
            "add the policy rule with priority {} to node {node}",
            rule.priority
        ),
        Change::DelRule(node, rule) => format!(
            "remove the policy rule with priority {} from node {node}",
            rule.priority
        ),
        Change::SetRoute(node, table, prefix, route) => {
            let via = route.via.map(|ip| format!("via {ip} ")).unwrap_or_default();
            format!(
                "route {prefix} {via}through {} in table {} on node {node}",
                route.dev, table.0
            )
        }
        Change::DelRoute(node, table, prefix) => {
            format!(
                "remove the route {prefix} from table {} on node {node}",
                table.0
            )
        }
        Change::SetNeighbour(node, dev, ip, mac) => {
            format!("set neighbour {ip} to {mac} at {dev} on node {node}")
        }
        Change::DelNeighbour(node, dev, ip) => {
            format!("remove neighbour {ip} at {dev} on node {node}")
        }
        Change::SetChain(node, chain, _) => {
            format!("set filter chain {} on node {node}", chain.name)
        }
        Change::DelChain(node, chain) => {
            format!("remove filter chain {} from node {node}", chain.name)
        }
        Change::SetService(node, listen, _) => {
            format!("start the service on port {} of node {node}", listen.port)
        }
        Change::DelService(node, listen) => {
            format!("stop the service on port {} of node {node}", listen.port)
        }
        Change::SetFiles(node, _) => format!("write the name resolution of node {node}"),
    }
}
