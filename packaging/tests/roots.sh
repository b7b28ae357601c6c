# Debian roots: made once, kept as tar files, and covered with an overlay for each test.

base="$work/base"
full="$work/full"

# Debian's release, and what tests need besides a minimal system.
extras=(
  man-db bash-completion
  resolvconf backupninja
  dash busybox-static zsh ksh93u+m mksh yash fish perl strace locales mandoc
)

# This machine's archive, as lines of a sources.list.
sources() {
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(CREATED_BY)' |
    while read -r uri suite component kind; do
      [ "$kind $component" = 'Packages main' ] || continue
      case "$suite" in "$codename" | "$codename"-*) echo "deb $uri $suite main" ;; esac
    done | sort -u
}

make_base() {
  local mirror list proxy
  codename="$(. /etc/os-release && echo "${VERSION_CODENAME:-}")"
  mkdir -p "$base"
  if [ -e "$cache/base.tar" ]; then
    say "the root of $cache/base.tar"
    tar --extract --numeric-owner --file "$cache/base.tar" --directory "$base"
    return
  fi
  list="$(sources)"
  mirror="$(sed -n "s/^deb \([^ ]*\) $codename main\$/\1/p" <<<"$list" | head -n 1)"
  [ -n "$mirror" ] || die "this machine's apt has no Debian archive of '$codename': apt-get update?"
  say "a root of $codename from $mirror"
  proxy="$(apt-config dump --format '%v' Acquire::http::Proxy)"
  quietly env ${proxy:+"http_proxy=$proxy"} debootstrap --variant=minbase "$codename" "$base" "$mirror"
  umount "$base/proc" "$base/sys" 2>/dev/null || :
  echo "$list" >"$base/etc/apt/sources.list"
  apt-config dump Acquire | grep -v '^Acquire::Languages' >"$base/etc/apt/apt.conf.d/99acquire" || :
  printf '#!/bin/sh\nexit 101\n' >"$base/usr/sbin/policy-rc.d"
  chmod 755 "$base/usr/sbin/policy-rc.d"
  root="$base"
  quietly inside apt-get -qq -o Acquire::Languages=none update
  quietly inside apt-get -qq --yes install --only-upgrade util-linux
  quietly inside sh -c 'cd /tmp && apt-get -qq -o APT::Sandbox::User=root download util-linux && mv util-linux_*.deb /util-linux.deb'
  quietly inside apt-get clean
  tar --create --numeric-owner --one-file-system --file "$cache/base.tar.new" --directory "$base" .
  mv "$cache/base.tar.new" "$cache/base.tar"
}

# The layer with the extras.
make_full() {
  [ ! -d "$full" ] || return 0
  if [ -e "$cache/full.tar" ] && [ "$cache/full.tar" -nt "$cache/base.tar" ]; then
    mkdir "$full"
    tar --extract --numeric-owner --xattrs --xattrs-include='*' --file "$cache/full.tar" --directory "$full"
    return
  fi
  say "installing ${extras[*]}"
  mkdir "$full.new" "$full.work" "$full.root"
  mount -t overlay overlay -o "lowerdir=$base,upperdir=$full.new,workdir=$full.work" "$full.root"
  root="$full.root"
  devices
  cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
  quietly inside apt-get -qq --yes install --no-install-recommends "${extras[@]}"
  quietly inside apt-get clean
  umount --recursive "$root"
  tar --create --numeric-owner --xattrs --xattrs-include='*' --file "$cache/full.tar.new" --directory "$full.new" .
  mv "$cache/full.tar.new" "$cache/full.tar"
  mv "$full.new" "$full"
}

# cover NAME SIZE LAYER…: mounts LAYERs, the upmost first, as $root; what is written goes
# to a tmpfs of SIZE.
cover() {
  local name=$1 size=$2 layers
  shift 2
  root="$work/$name/root" upper="$work/$name/tmp/upper"
  mkdir -p "$root" "$work/$name/tmp"
  mount -t tmpfs -o "size=$size,mode=755" none "$work/$name/tmp"
  mkdir "$upper" "$work/$name/tmp/work"
  layers="$(printf '%s:' "$@" "$shelf" "$base")"
  mount -t overlay overlay -o "lowerdir=${layers%:},upperdir=$upper,workdir=$work/$name/tmp/work" "$root"
}

uncover() {
  umount --recursive "$work/$1/root"
  umount "$work/$1/tmp"
}

devices() {
  mount -t proc proc "$root/proc"
  mount --rbind /sys "$root/sys"
  mount --rbind /dev "$root/dev"
}

# Runs a command in $root.
inside() {
  chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C TERM=dumb DEBIAN_FRONTEND=noninteractive \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}
