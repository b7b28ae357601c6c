#!/bin/sh
# recover WANTED WAY: what somebody does after a crash of dpkg, in the root where it was.
#
# WANTED is what was going on: install, upgrade, remove or purge. WAY is again (do it
# once more) or back (undo it). In the end the package is purged.
wanted=$1 way=$2
case $wanted in upgrade) deb=/test/newer.deb ;; *) deb=/test/ours.deb ;; esac

die() { echo "$wanted, $way: $*"; exit 1; }
works() {
  case "$(/usr/bin/flock --version)" in
  'flock from util-linux '* | 'flock from flock-rs '*) ;;
  *) die "no flock $1" ;;
  esac
  /usr/bin/flock -n /run/recover.lock true || die "flock does not lock $1"
  rm /run/recover.lock
}
installed() {
  cmp /usr/bin/flock /usr/libexec/flock-rs/flock || die 'not installed'
  cmp /usr/share/man/man1/flock.1.gz /usr/share/man/man1/flock-rs.1.gz || die 'no manual page'
  cmp /usr/share/bash-completion/completions/flock /usr/share/flock-rs/flock.bash || die 'no completions'
  [ "$(dpkg-divert --list | grep -c ' by flock-rs$')" = 3 ] || die 'not three diversions'
  [ "$(dpkg-query -W -f '${Status}' flock-rs)" = 'install ok installed' ] || die 'not ok'
  case "$(dpkg -V flock-rs)" in '') ;; *) die 'dpkg -V finds something' ;; esac
}
# What dpkg has half unpacked, it wants to have installed again before anything else.
half_unpacked() {
  case "$(dpkg-query -W -f '${Status}' flock-rs)" in
  *' reinstreq '*) ;;
  *) return 1 ;;
  esac
}
purge() { dpkg --purge flock-rs || die 'cannot be purged'; }

works 'after the crash'
dpkg --configure -a || half_unpacked || die 'dpkg --configure -a fails'
works 'after dpkg --configure -a'
case $way-$wanted in
again-install | again-upgrade | back-remove | back-purge)
  dpkg --install "$deb" || die 'cannot be installed'
  installed
  ;;
again-remove) dpkg --remove flock-rs || die 'cannot be removed' ;;
again-purge) ;;
back-*)
  if ! dpkg --purge flock-rs; then
    half_unpacked || die 'cannot be purged'
    works 'after a refused purge'
    dpkg --install "$deb" || die 'cannot be installed'
    installed
  fi
  ;;
esac
works 'after the recovery'
purge
works 'after the purge'
