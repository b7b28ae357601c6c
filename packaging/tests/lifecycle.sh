# A life of the package, with somebody who asks for flock all the time.

test_lifecycle() {
  cover lifecycle 400m
  watch_starts
  quietly inside apt-get -qq --yes install /test/ours.deb
  is_installed
  dpkg_does --install /test/newer.deb
  is_installed
  dpkg_does --install /test/ours.deb
  is_installed
  dpkg_does --install /test/util-linux.deb
  is_installed
  cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
  quietly inside apt-get -qq --yes install --reinstall util-linux
  is_installed
  dpkg_does --install /test/util-linux-newer.deb
  is_installed
  newer_is_in_place .util-linux
  quietly inside dpkg-reconfigure flock-rs
  is_installed
  quietly inside apt-get -qq --yes remove flock-rs
  newer_is_in_place ''
  dpkg_does --install /test/util-linux.deb
  dpkg_does --install /test/ours.deb
  is_installed
  dpkg_does --purge flock-rs
  watch_ends
  inside rm -r /var/lib/apt /var/cache/apt /var/log /etc/resolv.conf
  cp -a "$base"/var/lib/apt "$root/var/lib/"
  cp -a "$base"/var/cache/apt "$root/var/cache/"
  cp -a "$base"/var/log "$root/var/"
  cp -a "$base"/etc/resolv.conf "$root/etc/"
  is_pristine
  uncover lifecycle
  watcher_can_see
}

dpkg_does() { quietly inside dpkg "$@"; }

# util-linux's newer files are at their names, or with this before the file's ending.
newer_is_in_place() {
  local newer="$work/newer"
  rm -rf "$newer"
  dpkg-deb --extract "$shelf/test/util-linux-newer.deb" "$newer"
  same "$root/usr/bin/flock$1" "$newer/usr/bin/flock"
  same "$root/usr/share/man/man1/flock$1.1.gz" "$newer/usr/share/man/man1/flock.1.gz"
  same "$root/usr/share/bash-completion/completions/flock$1" "$newer/usr/share/bash-completion/completions/flock"
}

watch_starts() {
  mkfifo "$work/watching"
  "$work/watch" "$root" >"$work/watching" &
  watcher=$!
  exec 9<"$work/watching"
  rm "$work/watching"
  read -r -t 10 -u 9 line && [ "$line" = watching ] || die 'the watcher does not start'
}

# watch_ends [1]: and has missed flock never, or at least once.
watch_ends() {
  kill "$watcher"
  local status=0
  wait "$watcher" || status=$?
  read -r -t 10 -u 9 line
  exec 9<&-
  say "answers of /usr/bin/flock meanwhile: $line"
  equal 'the watcher' "${1:-0}" "$status"
  [[ "$line" =~ ^flock-rs\ [1-9][0-9]*\ util-linux\ [1-9] ]] || [ $# != 0 ] || die 'it did not see both'
}

# The watcher sees what dpkg-divert --rename does to those who need flock.
watcher_can_see() {
  cover control 100m
  watch_starts
  quietly inside sh -c 'for i in 1 2 3 4 5; do
    dpkg-divert --local --rename --divert /usr/bin/flock.aside --add /usr/bin/flock
    dpkg-divert --local --rename --remove /usr/bin/flock
  done'
  watch_ends 1
  uncover control
}

# A postinst that fails in the end, at an upgrade and at the first install.
test_failing_scripts() {
  cover failing 200m
  dpkg_does --install /test/ours.deb
  dpkg_fails --install /test/failing.deb
  equal state 'install ok half-configured' "$(inside dpkg-query -W -f '${Status}' flock-rs)"
  equal 'flock --version' "$(version_line)" "$(inside flock --version)"
  dpkg_does --purge flock-rs
  is_pristine
  dpkg_fails --install /test/failing.deb
  dpkg_does --install /test/ours.deb
  is_installed
  dpkg_does --purge flock-rs
  is_pristine
  missing_original
  uncover failing
}

dpkg_fails() {
  local status=0
  inside dpkg "$@" >"$work/output" 2>&1 || status=$?
  equal "the status of dpkg $*" 1 "$status"
}

# If somebody has removed util-linux's file, ours stays rather than none.
missing_original() {
  dpkg_does --install /test/ours.deb
  rm "$root/usr/bin/flock.util-linux"
  dpkg_does --purge flock-rs
  equal 'flock --version' "$(version_line)" "$(inside flock --version)"
  dpkg_does --install /test/util-linux.deb
  is_pristine
}
