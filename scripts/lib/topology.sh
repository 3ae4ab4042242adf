# shellcheck shell=bash
# The network of scenarios/gate.toml, written by hand with iproute2 and nft: the same nodes, links,
# addresses, routing policy, VXLAN, flood entries and filters.
#
#   sensor ──cell── vpg-a ─╮          ╭─ vpc ── server 10.0.0.254
#                     │    ├── pcx ───┤   ╰── igw ──╮
#                   vpg-b ─╯          ╰             internet ── pc
#                     ╰──────── platform ─────────────╯
#
# To be sourced by a script that is in a network and a mount namespace of its own (see `alone`). What
# costs time is done as well as iproute2 allows: one `ip -batch` a node, links born in place, one
# `nft -f` a node.

# The other end of every link, as a router's route names it.
readonly HOP=169.254.0.1

# Runs the calling script again in namespaces of its own, in which its processes end when it does.
# /run is empty there, so that `ip netns` writes nothing that others see.
alone() {
  if [[ ${ALONE:-} != yes ]]; then
    local as_root=()
    [[ $EUID -eq 0 ]] || as_root=(--map-root-user)
    export ALONE=yes
    exec unshare "${as_root[@]}" --net --mount --propagation private \
      --pid --fork --kill-child --mount-proc -- "$BASH" "$@"
  fi
  mount -t tmpfs tmpfs /run
  mkdir -p /run/netns
}

in_node() {
  ip netns exec "$@"
}

# The Ethernet address of an end of a link: link number, end.
mac() {
  printf '02:00:00:00:%02x:%02x' "$1" "$2"
}

# link NUMBER MTU NODE DEV NODE DEV: a line for `ip -batch`, both ends born where they belong.
link() {
  printf 'link add %s address %s mtu %s up netns %s type veth peer name %s address %s mtu %s netns %s\n' \
    "$4" "$(mac "$1" 1)" "$2" "$3" "$6" "$(mac "$1" 2)" "$2" "$5"
}

# far NUMBER END DEV: lines for `ip -batch`: raises this end and knows the other.
far() {
  printf 'link set %s up\nneigh replace %s lladdr %s dev %s nud permanent\n' \
    "$3" "$HOP" "$(mac "$1" "$((3 - $2))")" "$3"
}

# What a router needs.
router() {
  in_node "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \
    net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.all.send_redirects=0
}

# The network before the first step.
build_network() {
  local node
  {
    for node in sensor vpg-a vpg-b platform internet pc vpc server; do
      echo "netns add $node"
    done
    link 1 1500 sensor wwan0 vpg-a sim-sensor
    link 2 9001 vpg-a backbone vpg-b backbone
    link 3 1500 vpg-a internet internet vpg-a
    link 4 1500 vpg-b internet internet vpg-b
    link 5 1500 vpg-a platform platform vpg-a
    link 6 1500 vpg-b platform platform vpg-b
    link 7 1500 platform internet internet platform
    link 8 1500 vpc igw internet vpc
    link 9 1500 pc eth0 internet pc
    link 10 9001 server eth0 vpc eni-server
  } | ip -batch -
  for node in vpg-a vpg-b platform internet vpc; do
    router "$node"
  done
  ip -n sensor -batch - <<EOF
link set lo up
$(far 1 1 wwan0)
addr add 10.128.0.3/32 dev wwan0
route add default via $HOP dev wwan0 onlink
EOF
  ip -n vpg-a -batch - <<EOF
link set lo up
$(far 1 2 sim-sensor)
$(far 2 1 backbone)
$(far 3 1 internet)
$(far 5 1 platform)
addr add 100.64.0.4/32 dev lo
route add default via $HOP dev internet onlink
route add 10.128.0.0/9 dev lo
route add 10.128.0.3 via $HOP dev sim-sensor onlink
route add 100.127.0.0/16 via $HOP dev platform onlink
EOF
  ip -n vpg-b -batch - <<EOF
link set lo up
$(far 2 2 backbone)
$(far 4 1 internet)
$(far 6 1 platform)
addr add 100.64.128.4/32 dev lo
route add default via $HOP dev internet onlink
route add 10.128.0.0/9 dev lo
route add 10.128.0.3 via $HOP dev backbone onlink
route add 100.127.0.0/16 via $HOP dev platform onlink
EOF
  ip -n platform -batch - <<EOF
link set lo up
$(far 5 2 vpg-a)
$(far 6 2 vpg-b)
$(far 7 1 internet)
addr add 100.127.0.53/32 dev lo
addr add 100.127.1.53/32 dev lo
addr add 100.127.0.123/32 dev lo
addr add 100.127.100.127/32 dev lo
route add default via $HOP dev internet onlink
route add 10.64.0.0/10 dev lo
route add 198.18.54.123 via $HOP dev vpg-a onlink
EOF
  ip -n internet -batch - <<EOF
link set lo up
$(far 3 2 vpg-a)
$(far 4 2 vpg-b)
$(far 7 2 platform)
$(far 8 2 vpc)
$(far 9 2 pc)
addr add 198.51.100.10/32 dev lo
route add default dev lo
route add 192.0.2.10 via $HOP dev pc onlink
route add 198.51.100.127 via $HOP dev platform onlink
route add 198.51.100.129 via $HOP dev vpg-a onlink
route add 198.51.100.130 via $HOP dev vpg-b onlink
route add 203.0.113.1 via $HOP dev vpc onlink
EOF
  ip -n pc -batch - <<EOF
link set lo up
$(far 9 1 eth0)
addr add 192.0.2.10/32 dev eth0
route add default via $HOP dev eth0 onlink
EOF
  ip -n vpc -batch - <<EOF
link set lo up
$(far 8 1 igw)
addr add 10.0.0.1/32 dev lo
addr add 10.0.0.2/32 dev lo
addr add 169.254.169.253/32 dev lo
addr add 169.254.169.254/32 dev lo
rule add priority 100 lookup 256
rule add priority 200 iif eni-server lookup 1000
rule add priority 300 lookup 257
route add default dev lo table 257
route add default via $HOP dev igw onlink table 1000
route add 10.0.0.0/16 dev lo table 1000
EOF
  attach_server
  filter_vpg vpg-a 198.51.100.129
  filter_vpg vpg-b 198.51.100.130
  in_node vpg-a nft -f - <<EOF
add rule ip canal nat-out oifname "platform" ip saddr 10.128.0.3 snat to 198.18.54.123
EOF
  filter_outside
  filter_vpc
}

