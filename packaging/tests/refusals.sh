# What the scripts refuse, and what cuts them short: flock answers all the time, nothing of
# anybody's is lost, and the package can be had, or be gone, afterwards.

test_refusals() {
  local what
  for what in foreign_files diversions failing_questions half_done_answers unrunnable \
    other_file_system chrootless aborted_by_others; do
    cover refusals 200m
    watch_starts
    "refused_$what"
    watch_ends 0
    is_pristine
    uncover refusals
  done
}

asides=(
  /usr/bin/flock.util-linux
  /usr/share/bash-completion/completions/flock.util-linux
  /usr/share/man/man1/flock.util-linux.1.gz
)

# refuses WHY ARGUMENT…: dpkg fails and says so, and flock goes on to lock.
refuses() {
  local why=$1
  shift
  dpkg_fails "$@"
  grep -qF -- "$why" "$work/output" || { cat "$work/output"; die "dpkg $* does not say: $why"; }
  locks
}

locks() {
  inside flock -n /run/refusals.lock true || die 'flock does not lock'
  rm "$root/run/refusals.lock"
}

# not_there NAME…: none of these is left behind.
not_there() {
  local name
  for name; do
    [ ! -e "$root$name" ] && [ ! -L "$root$name" ] || die "$name is left behind"
  done
}

# Somebody's file, or link that leads nowhere, has the name that util-linux's is to get.
refused_foreign_files() {
  local aside
  for aside in "${asides[@]}"; do
    echo mine >"$root$aside"
    refuses "$aside is in the way" --install /test/ours.deb
    refuses "$aside is in the way" --configure flock-rs
    refuses "$aside is in the way" --install /test/newer.deb
    dpkg_does --purge flock-rs
    equal "$aside" mine "$(cat "$root$aside")"
    rm "$root$aside"
    is_pristine
    ln -s /nowhere "$root$aside"
    refuses "$aside is in the way" --install /test/ours.deb
    dpkg_does --remove flock-rs
    equal "$aside" /nowhere "$(readlink "$root$aside")"
    rm "$root$aside"
    # The same content, but not the link that an interrupted run leaves.
    cp "$root${aside/.util-linux/}" "$root$aside"
    refuses "$aside is in the way" --install /test/ours.deb
    dpkg_does --remove flock-rs
    [ -e "$root$aside" ] || die "$aside: a copy is lost"
    ln -sf "$(basename "${aside/.util-linux/}")" "$root$aside"
    refuses "$aside is in the way" --install /test/ours.deb
    dpkg_does --remove flock-rs
    equal "$aside" "$(basename "${aside/.util-linux/}")" "$(readlink "$root$aside")"
    rm "$root$aside"
    dpkg_does --install /test/ours.deb
    is_installed
    dpkg_does --purge flock-rs
    is_pristine
  done
}

# Somebody's diversion has to do with one of the names.
refused_diversions() {
  local number
  for number in 0 1 2; do
    diverted "is diverted already, by LOCAL" --local "${names[number]}" "${names[number]}.mine"
    diverted "is diverted already, by other" --package=other "${names[number]}" "${names[number]}.mine"
    diverted clashes --local "${asides[number]}" "${asides[number]}.mine"
    diverted clashes --package=other /usr/bin/other "${asides[number]}"
  done
}

# diverted WHY OWNER FROM TO
diverted() {
  local why=$1 owner=$2 from=$3 to=$4 before
  quietly inside dpkg-divert "$owner" --no-rename --divert "$to" --add "$from"
  before="$(inside dpkg-divert --list)"
  refuses "$why" --install /test/ours.deb
  refuses "$why" --install /test/newer.deb
  dpkg_does --purge flock-rs
  not_there "${asides[@]}"
  equal diversions "$before" "$(inside dpkg-divert --list)"
  quietly inside dpkg-divert "$owner" --no-rename --divert "$to" --remove "$from"
  is_pristine
}

# divert_is SCRIPT: this runs in the place of dpkg-divert, the real one being $real.
divert_is() {
  [ -e "$root/usr/bin/dpkg-divert.real" ] || mv "$root/usr/bin/dpkg-divert" "$root/usr/bin/dpkg-divert.real"
  printf '#!/bin/sh\nreal=/usr/bin/dpkg-divert.real\n%s\nexec $real "$@"\n' "$1" >"$root/usr/bin/dpkg-divert"
  chmod 755 "$root/usr/bin/dpkg-divert"
}
divert_is_itself() { mv "$root/usr/bin/dpkg-divert.real" "$root/usr/bin/dpkg-divert"; }

# dpkg-divert cannot be asked, or does not what it is asked for.
refused_failing_questions() {
  divert_is '[ "$1" != --listpackage ] || exit 2'
  refuses 'error exit status 2' --install /test/ours.deb
  divert_is '! echo " $*" | grep -q -- " --add " || exit 2'
  refuses 'error exit status 1' --configure flock-rs
  not_there "${asides[@]}"
  divert_is_itself
  same "$root/usr/bin/flock" "$base/usr/bin/flock"
  dpkg_does --configure flock-rs
  is_installed
  divert_is '[ "$1" != --listpackage ] || exit 2'
  refuses 'error exit status 2' --install /test/newer.deb
  refuses 'error exit status 2' --install /test/aborting.deb
  refuses 'error exit status 2' --remove flock-rs
  same "$root/usr/bin/flock" "$shelf/test/flock"
  divert_is '! echo " $*" | grep -q -- " --remove " || exit 2'
  refuses 'error exit status 2' --purge flock-rs
  divert_is_itself
  dpkg_does --purge flock-rs
}

