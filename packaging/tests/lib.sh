# Saying, checking and preparing, for packaging/test-packages.

cache="$PWD/target/package-tests"
work="$cache/work"
shelf="$work/shelf"
trouble=no

say() { printf '%s\n' "$*"; }
die() { printf 'test-packages: %s\n' "$*" >&2; trouble=told; exit 1; }

# Runs a command whose output is only of interest if it fails.
quietly() {
  "$@" >"$work/output" 2>&1 || { status=$?; cat "$work/output" >&2; die "failed with $status: $*"; }
}

# equal WHAT EXPECTED FOUND
equal() {
  [ "$2" = "$3" ] ||
    die "$1: - expected, + found:"$'\n'"$(diff -U 0 <(echo "$2") <(echo "$3") | tail -n +4)"
}

finish() {
  status=$?
  [ $status = 0 ] || [ $trouble = told ] || echo "test-packages: failed with $status" >&2
  local children
  children="$(jobs -p)"
  # shellcheck disable=SC2086 # one word a process
  [ -z "$children" ] || kill $children 2>/dev/null || :
  clear_work || :
}

# Whatever is mounted below $work is of this mount namespace alone.
clear_work() {
  local mount
  awk -v dir="$work/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | tac |
    while read -r mount; do umount --lazy "$mount"; done
  rm -rf --one-file-system "$work"
}

prepare() {
  local command
  for command in cpio debootstrap dpkg-deb gcc lintian rpm rpm2cpio strace; do
    command -v "$command" >/dev/null || die "$command is missing"
  done
  umask 022
  mkdir -p "$cache"
  exec 7>"$cache/lock"
  /usr/bin/flock -n 7 || die 'another run is at work'
  clear_work
  mkdir -p "$shelf/test"
  set -o errtrace
  trap 'echo "test-packages: ${BASH_SOURCE[0]}:$LINENO: $BASH_COMMAND" >&2' ERR
  trap finish EXIT
  trap 'exit 1' INT TERM
  deb="$(one target/packages/*.deb)"
  rpm="$(one target/packages/*.rpm)"
  tarball="$(one target/packages/*.tar.gz)"
  (cd target/packages && quietly sha256sum --check --strict SHA256SUMS)
  make_base
  fill_shelf
}

# Its argument, if there is one and that is a file.
one() { [ $# = 1 ] && [ -f "$1" ] || die "not one file: $*; run packaging/build-packages"; echo "$1"; }

# What every root of a test has in /test: packages and tools.
fill_shelf() {
  gcc -O2 -Wall -Wextra -Werror -shared -fPIC -o "$shelf/test/step.so" packaging/tests/step.c
  gcc -O2 -Wall -Wextra -Werror -o "$work/watch" packaging/tests/watch.c
  cp packaging/tests/recover.sh "$shelf/test/recover"
  cp "$deb" "$shelf/test/ours.deb"
  repack "$deb" newer.deb 's/^Version: .*/&+newer/' usr/libexec/flock-rs/flock
  repack "$deb" failing.deb 's/^Version: .*/&+failing/' usr/libexec/flock-rs/flock
  mv "$base/util-linux.deb" "$shelf/test/util-linux.deb"
  repack "$shelf/test/util-linux.deb" util-linux-newer.deb 's/^Version: .*/&+newer/' \
    usr/bin/flock usr/share/bash-completion/completions/flock usr/share/man/man1/flock.1.gz
}

# repack DEB NAME SED FILE…: the same package with its control file edited and a byte
# more in each FILE, which harms none of them. failing.deb cannot be configured.
repack() {
  local from=$1 name=$2 edit=$3 file
  shift 3
  rm -rf "$work/repack"
  dpkg-deb --raw-extract "$from" "$work/repack"
  sed -i "$edit" "$work/repack/DEBIAN/control"
  [ "$name" != failing.deb ] || sed -i '$a exit 3' "$work/repack/DEBIAN/postinst"
  for file; do
    printf '\n' >>"$work/repack/$file"
  done
  if [ -e "$work/repack/DEBIAN/md5sums" ]; then
    (cd "$work/repack" && find usr lib bin sbin etc -type f 2>/dev/null | xargs -d '\n' md5sum >DEBIAN/md5sums)
  fi
  quietly dpkg-deb --root-owner-group -Zgzip -z1 --build "$work/repack" "$shelf/test/$name"
  rm -r "$work/repack"
}
