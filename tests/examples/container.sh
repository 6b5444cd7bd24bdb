# shellcheck shell=bash
# What the tests of the examples share: an example as a container, its log, its end. To be sourced first.
#
# The test runs in PID and mount namespaces of its own. Whatever it leaves behind, even when it is killed, ends with them.
set -euo pipefail
if (($$ != 1)); then
  exec unshare --mount --pid --fork --kill-child --mount-proc -- "$BASH" "$0" "$@"
fi
# shellcheck source=tests/examples/dockerfile.sh
source "$(dirname "${BASH_SOURCE[0]}")/dockerfile.sh"

CINIT_BINARY=${CINIT_BINARY:-$project/build/release-static/cinit}
work=/mnt
mount -t tmpfs -o mode=755 work "$work"

log='' pid='' code='' now=0 asked=0 deadline=0

fail() {
  echo "FAILED: $*" >&2
  [[ -z $pid || -n $code ]] || inside ps -e -o pid,user,stat,args >&2 || true
  exit 1
}

# Sets `now`, in ms.
look_at_the_clock() { now=$((${EPOCHREALTIME/[.,]/} / 1000)); }

# What Docker leaves to root in a container. A test that needs all of them, as with --privileged, empties this list.
drop=(setpriv --bounding-set "-all$(printf ',+%s' chown dac_override fowner fsetid kill setgid setuid setpcap \
  net_bind_service net_raw sys_chroot mknod audit_write setfcap)")

# For everything that is waited for.
set_deadline() { look_at_the_clock; deadline=$((now + 20000)); }
in_time() { look_at_the_clock; ((now < deadline)); }

# start [OPTION OF THE SANDBOX...] -- [ARGUMENT...]: starts the image with its ENTRYPOINT, and with the arguments, if there
# are any, in place of its CMD, as `docker run` does. Comes back when PID 1 is that program.
start() {
  local options=(--net --pid-file "$work/pid" --hostname "$(basename "$0")") command=("${entrypoint[@]}")
  while [[ $1 != -- ]]; do options+=("$1"); shift; done
  shift
  if (($#)); then command+=("$@"); else command+=("${cmd[@]}"); fi
  log='' code='' pid=''
  rm -f "$work/pid"
  printf '$ %s\n' "${command[*]}"
  look_at_the_clock
  asked=$now
  exec {output}< <(
    exec 2>&1 </dev/null
    code=0
    TMPDIR=$work "$project/examples/sandbox" "${image_env[@]}" "${image_user[@]}" "${options[@]}" "$image" -- "${drop[@]}" "${command[@]}" || code=$?
    echo "the container's exit status is $code"
  )
  wait_until "the container's process id" test -s "$work/pid"
  pid=$(<"$work/pid")
  wait_until "the container's command" is_the_command
}

# The programs that lead to the container's command are called by name, and the command by its path.
is_the_command() {
  local words=()
  [[ -z $code ]] || return 0
  mapfile -d '' -t words <"/proc/$pid/cmdline" || return
  [[ ${words[0]-} != @(bash|env|nsenter|setpriv|setsid|unshare) ]]
} 2>/dev/null

# Reads what the container has said into `log`, for at most that many seconds when it says nothing.
read_log() {
  local line status=0
  if [[ -n $code ]]; then return; fi
  IFS= read -r -t "$1" -u "$output" line || status=$?
  log+=$line
  if ((status > 128)); then return; fi # in the middle of a line, perhaps
  look_at_the_clock
  line=${log##*$'\n'}
  log+=$'\n'
  printf '  %6d ms  %s\n' $((now - asked)) "$line"
  if [[ $line =~ ^"the container's exit status is "([0-9]+)$ ]]; then code=${BASH_REMATCH[1]}; fi
}

logged() { [[ $log == *"$1"* ]]; }

# Waits until the log has this text.
wait_for() {
  set_deadline
  until logged "$1"; do
    [[ -z $code ]] || fail "it ended without having said: $1"
    in_time || fail "not said in time: $1"
    read_log 0.1
  done
}

# wait_until WHAT COMMAND...: waits until the command succeeds.
wait_until() {
  local what=$1
  shift
  set_deadline
  until "$@"; do
    [[ -z $code ]] || fail "it ended before this: $what"
    in_time || fail "not in time: $what"
    read_log 0.02
    while [[ -z $code ]] && read -r -t 0 -u "$output"; do read_log 0.02; done
  done
}

# Sends a signal to PID 1; `took` will be counted from here.
signal() {
  look_at_the_clock
  asked=$now
  kill -s "$1" "$pid"
}

# Waits for the end of the container; sets `took`, in ms.
wait_exit() {
  set_deadline
  while [[ -z $code ]]; do
    in_time || fail "the container does not end"
    read_log 0.1
  done
  # shellcheck disable=SC2034 # for the tests
  took=$((now - asked))
}

# Runs a command in the container, as `docker exec` does.
inside() {
  nsenter --target "$pid" --mount --uts --ipc --pid --net -- \
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# check WHAT CONDITION...: the condition is a command, or an arithmetic expression in one word.
check() {
  local what=$1
  shift
  if (($# == 1)) && [[ $1 == *[\<\>=]* ]]; then (($1)) || fail "$what: $1"; else "$@" || fail "$what"; fi
  echo "ok: $what"
}

# No log line has this text.
silent_about() { ! logged "$1"; }

# The first text is before the second in the log.
in_order() { [[ $log == *"$1"*"$2"* ]]; }
