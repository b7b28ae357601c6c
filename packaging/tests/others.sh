# lintian, what is in the packages, the .rpm and the tar file, and a second build.

test_others() {
  equal lintian '' "$(lintian --allow-root --tag-display-limit 0 "$deb" 2>&1)"
  equal 'scripts of the .deb' 'control postinst postrm' \
    "$(dpkg-deb --ctrl-tarfile "$deb" | tar --list | sed 's/^\.\///; /^$/d' | sort | xargs)"
  listed deb "$(dpkg-deb --contents "$deb" | grep -v ^d | awk '{ print $1, $2, substr($6, 2) }')"
  listed rpm "$(command rpm --query --package --queryformat \
    '[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES}\n]' "$rpm" | sed 's/root\/root/0\/0/')"
  listed tar "$(tar --list --verbose --numeric-owner --file "$tarball" | grep -v ^d |
    awk '{ sub(/^[^\/]*/, "", $6); print $1, $2, $6 }')"
  # That the sums are right is seen at the start of every run.
  equal 'files of SHA256SUMS' "$(basename -a "$deb" "$rpm" "$tarball" | sort)" \
    "$(sed 's/^[0-9a-f]\{64\}  //' target/packages/SHA256SUMS | sort)"
  links_lead . README.md CHANGELOG.md packaging/*.md benches/*.md
  rpm_lives
  tar_runs
  builds_again
}

# listed KIND FOUND: exactly the files of packaging/tests/files.
listed() {
  equal "files of the $1" \
    "$(sed -n "s/^$1  *//p" packaging/tests/files | sort)" "$(sort <<<"$2")"
}

# links_lead DIRECTORY FILE…: the links in FILEs of DIRECTORY lead to what is there.
links_lead() {
  local directory=$1 file link
  shift
  for file; do
    { grep -oE '\]\([^)]*\)' "$directory/$file" || :; } | sed -E 's/^\]\(([^)#]*).*/\1/' | while read -r link; do
      case "$link" in '' | http:* | https:*) continue ;; esac
      [ -e "$(dirname "$directory/$file")/$link" ] || die "$directory/$file: $link leads nowhere"
    done
  done
}

# Installed by rpm beside util-linux, checked, removed.
rpm_lives() {
  local file ours=/usr/libexec/flock-rs
  equal 'what the .rpm requires' /bin/sh "$(command rpm --query --package --requires "$rpm" | grep -v '^rpmlib(' | sort -u)"
  equal 'scripts of the .rpm' 'postuninstall scriptlet (using /bin/sh):' \
    "$(command rpm --query --package --scripts "$rpm" | grep scriptlet)"
  for file in $(command rpm --query --package --list "$rpm"); do
    [ ! -e "$base$file" ] || die "$file is there without the .rpm"
  done
  # Its status is 1: it looks for the archive's size, which cargo-generate-rpm leaves out.
  rpm2cpio "$rpm" >"$work/rpm.cpio" || :
  equal 'files of the cpio archive' "$(command rpm --query --package --list "$rpm" | sort)" \
    "$(cpio --list --quiet <"$work/rpm.cpio" | sed 's/^\.//' | sort)"
  cover rpm 200m
  # /bin/sh, all that it requires, is here, but not known to rpm.
  rpm_does --install --nodeps "$rpm"
  equal 'rpm --verify' '' "$(command rpm --root "$root" --dbpath /var/lib/rpm --verify --nodeps flock-rs)"
  same "$root/usr/bin/flock" "$base/usr/bin/flock"
  equal 'flock --version' "$(version_line)" "$(inside PATH=$ours:/usr/bin:/bin sh -c 'flock --version')"
  inside PATH=$ours:/usr/bin:/bin sh -c 'flock -n /run/test.lock true'
  rpm_does --erase flock-rs
  # rpm's systems have this folder, Debian has not.
  rmdir "$root/usr/share/licenses"
  rm -r "$root/var/lib/rpm" "$root/run/test.lock"
  is_pristine
  uncover rpm
}