# The instance's addresses, and the router's end of its network interface.
attach_server() {
  ip -n server -batch - <<EOF
link set lo up
link set eth0 up
addr add 10.0.0.254/24 dev eth0
route add default via 10.0.0.1 dev eth0
EOF
  ip -n vpc -batch - <<EOF
link set eni-server up
neigh replace 10.0.0.254 lladdr $(mac 10 1) dev eni-server nud permanent
route add 10.0.0.254 via 10.0.0.254 dev eni-server onlink table 256
EOF
  in_node vpc sysctl -qw net.ipv4.conf.eni-server.proxy_arp=1
}

# filter_vpg NODE PUBLIC_ADDRESS
filter_vpg() {
  in_node "$1" nft -f - <<EOF
table ip canal {
  set private { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16 }; }
  set outside { type ifname; elements = { "internet", "platform" }; }
  set peers { type ipv4_addr; }
  counter no_route { }
  counter bad_state { }
  counter gate_not_open { }
  counter not_registered { }
  counter inner_mismatch { }
  counter inbound { }
  chain ttl {
    type filter hook prerouting priority -150;
    # nft can't add; where hops don't count, each packet leaves as it was sent.
    ip daddr 10.128.0.0/9 ip ttl set 65
  }
  chain pending { }
  chain sink {
    jump pending
    ip daddr 10.128.0.0/9 counter name gate_not_open drop
    ip daddr @private counter name no_route drop
    drop
  }
  chain from-peer {
    ip saddr != @peers counter name inner_mismatch drop
    ip daddr != 10.128.0.0/9 counter name gate_not_open drop
    oifname "lo" counter name gate_not_open drop
    accept
  }
  chain between-devices { counter name gate_not_open drop; }
  chain forward {
    type filter hook forward priority 0;
    iifname "backbone" accept
    iifname @outside ct direction reply accept
    iifname @outside ct state related accept
    iifname @outside counter name inbound drop
    iifname "vxlan0" jump from-peer
    oifname "lo" jump sink
    oifname "internet" ip daddr @private counter name no_route drop
    oifname { "backbone", "sim-sensor", "vxlan0" } jump between-devices
  }
  chain to-node { iifname @outside counter name inbound drop; }
  chain input {
    type filter hook input priority 0;
    jump to-node
  }
  chain nat-out {
    type nat hook postrouting priority 100;
    oifname "internet" ip saddr 10.128.0.0/9 snat to $2
  }
}
EOF
}

