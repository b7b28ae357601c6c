# What must hold in a root with the package, and in one that has it no more.

names=(
  /usr/bin/flock
  /usr/share/bash-completion/completions/flock
  /usr/share/man/man1/flock.1.gz
)

# The package is here: its files are in place, util-linux's beside them, dpkg content.
is_installed() {
  local name
  equal 'dpkg -V' '' "$(inside dpkg -V)"
  equal diversions "diversion of /usr/bin/flock to /usr/bin/flock.util-linux by flock-rs
diversion of /usr/share/bash-completion/completions/flock to /usr/share/bash-completion/completions/flock.util-linux by flock-rs
diversion of /usr/share/man/man1/flock.1.gz to /usr/share/man/man1/flock.util-linux.1.gz by flock-rs" \
    "$(inside dpkg-divert --list | grep flock | sort)"
  same "$root/usr/bin/flock" "$root/usr/libexec/flock-rs/flock"
  same "$root/usr/share/man/man1/flock.1.gz" "$root/usr/share/man/man1/flock-rs.1.gz"
  same "$root/usr/share/bash-completion/completions/flock" "$root/usr/share/flock-rs/flock.bash"
  equal mode 'root root 755' "$(inside stat -c '%U %G %a' /usr/bin/flock)"
  equal 'the way by /bin' usr/bin "$(readlink "$root/bin")"
  equal 'flock --version' "$(version_line)" "$(inside flock --version)"
  grep -q '^flock.* util-linux 2' <<<"$(inside flock.util-linux --version)" || die 'flock.util-linux is not util-linux'"'"'s'
  for name in "${names[@]}"; do
    [ ! -e "$root$name.flock-rs" ] || die "left behind: $name.flock-rs"
  done
}

version_line() {
  local version others
  version="$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)"
  others="$(sed -n 's/.*, compatible with util-linux \([0-9.]*\)\\n.*/\1/p' src/help.rs)"
  echo "flock from flock-rs $version, compatible with util-linux $others"
}

same() { cmp -s "$1" "$2" || die "$1 is not $2"; }

# What dpkg writes in any case, and the tests' own: not compared.
bookkeeping='^\./(var/lib/dpkg/(tmp\.ci(/.*)?|(status|diversions|available)(-old)?|lock(-frontend)?|triggers/(Lock|Unincorp))'
bookkeeping+='|var/log/(dpkg|alternatives)\.log|test(/step)?)$'

# is_pristine LAYER…: no trace of the package; every file that any of the LAYERs or this
# root changed is as in the base, byte for byte, with the same owner, mode and (in /usr) time.
is_pristine() {
  local paths
  equal 'dpkg -V util-linux' '' "$(inside dpkg -V util-linux)"
  equal diversions "$(chroot "$base" dpkg-divert --list)" "$(inside dpkg-divert --list)"
  equal packages "$(chroot "$base" dpkg-query -W -f "$listing")" "$(inside dpkg-query -W -f "$listing")"
  paths="$(find "$upper" "$@" -mindepth 1 -printf './%P\n' | sort -u | grep -vE "$bookkeeping")"
  equal 'what was changed' "$(facts "$base" "$paths")" "$(facts "$root" "$paths")"
}
listing='${Package} ${Version} ${Status}\n'

# facts ROOT PATHS: of folders, whether they are there; of files, everything, but the
# time only in /usr: the scripts of util-linux write some of their own files anew.
facts() (
  cd "$1"
  LC_ALL=C
  xargs -d '\n' --no-run-if-empty sh -c '
    find "$@" -maxdepth 0 -type d -printf "folder %p\n" -o -path "./usr/*" -printf "%M %u %g %s %T@ %p %l\n" \
      -o -printf "%M %u %g %s %p %l\n" 2>&1
    find "$@" -maxdepth 0 -type f -exec sha256sum {} + 2>/dev/null
    :' sh <<<"$2"
)