# dpkg-divert does what it is asked for, and then fails.
refused_half_done_answers() {
  local script
  for script in \
    'case " $* " in *" --add "*) $real "$@"; exit 2 ;; esac' \
    'case " $* " in *" --add "*) $real "$@"; exit 2 ;; *" --listpackage "*) [ ! -e "$2.util-linux" ] || exit 2 ;; esac' \
    'case " $* " in *" --add "*) $real "$@"; kill -KILL $PPID ;; esac'; do
    divert_is "$script"
    refuses 'error' --install /test/ours.deb
    [ -e "$root/usr/bin/flock.util-linux" ] || die 'util-linux has lost its flock'
    divert_is_itself
    dpkg_does --configure flock-rs
    is_installed
    divert_is "${script//--add/--remove}"
    refuses 'error' --remove flock-rs
    divert_is_itself
    dpkg_does --purge flock-rs
    is_pristine
  done
}

# A flock that cannot be run here does not become the one.
refused_unrunnable() {
  local deb
  for deb in foreign unable; do
    refuses 'this flock does not run here' --install "/test/$deb.deb"
    same "$root/usr/bin/flock" "$base/usr/bin/flock"
    not_there "${asides[@]}"
    dpkg_does --purge flock-rs
    is_pristine
    dpkg_does --install /test/ours.deb
    refuses 'this flock does not run here' --install "/test/$deb.deb"
    same "$root/usr/bin/flock" "$shelf/test/flock"
    dpkg_does --install /test/ours.deb
    is_installed
    refuses 'this flock does not run here' --install "/test/$deb.deb"
    dpkg_does --purge flock-rs
    is_pristine
  done
}

# Where no hard link can be made from the package's file, there is a copy, or the old one.
refused_other_file_system() {
  local home=/usr/libexec/flock-rs status=0
  mkdir "$root$home"
  mount -t tmpfs -o size=10m,mode=755 none "$root$home"
  dpkg_does --install /test/ours.deb
  is_installed
  dpkg_does --install /test/newer.deb
  is_installed
  equal 'links of flock' 1 "$(inside stat -c %h /usr/bin/flock)"
  cp "$shelf/test/flock" "$root$home/flock"
  # Some room, but not enough.
  cat /dev/zero >"$root/full" 2>/dev/null || :
  truncate --size=-65536 "$root/full"
  inside /var/lib/dpkg/info/flock-rs.postinst configure >"$work/output" 2>&1 || status=$?
  equal 'the status of postinst' 1 "$status"
  grep -q 'No space left' "$work/output" || die 'the disk is not full'
  locks
  equal 'size of flock' $(($(stat -c %s "$shelf/test/flock") + 1)) "$(stat -c %s "$root/usr/bin/flock")"
  rm "$root/full"
  dpkg_does --install /test/ours.deb
  is_installed
  dpkg_does --purge flock-rs
  umount "$root$home"
  rmdir "$root$home"
}

# From outside of the root, which is one in the root here: the machine's own is not at risk.
refused_chrootless() {
  local options=(--root=/inner --force-script-chrootless --force-depends)
  local refusal='cannot be run from outside of the root'
  mkdir -p "$root/inner/var/lib/dpkg/updates" "$root/inner/var/lib/dpkg/info"
  : >"$root/inner/var/lib/dpkg/status"
  refuses "$refusal" "${options[@]}" --install /test/ours.deb
  refuses "$refusal" "${options[@]}" --install /test/newer.deb
  refuses "$refusal" "${options[@]}" --install /test/aborting.deb
  refuses "$refusal" "${options[@]}" --purge flock-rs
  not_there "${asides[@]}" /usr/libexec/flock-rs
  rm -r "$root/inner"
}

# Others make dpkg turn back, or take the package's place.
refused_aborted_by_others() {
  local way
  refuses 'error exit status 3' --install /test/aborting.deb
  is_pristine
  dpkg_does --install /test/ours.deb
  refuses 'error exit status 3' --install /test/aborting.deb
  is_installed
  refuses 'error exit status 3' --install /test/rival.deb
  is_installed
  for way in abort-upgrade abort-remove abort-deconfigure; do
    quietly inside /var/lib/dpkg/info/flock-rs.postinst "$way"
    is_installed
  done
  for way in upgrade failed-upgrade abort-install abort-upgrade; do
    quietly inside /var/lib/dpkg/info/flock-rs.postrm "$way"
    is_installed
  done
  dpkg_does --install /test/heir.deb
  equal 'flock-rs' '' "$(inside dpkg --get-selections flock-rs 2>/dev/null)"
  same "$root/usr/bin/flock" "$base/usr/bin/flock"
  not_there "${asides[@]}"
  dpkg_does --purge heir
}
