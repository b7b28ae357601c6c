# The installed package among the programs of Debian: those that show its pages and
# completions, those that call flock, and the parity suite.

# A root with the extras and the package, as $root.
full_root() {
  make_full
  cover "$1" 1g "$full"
  devices
  dpkg_does --install /test/ours.deb
  is_installed
}

test_documentation() {
  local page
  full_root documentation
  page="$(inside man --pager=cat flock 2>&1)"
  equal 'man flock' "$(inside man --pager=cat flock-rs 2>&1)" "$page"
  grep -q '^flock-rs  ' <<<"$page" || die 'man flock is not ours: its last line does not name flock-rs'
  grep -q '^util-linux 2' <<<"$(inside man --pager=cat flock.util-linux 2>&1)" ||
    die 'man flock.util-linux is not util-linux'"'"'s'
  equal 'mandb' '' "$(inside mandb --quiet 2>&1 | grep flock)"
  equal 'completions of bash' --nonblock "$(inside bash -c '
    . /usr/share/bash-completion/bash_completion
    _completion_loader flock
    set -- $(complete -p flock)
    COMP_WORDS=(flock --nonb) COMP_CWORD=1 COMP_LINE="flock --nonb" COMP_POINT=12
    "$3" flock --nonb flock
    echo $COMPREPLY')"
  equal 'completions of zsh' '_flock /usr/share/zsh/vendor-completions/_flock' "$(inside zsh -fc '
    autoload -U compinit && compinit -D -u
    autoload +X _flock
    echo $_comps[flock] $functions_source[_flock]')"
  equal 'completions of fish' --nonblock "$(inside fish -c 'complete -C "flock --nonb"' | cut -f 1)"
  uncover documentation
}

test_callers() {
  full_root callers
  caller_apt
  caller_resolvconf
  caller_backupninja
  dpkg_does --purge flock-rs
  equal 'dpkg -V' '' "$(inside dpkg -V util-linux)"
  uncover callers
}

# calls_flock WHAT COMMAND…: runs it inside, and sees that it starts /usr/bin/flock.
calls_flock() {
  local what=$1 trace="$work/trace" calls
  shift
  quietly strace -f -qq -e trace=execve -o "$trace" chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
  # /bin is a link to /usr/bin.
  calls="$(sed -nE 's/^.* execve\("(\/usr)?\/bin\/flock", (\[.*\]), .* = 0$/\2/p' "$trace")"
  [ -n "$calls" ] || die "$what has not called flock"
  say "$what: $(xargs -d '\n' printf '%s; ' <<<"$calls")"
}

# apt's daily job, alone, and then while somebody has its lock.
caller_apt() {
  local lock="$root/var/lib/apt/daily_lock" job
  : >"$root/etc/apt/sources.list"
  printf 'APT::Periodic::%s "%s";\n' Enable 1 Update-Package-Lists always >"$root/etc/apt/apt.conf.d/98daily"
  calls_flock apt.systemd.daily /usr/lib/apt/apt.systemd.daily update
  [ -e "$root/var/lib/apt/periodic/update-stamp" ] || die 'apt.systemd.daily has not updated'
  rm "$root/var/lib/apt/periodic/update-stamp"
  exec 8>"$lock"
  "$root/usr/bin/flock" -n 8
  inside /usr/lib/apt/apt.systemd.daily update 8>&- &
  job=$!
  wait_for_waiter "$lock"
  [ ! -e "$root/var/lib/apt/periodic/update-stamp" ] || die 'apt.systemd.daily does not wait for its lock'
  exec 8>&-
  wait "$job" || die 'apt.systemd.daily fails after it has waited'
  [ -e "$root/var/lib/apt/periodic/update-stamp" ] || die 'apt.systemd.daily has not updated after its wait'
}

# Until somebody waits for a lock on this file, at most 20 seconds.
wait_for_waiter() {
  local inode tries
  inode="$(stat -c %i "$1")"
  for ((tries = 0; tries < 400; tries++)); do
    ! grep -qE -- "-> FLOCK .*:$inode " /proc/locks || return 0
    read -r -t 0.05 <> <(:) || :
  done
  die "nobody waits for $1"
}

caller_resolvconf() {
  calls_flock 'resolvconf -a' sh -c 'echo nameserver 192.0.2.7 | resolvconf -a eth0.test'
  calls_flock 'resolvconf --list' resolvconf --list
  equal 'resolvconf --list' 'nameserver 192.0.2.7' "$(grep ^nameserver "$work/output")"
}

caller_backupninja() {
  printf 'echo saved >/root/saved\n' >"$root/etc/backup.d/10-test.sh"
  chmod 600 "$root/etc/backup.d/10-test.sh"
  calls_flock backupninja backupninja --now --run /etc/backup.d/10-test.sh
  equal 'what backupninja saved' saved "$(cat "$root/root/saved")"
}

# The suite of this tree, built here, on the package's flock and on util-linux's.
test_parity() {
  local binary
  binary="$(cargo test --release --locked --no-run --test parity 2>&1 |
    sed -n 's/^ *Executable tests\/parity.* (\(.*\))$/\1/p')"
  [ -x "$binary" ] || die "no parity suite: '$binary'"
  cargo build --release --locked --quiet --example probe
  full_root parity
  mkdir -p "$root$PWD"
  mount --bind "$PWD" "$root$PWD"
  inside sh -c 'cd "$1" && shift && exec env CI=true "$@"' sh "$PWD" \
    FLOCK=/usr/bin/flock FLOCK_REFERENCE=/usr/bin/flock.util-linux "$PWD/${binary#"$PWD"/}" \
    >"$work/parity" 2>&1 || { tail -n 60 "$work/parity"; die 'the parity suite fails'; }
  head -n 2 "$work/parity"
  tail -n 1 "$work/parity"
  uncover parity
}
