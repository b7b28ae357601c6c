#!/usr/bin/env bash
# A GlusterFS volume of three bricks, and the machines that mount it. tests/cluster runs
# this in namespaces of its own: nothing that it starts, mounts or sets outlives the test.
#
#   site.sh open SITE          starts all, says "open", ends with its standard input
#   site.sh settle SITE        starts the bricks again that have ended, and the mounts
#   site.sh kill-machine SITE NAME | kill-brick SITE NUMBER | options SITE
set -euo pipefail

verb="$1" site="$2" which="${3:-}"
address=10.77.0.1
machines=(a b c)

# So that the lock of a machine that is gone is free after seconds rather than minutes;
# and so that a file that was removed is known to be gone (see File systems in flock(1)).
options=(
  server.tcp-user-timeout=3 server.keepalive-time=1
  server.keepalive-interval=1 server.keepalive-count=2
  performance.stat-prefetch=off
)
# Machine c keeps names in its kernel for a minute instead of a second, so that what a
# test sees there does not depend on how fast it is.
declare -A mounting=([c]='--entry-timeout=60 --attribute-timeout=60')

main() {
  case "$verb" in
    open) open_site ;;
    settle) settle ;;
    kill-machine) kill -KILL "$(cat "$site/$which.pid")" ;;
    kill-brick) kill -KILL "$(cat "$site"/run/vols/v/*-brick"$which".pid)" ;;
    options) printf '%s\n' "${options[@]}" ;;
  esac
}

open_site() {
  for directory in /run /var/log /var/lib/glusterd; do mount -t tmpfs cluster "$directory"; done
  mkdir -p /run/gluster /run/netns /var/log/glusterfs "$site"/{run,work}
  ip link set lo up
  ip address add "$address/32" dev lo
  for number in "${!machines[@]}"; do add_machine "${machines[number]}" "10.77.$((number + 1))"; done
  start_volume
  for name in "${machines[@]}"; do mount_volume "$name"; done
  echo open
  # As the first process of its namespace, bash reaps what is left to it meanwhile.
  read -r _ || true
}

# A machine is a network of its own, on one cable to the servers.
add_machine() {
  local name="$1" network="$2"
  mkdir "$site/$name"
  ip netns add "$name"
  ip link add "to-$name" type veth peer name cable netns "$name"
  ip address add "$network.1/24" dev "to-$name"
  ip link set "to-$name" up
  ip -n "$name" address add "$network.2/24" dev cable
  ip -n "$name" link set cable up
  ip -n "$name" link set lo up
  ip -n "$name" route add default via "$network.1"
}

start_volume() {
  local bricks=("$address:$site"/brick{1,2,3}) option
  cat >"$site/glusterd.vol" <<END
volume management
  type mgmt/glusterd
  option working-directory $site/work
  option run-directory $site/run
  option transport-type socket
  option transport.address-family inet
end-volume
END
  glusterd --volfile="$site/glusterd.vol" --log-file="$site/glusterd.log" --pid-file="$site/glusterd.pid"
  until gluster --mode=script volume list; do sleep 0.05; done
  gluster --mode=script volume create v replica 3 "${bricks[@]}" force
  for option in "${options[@]}"; do
    gluster --mode=script volume set v "${option%=*}" "${option#*=}"
  done
  gluster --mode=script volume start v
}

settle() {
  local name
  gluster --mode=script volume start v force
  for name in "${machines[@]}"; do
    kill -0 "$(cat "$site/$name.pid")" 2>/dev/null || mount_volume "$name"
  done
}

mount_volume() {
  local options=()
  read -ra options <<<"${mounting[$1]:-}"
  # Of a mount whose process has ended, nothing but this list knows.
  if grep --quiet --fixed-strings " $site/$1 " /proc/self/mountinfo; then umount "$site/$1"; fi
  nsenter --net="/run/netns/$1" glusterfs --volfile-server="$address" --volfile-id=v \
    --log-file="$site/$1.log" --pid-file="$site/$1.pid" "${options[@]}" "$site/$1"
}

main
