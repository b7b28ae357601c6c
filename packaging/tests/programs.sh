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
  equal 'mandb' '' "$(inside mandb --quiet 2>&1 | sed -n '/flock/p')"
  equal 'completions of bash' --fcntl "$(inside bash -c '
    . /usr/share/bash-completion/bash_completion
    _completion_loader flock
    set -- $(complete -p flock)
    COMP_WORDS=(flock --fcn) COMP_CWORD=1 COMP_LINE="flock --fcn" COMP_POINT=11
    "$3" flock --fcn flock
    echo $COMPREPLY')"
  equal 'completions of zsh' '_flock /usr/share/zsh/vendor-completions/_flock' "$(inside zsh -fc '
    autoload -U compinit && compinit -D -u
    autoload +X _flock
    echo $_comps[flock] $functions_source[_flock]')"
  equal 'completions of fish' --fcntl "$(inside fish -c 'complete -C "flock --fcn"' | cut -f 1)"
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
  rm -rf "$trace"
  mkdir "$trace"
  # A file for each process, so that no line is interrupted by another.
  quietly strace -ff -qq -e trace=execve -o "$trace/of" chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
  # /bin is a link to /usr/bin.
  calls="$(sed -nE 's/^execve\("(\/usr)?\/bin\/flock", (\[.*\]), .* = 0$/\2/p' "$trace"/*)"
  [ -n "$calls" ] || die "$what has not called flock"
  say "$what: $(xargs -d '\n' printf '%s; ' <<<"$calls")"
}

# apt's daily job, alone, and then while somebody has its lock.
caller_apt() {
  local line job
  : >"$root/etc/apt/sources.list"
  printf 'APT::Periodic::%s "%s";\n' Enable 1 Update-Package-Lists always >"$root/etc/apt/apt.conf.d/98daily"
  calls_flock apt.systemd.daily /usr/lib/apt/apt.systemd.daily update
  [ -e "$root/var/lib/apt/periodic/update-stamp" ] || die 'apt.systemd.daily has not updated'
  rm "$root/var/lib/apt/periodic/update-stamp"
  coproc inside flock -n /var/lib/apt/daily_lock sh -c 'echo held; read -r line || :'
  read -r -t 20 -u "${COPROC[0]}" line && [ "$line" = held ] || die 'daily_lock cannot be had'
  inside /usr/lib/apt/apt.systemd.daily update &
  job=$!
  wait_for_waiter
  [ ! -e "$root/var/lib/apt/periodic/update-stamp" ] || die 'apt.systemd.daily does not wait for its lock'
  eval "exec ${COPROC[1]}>&-"
  wait "$job" || die 'apt.systemd.daily fails after it has waited'
  [ -e "$root/var/lib/apt/periodic/update-stamp" ] || die 'apt.systemd.daily has not updated after its wait'
}

# Until somebody in $root waits for a lock, at most 20 seconds.
wait_for_waiter() {
  local tries pid
  for ((tries = 0; tries < 400; tries++)); do
    for pid in $(sed -n 's/^.* -> FLOCK *[^ ]* *[^ ]* *\([0-9]*\) .*/\1/p' /proc/locks); do
      [ "$(readlink "/proc/$pid/root")" != "$root" ] || return 0
    done
    read -r -t 0.05 <> <(:) || :
  done
  die 'nobody waits for a lock'
}

caller_resolvconf() {
  calls_flock 'resolvconf -a' sh -c 'echo nameserver 192.0.2.7 | resolvconf -a eth0.test'
  calls_flock 'resolvconf --list' resolvconf --list
  equal 'resolvconf --list' 'nameserver 192.0.2.7' "$(sed -n '/ from eth0\.test$/ { n; p }' "$work/output")"
}

caller_backupninja() {
  # It has nobody to report to here.
  sed -i -E 's/^(reportemail|reportprom) =.*/\1 =/' "$root/etc/backupninja.conf"
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
  # util-linux's calls itself what it is called.
  mkdir "$root/reference"
  ln -s /usr/bin/flock.util-linux "$root/reference/flock"
  inside sh -c 'cd "$1" && shift && exec env CI=true "$@"' sh "$PWD" \
    FLOCK=/usr/bin/flock FLOCK_REFERENCE=/reference/flock "$PWD/${binary#"$PWD"/}" \
    >"$work/parity.log" 2>&1 || { tail -n 60 "$work/parity.log"; die 'the parity suite fails'; }
  head -n 2 "$work/parity.log"
  tail -n 1 "$work/parity.log"
  uncover parity
}
