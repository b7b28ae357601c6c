# A disk that is full, at each 16 KiB, from the first byte to where the command succeeds.

test_full_disk() {
  installed_layer
  fill install '' --install /test/ours.deb
  fill upgrade "$work/installed" --install /test/newer.deb
  fill remove "$work/installed" --remove flock-rs
}

fill() {
  local wanted=$1 layer=$2 size log="$work/full-disk.log" failures=0 status
  shift 2
  for ((size = 48; ; size += 16)); do
    [ $size -lt 8192 ] || die "$wanted needs more than $size KiB?"
    cover full-disk "${size}k" ${layer:+"$layer"}
    status=0
    inside dpkg "$@" >"$log" 2>&1 || status=$?
    # The checks themselves write, as does dpkg when it recovers.
    inside /usr/bin/flock --version >>"$log" 2>&1 || { cat "$log"; die "$wanted, $size KiB: no flock"; }
    mount -o remount,size=100m "$work/full-disk/tmp"
    if ! inside sh /test/recover "$wanted" again >>"$log" 2>&1 ||
      ! (is_pristine ${layer:+"$layer"}) >>"$log" 2>&1; then
      cat "$log"
      die "$wanted with $size KiB"
    fi
    uncover full-disk
    [ $status != 0 ] || break
    failures=$((failures + 1))
  done
  [ $failures -ge 3 ] || die "$wanted: the disk was full only $failures times"
  say "$wanted: the disk full at $failures sizes below $size KiB: flock works, and dpkg recovers"
}
