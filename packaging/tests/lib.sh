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
  dpkg-deb --fsys-tarfile "$deb" | tar --extract --to-stdout ./usr/libexec/flock-rs/flock >"$shelf/test/flock"
  repack "$deb" newer version newer usr/libexec/flock-rs/flock
  repack "$deb" failing failing
  repack "$deb" aborting aborting
  repack "$deb" foreign foreign
  repack "$deb" unable unable
  repack "$deb" rival rival
  repack "$deb" heir heir
  mv "$base/util-linux.deb" "$shelf/test/util-linux.deb"
  repack "$shelf/test/util-linux.deb" util-linux-newer version newer \
    usr/bin/flock usr/share/bash-completion/completions/flock usr/share/man/man1/flock.1.gz
}

# repack DEB NAME EDIT…: the same package after EDIT, one of the functions below, in its tree.
repack() {
  local from=$1 name=$2
  shift 2
  rm -rf "$work/repack"
  dpkg-deb --raw-extract "$from" "$work/repack"
  (
    cd "$work/repack"
    "edit_$@"
    [ ! -e DEBIAN/md5sums ] ||
      find usr lib bin sbin etc -type f 2>/dev/null | xargs -d '\n' md5sum >DEBIAN/md5sums
  )
  quietly dpkg-deb --root-owner-group -Zgzip -z1 --build "$work/repack" "$shelf/test/$name.deb"
  rm -r "$work/repack"
}

# A later version, with a byte more in each FILE, which harms none of them.
edit_version() {
  local file
  sed -i "s/^Version: .*/&+$1/" DEBIAN/control
  shift
  for file; do printf '\n' >>"$file"; done
}

# One that cannot be configured, and one that cannot even be unpacked.
edit_failing() {
  edit_version failing usr/libexec/flock-rs/flock
  echo 'exit 3' >>DEBIAN/postinst
}
edit_aborting() {
  edit_version aborting usr/libexec/flock-rs/flock
  printf '#!/bin/sh\nexit 3\n' >DEBIAN/preinst
  chmod 755 DEBIAN/preinst
}

# A flock for another kind of machine (RISC-V), and one that only fails.
edit_foreign() {
  edit_version foreign
  printf '\363\0' | dd of=usr/libexec/flock-rs/flock bs=1 seek=18 conv=notrunc status=none
}
edit_unable() {
  edit_version unable
  printf '#!/bin/sh\nexit 1\n' >usr/libexec/flock-rs/flock
}

# Another package that cannot be there beside flock-rs, and fails; one with the same files.
edit_rival() {
  edit_aborting
  sed -i 's/^Package: .*/Package: rival\nConflicts: flock-rs\nReplaces: flock-rs/' DEBIAN/control
  rm -r DEBIAN/postinst DEBIAN/postrm usr
}
edit_heir() {
  sed -i 's/^Package: .*/Package: heir\nReplaces: flock-rs/' DEBIAN/control
  rm DEBIAN/postinst DEBIAN/postrm
}
