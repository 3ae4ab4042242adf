#!/usr/bin/env bash
# scenarios/gate.toml by hand: the same steps and checks with ip, nft, ping and curl. Prints the name
# of each check that passed; ends at the first that fails.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib/topology.sh
source "$here/topology.sh"
alone "${BASH_SOURCE[0]}"

python=${PYTHON:-python3}
served=()

# Everything that this script started; the process namespace ends whatever is left.
end() {
  ((${#served[@]} == 0)) || kill "${served[@]}" 2>/dev/null || true
}
trap end EXIT

# serve NODE WORDS…: the process's id goes into `served`.
serve() {
  local ready=/run/ready.$1
  rm -f "$ready"
  in_node "$1" "$python" "$here/serve.py" "$ready" "${@:2}" &
  served+=("$!")
}

ready() {
  until [[ -e /run/ready.$1 ]]; do sleep 0.01; done
}

passed() {
  printf '%s\n' "$1"
}

failed() {
  printf 'FAILED: %s\n' "$1: $2" >&2
  exit 1
}

# dropped CHECK NODE COUNTER: it was that rule which dropped.
dropped() {
  local packets
  packets=$(in_node "$2" nft reset counter ip canal "$3" | awk '$1 == "packets" { print $2 }')
  ((packets > 0)) || failed "$1" "the rule $3 on $2 has not dropped it"
}

# tcp_blocked CHECK FROM ADDRESS PORT
tcp_blocked() {
  local status=0
  in_node "$2" curl -s -o /dev/null --connect-timeout 1 "http://$3:$4/" || status=$?
  ((status == 28)) || failed "$1" "curl ended with $status, not with a time-out"
}

# ping_blocked CHECK FROM ADDRESS
ping_blocked() {
  ! in_node "$2" ping -n -q -c 1 -W 1 "$3" >/dev/null || failed "$1" "it was answered"
}

# http CHECK FROM ADDRESS PORT BODY SEEN_FROM
http() {
  local answer
  answer=$(in_node "$2" curl -s -i --max-time 3 "http://$3:$4/" | tr -d '\r') || failed "$1" "no answer"
  [[ $answer == 'HTTP/'*' 200 '* ]] || failed "$1" "the status is not 200: $answer"
  [[ $answer == *"$5" ]] || failed "$1" "another body: $answer"
  [[ $answer == *"Seen-From: $6"* ]] || failed "$1" "seen from elsewhere: $answer"
}

page='hello from the customer VPC'
serve_server() {
  serve server http 80 "$page"
}

build_network
serve_server
serve sensor http 8080 '21.5 °C' udp 7
ready server
ready sensor

check='no peering yet'
tcp_blocked "$check" sensor 10.0.0.254 80
passed "$check"

request_peering

check='requested, not accepted'
tcp_blocked "$check" sensor 10.0.0.254 80
passed "$check"

accept_peering

check='accepted, but no way back'
tcp_blocked "$check" sensor 10.0.0.254 80
dropped "$check" vpc rfc6598_egress
passed "$check"

create_route

check='Canal: the device opens the page at the private address'
http "$check" sensor 10.0.0.254 80 "$page" 100.64.
passed "$check"

check='Canal alone is one-way'
ping_blocked "$check" server 10.128.0.3
passed "$check"

open_gate
register_peer

check='what the user types on the instance'
make_tunnel
passed "$check"

check='the security group forgot VXLAN'
ping_blocked "$check" server 10.128.0.3
dropped "$check" vpc security_group
passed "$check"

authorize ip saddr 100.64.0.0/16 udp dport 4789 ct mark set ct mark '|' 0x2

check='Gate: the server reaches the device, on one layer-2 network'
answer=$(in_node server ping -n -c 1 -W 3 10.128.0.3) || failed "$check" "no answer"
[[ $answer == *' ttl=64 '* ]] || failed "$check" "another TTL: $answer"
passed "$check"

check='there is no translation in the tunnel: the device sees the peer'\''s inner address'
http "$check" server 10.128.0.3 8080 '21.5 °C' 10.254.0.254
passed "$check"

check='server → sensor: udp/7'
answer=$(in_node server bash -c \
  'exec 3<>/dev/udp/10.128.0.3/7; printf x >&3; timeout 2 head -n 1 <&3') ||
  failed "$check" "no answer"
[[ $answer == 'seen from 10.254.0.254' ]] || failed "$check" "$answer"
passed "$check"

check='the tunnel costs 50 bytes'
answer=$(in_node server cat /sys/class/net/vxlan0/mtu)
[[ $answer == 8951 ]] || failed "$check" "MTU $answer"
passed "$check"

check='and the device calls the server at its inner address'
http "$check" sensor 10.254.0.254 80 "$page" 10.128.0.3
passed "$check"

kill "${served[0]}"
wait "${served[0]}" 2>/dev/null || true
reboot_server
serve_server
ready server

check='Canal works as before'
http "$check" sensor 10.0.0.254 80 "$page" 100.64.
passed "$check"

check='but the VXLAN interface is gone, and the ping takes the default route'
ping_blocked "$check" server 10.128.0.3
dropped "$check" vpc rfc1918_egress
passed "$check"