filter_outside() {
  in_node internet nft -f - <<'EOF'
table ip canal {
  chain forward {
    type filter hook forward priority 0;
    oifname "lo" ip daddr { 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16 } counter drop
    oifname "lo" ip daddr 203.0.113.0/24 counter drop
    oifname "lo" counter drop
  }
}
EOF
  in_node platform nft -f - <<'EOF'
table ip canal {
  chain forward {
    type filter hook forward priority 0;
    iifname "internet" ct direction reply accept
    iifname "internet" ct state related accept
    iifname "internet" counter drop
    ip daddr { 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16 } counter drop
  }
  chain nat-out {
    type nat hook postrouting priority 100;
    oifname "internet" ip saddr 10.64.0.0/10 snat to 198.51.100.127
  }
}
EOF
}

filter_vpc() {
  in_node vpc nft -f - <<'EOF'
table ip canal {
  set rfc1918 { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 }; }
  counter security_group { }
  counter no_route { }
  counter rfc1918_egress { }
  counter rfc6598_egress { }
  counter igw { }
  counter router { }
  chain ttl {
    type filter hook prerouting priority -150;
    ip ttl set 65
  }
  chain egress.server {
    ct direction original ct mark & 0x1 == 0x1 return
    ct direction reply ct mark & 0x2 == 0x2 return
    ct state related return
    ct mark set ct mark | 0x1 return
  }
  chain ingress.rules {
    tcp dport 22 accept
    tcp dport 80 accept
    meta l4proto icmp ct mark set ct mark | 0x2 accept
  }
  chain ingress.server {
    ct direction original ct mark & 0x2 == 0x2 return
    ct direction reply ct mark & 0x1 == 0x1 return
    ct state related return
    jump ingress.rules
    counter name security_group drop
  }
  chain sink {
    ip daddr 10.0.0.0/16 counter name no_route drop
    counter name no_route drop
  }
  chain igw-out {
    ip daddr @rfc1918 counter name rfc1918_egress drop
    ip daddr 100.64.0.0/10 counter name rfc6598_egress drop
    ip saddr 10.0.0.254 return
    counter name igw drop
  }
  chain igw-in {
    ip saddr @rfc1918 counter name igw drop
    ip saddr 100.64.0.0/10 counter name igw drop
    ip daddr 10.0.0.254 return
    counter name igw drop
  }
  chain forward {
    type filter hook forward priority 0;
    iifname "eni-server" jump egress.server
    oifname "lo" jump sink
    oifname "igw" jump igw-out
    iifname "igw" jump igw-in
    oifname "eni-server" jump ingress.server
  }
  chain input {
    type filter hook input priority 0;
    iifname "eni-server" ip daddr 10.0.0.1 meta l4proto icmp accept
    iifname "eni-server" ip daddr { 10.0.0.2, 169.254.169.253 } meta l4proto { tcp, udp } th dport 53 accept
    iifname "eni-server" ip daddr 169.254.169.254 tcp dport 80 accept
    iifname != "lo" counter name router drop
  }
  chain nat-in {
    type nat hook prerouting priority -100;
    iifname "igw" ip daddr 203.0.113.1 dnat to 10.0.0.254
  }
  chain nat-out {
    type nat hook postrouting priority 100;
    oifname "igw" ip saddr 10.0.0.254 snat to 203.0.113.1
  }
}
EOF
}

# createVpcPeeringConnection: asked for, so what goes there falls into a hole.
request_peering() {
  local node
  for node in vpg-a vpg-b; do
    ip -n "$node" route add 10.0.0.0/16 dev lo
    in_node "$node" nft add rule ip canal pending ip daddr 10.0.0.0/16 counter name bad_state drop
  done
}

# AcceptVpcPeeringConnection
accept_peering() {
  {
    echo 'netns add pcx'
    link 11 9001 pcx vpg-a vpg-a pcx
    link 12 9001 pcx vpg-b vpg-b pcx
    link 13 9001 pcx vpc vpc pcx
  } | ip -batch -
  router pcx
  ip -n pcx -batch - <<EOF
link set lo up
$(far 11 1 vpg-a)
$(far 12 1 vpg-b)
$(far 13 1 vpc)
route add default dev lo
route add 10.0.0.0/16 via $HOP dev vpc onlink
route add 100.64.0.0/17 via $HOP dev vpg-a onlink
route add 100.64.128.0/17 via $HOP dev vpg-b onlink
EOF
  in_node pcx nft -f - <<'EOF'
table ip canal {
  chain ttl {
    type filter hook prerouting priority -150;
    ip ttl set 65
  }
  chain forward {
    type filter hook forward priority 0;
    iifname { "vpg-a", "vpg-b" } ip daddr != 10.0.0.0/16 counter drop
    iifname { "vpg-a", "vpg-b" } ip saddr != 100.64.0.0/16 counter drop
    iifname "vpc" ip daddr != 100.64.0.0/16 counter drop
    iifname "vpc" ip saddr != 10.0.0.0/16 counter drop
    oifname "lo" counter drop
  }
}
EOF
  far 13 2 pcx | ip -n vpc -batch -
  peer_vpg vpg-a 11 100.64.0.4
  peer_vpg vpg-b 12 100.64.128.4
}

