# dpkg killed, or an error, at each call of dpkg and the scripts that changes a directory: by
# renaming, linking, removing, or making a folder (step.c has them all).

test_crash() {
  installed_layer
  sweep remove "$work/installed" --remove flock-rs
  sweep purge "$work/installed" --purge flock-rs
  sweep install '' --install /test/ours.deb
  sweep upgrade "$work/installed" --install /test/newer.deb
}

# What installing the package writes, as a layer.
installed_layer() {
  [ ! -d "$work/installed" ] || return 0
  cover install-once 100m
  dpkg_does --install /test/ours.deb
  cp -a "$upper" "$work/installed"
  uncover install-once
}

# sweep WANTED LAYER COMMAND…: two workers, each every second step.
sweep() {
  local wanted=$1 layer=$2 steps pid status=0 pids=()
  shift 2
  cover "count-$wanted" 100m ${layer:+"$layer"}
  stepped 0 0 "$@" || die "$wanted fails by itself"
  steps="$(od -An -tu4 -N4 "$root/test/step" | tr -d ' ')"
  uncover "count-$wanted"
  [ "$steps" -ge 50 ] || die "$wanted has only $steps steps: is step.so at work?"
  for worker in 1 2; do
    (trap - EXIT; sweep_part "$worker" "$steps" "$wanted" "$layer" "$@") &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || status=1; done
  [ $status = 0 ] || die "$wanted: not every crash was survived"
  say "$wanted: $steps steps; killed at each, and an error at each: flock works, and dpkg recovers"
}

sweep_part() {
  local worker=$1 steps=$2 wanted=$3 layer=$4 step way
  shift 4
  for ((step = worker; step <= steps; step += 2)); do
    # One way back after the one kill, the other after the next.
    way=again
    [ $((step / 2 % 2)) = 0 ] || way=back
    crash_once kill 1 "$way" "$@"
    crash_once error 2 again "$@"
  done
}

# Of the variables of sweep_part. Fails by exiting.
crash_once() {
  local name=$1 action=$2 way=$3 log="$work/crash.$worker.log" status=0
  shift 3
  cover "crash.$worker" 100m ${layer:+"$layer"}
  stepped "$step" "$action" "$@" >"$log" 2>&1 || status=$?
  echo "-- ended with $status" >>"$log"
  if [ "$name" = kill ] && [ $status != 137 ]; then
    cat "$log"
    die "$wanted, step $step: not killed"
  fi
  if ! inside sh /test/recover "$wanted" "$way" >>"$log" 2>&1 ||
    ! (is_pristine ${layer:+"$layer"}) >>"$log" 2>&1; then
    cat "$log"
    die "$wanted, $name at step $step"
  fi
  uncover "crash.$worker"
}

# stepped STEP ACTION ARGUMENT…: dpkg in a process group of its own, with step.so.
stepped() {
  local step=$1 action=$2
  shift 2
  number() { printf "\\x$(printf %02x $(($1 & 255)))\\x$(printf %02x $(($1 >> 8)))\0\0"; }
  { number 0; number "$step"; number "$action"; } >"$root/test/step"
  setsid --wait chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C \
    DEBIAN_FRONTEND=noninteractive STEP_FILE=/test/step LD_PRELOAD=/test/step.so dpkg "$@"
}
