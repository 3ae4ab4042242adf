#!/usr/bin/env bash
# The measurement of scripts/throughput.toml on the network built by hand. Writes what iperf3 says of
# each path to FOLDER/Canal and FOLDER/Gate.
#
# usage: throughput-by-hand.sh FOLDER SECONDS
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib/topology.sh
source "$here/topology.sh"
alone "${BASH_SOURCE[0]}" "$@"

build_network
request_peering
accept_peering
create_route
open_gate
register_peer
authorize ip saddr 100.64.0.0/16 udp dport 4789 ct mark set ct mark '|' 0x2
authorize ip saddr 100.64.0.0/16 tcp dport 5201 ct mark set ct mark '|' 0x2
make_tunnel
# One for each path; they end with the process namespace.
in_node server sh -eu <<'EOF'
iperf3 -s -D -p 5201
iperf3 -s -D -p 5202
until [ "$(ss -Hltn 'sport = 5201 or sport = 5202' | wc -l)" -eq 2 ]; do sleep 0.01; done
EOF
in_node sensor iperf3 -c 10.0.0.254 -J -t "$2" -O 1 >"$1/Canal"
in_node sensor iperf3 -c 10.254.0.254 -p 5202 -J -t "$2" -O 1 >"$1/Gate"