# peer_vpg NODE LINK OUTER_ADDRESS
peer_vpg() {
  ip -n "$1" -batch - <<EOF
$(far "$2" 2 pcx)
route replace 10.0.0.0/16 via $HOP dev pcx onlink
EOF
  in_node "$1" nft -f - <<EOF
flush chain ip canal pending
add element ip canal outside { "pcx" }
add rule ip canal nat-out oifname "pcx" ip saddr 10.128.0.0/9 snat to $3
EOF
}

# CreateRoute
create_route() {
  ip -n vpc route add 100.64.0.0/16 via "$HOP" dev pcx onlink table 1000
}

# openGate
open_gate() {
  open_gate_on vpg-a 100.64.0.4 10.128.0.1
  open_gate_on vpg-b 100.64.128.4 10.128.0.2
  ip -n vpg-a neigh add proxy 10.128.0.3 dev vxlan0
}

# open_gate_on NODE OUTER_ADDRESS INNER_ADDRESS
open_gate_on() {
  ip -n "$1" -batch - <<EOF
link add vxlan0 address da:7e:77:ef:df:25 mtu 8951 type vxlan id 10 local $2 dstport 4789 noudpcsum
link set vxlan0 up
addr add $3/32 dev vxlan0
EOF
  # A proxy waits up to 0.8 s before it answers, unless told not to.
  in_node "$1" sysctl -qw net.ipv4.neigh.vxlan0.proxy_delay=0
  in_node "$1" nft -f - <<EOF
flush chain ip canal between-devices
flush chain ip canal to-node
add rule ip canal to-node iifname "pcx" ip daddr $2 udp dport 4789 ip saddr 10.0.0.254 @th,96,24 10 accept
add rule ip canal to-node iifname "pcx" ip daddr $2 udp dport 4789 counter name not_registered drop
add rule ip canal to-node iifname @outside counter name inbound drop
EOF
}

# registerGatePeer
register_peer() {
  local node mine others
  for node in vpg-a vpg-b; do
    mine='10.128.0.1, 10.128.0.3' others='10.128.0.2'
    [[ $node == vpg-a ]] || { mine='10.128.0.2' others='10.128.0.1, 10.128.0.3'; }
    ip -n "$node" route add 10.254.0.254 dev vxlan0
    in_node "$node" bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 10.0.0.254
    in_node "$node" nft -f - <<EOF
add element ip canal peers { 10.254.0.254 }
table arp canal {
  chain input {
    type filter hook input priority 0;
    iifname "vxlan0" arp operation request arp saddr ip != 10.254.0.254 counter drop
    iifname "vxlan0" arp operation request arp daddr ip { $mine } accept
    iifname "vxlan0" arp operation request arp daddr ip { $others } counter drop
    iifname "vxlan0" arp operation request arp daddr ip 10.254.0.254 drop
    iifname "vxlan0" arp operation request arp daddr ip 10.128.0.0/9 counter drop
  }
}
EOF
  done
}

# What the user types on the instance.
make_tunnel() {
  in_node server sh -eu <<'EOF'
ip link add vxlan0 type vxlan local 10.0.0.254 id 10 dstport 4789 dev eth0
ip addr add 10.254.0.254/9 dev vxlan0
ip link set vxlan0 up
bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.0.4
bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.128.4
EOF
}

# AuthorizeSecurityGroupIngress: authorize RULE…
authorize() {
  in_node vpc nft add rule ip canal ingress.rules "$@" accept
}

# RebootInstances: the interfaces come back as they were at launch.
reboot_server() {
  ip -n vpc link del eni-server
  {
    echo 'netns del server'
    echo 'netns add server'
    link 10 9001 server eth0 vpc eni-server
  } | ip -batch -
  attach_server
}