rpm_does() {
  quietly command rpm --root "$root" --dbpath /var/lib/rpm --force-debian --nosignature "$@"
}

tar_runs() {
  mkdir "$work/tar"
  tar --extract --strip-components 1 --file "$tarball" --directory "$work/tar"
  equal 'flock --version' "$(version_line)" "$("$work/tar/bin/flock" --version)"
  links_lead "$work/tar" README.md CHANGELOG.md
  dpkg-deb --extract "$deb" "$work/tar/deb"
  same "$work/tar/bin/flock" "$work/tar/deb/usr/libexec/flock-rs/flock"
  mkdir "$work/tar/rpm"
  (cd "$work/tar/rpm" && cpio --quiet --extract --make-directories) <"$work/rpm.cpio"
  same "$work/tar/bin/flock" "$work/tar/rpm/usr/libexec/flock-rs/flock"
}

# From nothing, in another folder: the same bytes. The linker tells what it takes.
builds_again() {
  local again="$work/again" linker
  mkdir -p "$again/target"
  git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --target-directory "$again"
  ln -s "$PWD/target/tools" "$again/target/tools"
  linkers_that_tell
  quietly env -u CARGO_TARGET_DIR PATH="$work/linkers:$PATH" SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" \
    "$again/packaging/build-packages"
  equal 'a second build' "$(cat target/packages/SHA256SUMS)" "$(cat "$again/target/packages/SHA256SUMS")"
  libraries_are_named "$again"/target/*-linux-musl/release/deps
}

# Linkers in $work/linkers that write down what they take for flock, into $work/map.
linkers_that_tell() {
  local linker
  mkdir "$work/linkers"
  for linker in cc musl-gcc; do
    cat >"$work/linkers/$linker" <<END
#!/bin/sh
PATH='$PATH'
case "\$*" in *' -o '*/release/deps/flock-*) set -- "\$@" '-Wl,-Map=$work/map' ;; esac
exec $linker "\$@"
END
    chmod 755 "$work/linkers/$linker"
  done
}

# libraries_are_named DIRECTORY: packaging/copyright has every crate that was compiled into
# DIRECTORY, and whatever else the linker took.
libraries_are_named() {
  local crates others name
  crates="$(find "$1" -name 'lib*.rlib' -printf '%f\n' | sed -E 's/^lib(.*)-[0-9a-f]+\.rlib$/\1/; s/_/-/g')"
  others="$(taken_by_linker)"
  [[ "$crates" == *rustix* && "$others" == *musl* ]] || die "what is linked is not seen: $crates $others"
  # All that is of the standard library itself goes by its name.
  crates="$(sed -E '/^flock-rs$/d; s/^(alloc|core|panic-.*|proc-macro|rustc-(literal|std)-.*|std-detect|unwind)$/std/' <<<"$crates")"
  for name in $crates $others; do
    grep -qE "^Files:.* vendor/$name/\*( |\$)" packaging/copyright || die "packaging/copyright does not name $name"
  done
  say "in the binary: $(sort -u <<<"$crates"$'\n'"$others" | xargs)"
}

# What is no crate, of which bytes are in the binary, by the library's name.
taken_by_linker() {
  awk '
    /^Linker script and memory map/ { on = 1 }
    /^ \.[^ ]/ { section = $1 }
    # What has no address is not loaded; that section the linker makes by itself.
    on && NF >= 3 && $(NF - 2) ~ /^0x0*[1-9a-f]/ && $(NF - 1) ~ /^0x0*[1-9a-f]/ && $NF ~ /^\// &&
      section != ".eh_frame_hdr" { print $NF }' "$work/map" |
    sed -E 's/\([^)]*\)$//; s/.*\/libgcc\/libunwind\.a$/libgcc.a/; s/.*\///; s/\.a$//
      /\.(rcgu\.o|rlib)$/d
      s/^(libc|[A-Za-z]*crt1\.o|crt[in]\.o)$/musl/
      s/^(crtbegin[A-Z]*\.o|crtend[A-Z]*\.o|libgcc.*)$/libgcc/' | sort -u
}
