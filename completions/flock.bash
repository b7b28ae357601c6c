# shellcheck shell=bash
# Completion of flock(1) in bash, 4.3 or newer.
#
# It takes the command line apart itself and needs nothing else; with bash-completion,
# 2.11 or newer, the command is completed as it would be on its own. To be sourced, or
# installed as flock into bash-completion's directory of completions.

# The open descriptors that flock would inherit, into the array descriptors.
_flock_descriptors() {
  local path key value
  descriptors=()
  for path in "/proc/$$/fdinfo/"*; do
    while read -r key value; do
      # The bit 02000000 is O_CLOEXEC. Bash keeps its own descriptors to itself with it.
      [[ $key == flags: && $value != *[2367]?????? ]] && descriptors+=("${path##*/}")
    done 2>/dev/null <"$path"
  done
}

# Bash splits words at = and : as well, and so --timeout=5 into three. This puts them
# together again, up to the cursor, and leaves redirections out. It sets
#   words       the words
#   at          where each of them begins in COMP_WORDS
#   cur         the word before the cursor
#   stem        what bash does not see of it: that is not to be in COMPREPLY
#   redirected  whether it is the file of a redirection
_flock_split() {
  local piece glued skip='' rest=$COMP_LINE i
  words=() at=() cur='' stem='' redirected=
  for ((i = 0; i <= COMP_CWORD; i++)); do
    piece=${COMP_WORDS[i]} glued=
    [[ $rest == [[:space:]]* ]] || glued=1
    rest=${rest#"${rest%%[![:space:]]*}"}
    if ((i == COMP_CWORD)); then
      local start=$((${#COMP_LINE} - ${#rest}))
      piece=${COMP_LINE:start:COMP_POINT > start ? COMP_POINT - start : 0}
    fi
    rest=${rest:${#piece}}
    if [[ $piece == [\<\>]* ]]; then
      # The number or the {name} that is joined to it goes, too.
      if [[ $glued && ${words[-1]} == @(+([0-9])|{*}) ]]; then
        unset 'words[-1]' 'at[-1]'
      fi
      skip=1 redirected=1
    elif [[ $skip ]]; then
      skip=
    elif [[ $glued && $i -gt 0 && ($piece == [=:]* || ${words[-1]} == *[=:]) ]]; then
      stem=${words[-1]}
      words[-1]+=$piece
      [[ $piece != [=:]* ]] || stem=${words[-1]}
      redirected=
    else
      words+=("$piece") at+=("$i")
      stem='' redirected=
    fi
  done
  cur=${words[-1]}
}

# The line of the table for an option, or for what can only be short for it, into
# row; false if there is none. What flock has beyond util-linux's is never abbreviated.
_flock_find() {
  local line name
  row=
  for line in "${table[@]}"; do
    for name in ${line%%|*}; do
      [[ $name == "$1" ]] && row=$line && return
      [[ $name == --@(holders|for-pid|also|remove|forward-signals) ]] && continue
      if [[ $1 == --?* && $name == "$1"* && $row != "$line" ]]; then
        [[ $row ]] && row=ambiguous || row=$line
      fi
    done
  done
  [[ $row == *'|'* ]]
}

# Reads an option: adds it to given, adds what is not offered any more to taken, and sets
# value to the kind of value that the next word is. For a value in the same word, inner
# is its kind and lead what is before it.
_flock_read() {
  local row letters name kind
  value='' inner='' lead=''
  if [[ $1 == --* ]]; then
    _flock_find "${1%%=*}" || return
    name=${row%%[ |]*} kind=${row#*|} kind=${kind%%|*}
    given+=" $name " taken+=" ${row##*|} "
    [[ $name == --also ]] || taken+=" $name "
    if [[ $1 == *=* ]]; then
      inner=$kind lead=${1%%=*}=
    else
      value=$kind
    fi
    return
  fi
  for ((letters = 1; letters < ${#1}; letters++)); do
    name=-${1:letters:1}
    [[ $1 == -c || $name != -c ]] && _flock_find "$name" || return
    name=${row%%[ |]*} kind=${row#*|} kind=${kind%%|*}
    given+=" $name " taken+=" $name ${row##*|} "
    if [[ $kind ]]; then
      lead=${1:0:letters+1}
      [[ $1 == "$lead" ]] && value=$kind || inner=$kind
      return
    fi
  done
}

# The options that still make sense, into the array offers.
_flock_options() {
  local line name rival
  offers=()
  for line in "${table[@]}"; do
    name=${line%%[ |]*}
    [[ $taken != *" $name "* ]] || continue
    case $name in
      -c) [[ $given == *' --fd '* ]] || continue ;;
      -h | -V) ((${#words[@]} == 2)) || continue ;;
    esac
    for rival in ${line##*|}; do
      [[ $given != *" $rival "* ]] || continue 2
    done
    # shellcheck disable=SC2206 # one word a name
    offers+=(${line%%|*})
  done
}

# Offers the words given that fit the word before the cursor, of which $1 is the
# beginning that they do not have.
_flock_offer() {
  local lead=$1
  shift
  mapfile -t COMPREPLY < <(compgen -P "${lead#"$stem"}" -W "$*" -- "${cur:${#lead}}")
}

# Offers values of the kind $1; $2 is what is before the value in the same word.
_flock_value() {
  local typed=${cur:${#2}} descriptors
  case $1 in
    secs)
      if [[ $typed =~ ^[0-9]+([.,][0-9]+)?$ ]]; then
        _flock_offer "$2" "$typed"{s,m,h,d}
      else
        _flock_offer "$2" 1s 10s 1m 10m 1h inf
      fi
      ;;
    size)
      if [[ $typed =~ ^[0-9]+$ ]]; then
        _flock_offer "$2" "$typed" "$typed"{K,M,G,T}
      else
        _flock_offer "$2" 0 1 1K 1M 1G
      fi
      ;;
    pid)
      local processes=(/proc/[0-9]*)
      _flock_offer "$2" "${processes[@]#/proc/}"
      ;;
    file) compopt -o default ;;
    status) _flock_offer "$2" 0 1 75 ;;
    fd)
      _flock_descriptors
      _flock_offer "$2" "${descriptors[@]}"
      ;;
  esac
}

# Offers files, directories and open descriptors.
_flock_lock() {
  local descriptors
  # Bash itself knows best about files: quotes, tildes, variables.
  compopt -o default
  [[ $cur != *[!0-9]* ]] || return
  compopt -o filenames
  _flock_descriptors
  mapfile -t COMPREPLY < <(compgen -W "${descriptors[*]}" -- "$cur"; compgen -f -- "$cur")
}

# Offers what can begin a command string.
_flock_string() {
  local start=${cur#[\"\']}
  compopt -o default
  [[ $start == *[[:space:]/]* ]] ||
    mapfile -t COMPREPLY < <(compgen -c -- "$start" | sort -u)
}

# Offers the command and its words. $1 is where it begins in words.
_flock_command() {
  if declare -F _comp_command_offset >/dev/null; then
    _comp_command_offset "${at[$1]}"
  elif declare -F _command_offset >/dev/null; then
    _command_offset "${at[$1]}"
  else
    compopt -o bashdefault -o default
    (($1 < ${#words[@]} - 1)) || [[ $cur == */* ]] ||
      mapfile -t COMPREPLY < <(compgen -c -- "$cur" | sort -u)
  fi
}

# Offers options, or, after -, whatever fits the letters or the value.
_flock_dash() {
  local offers inner lead value
  _flock_options
  case $cur in
    --*=* | -[!-]?*)
      local given='' taken=''
      _flock_read "$cur"
      if [[ $inner ]]; then
        _flock_value "$inner" "$lead"
      elif [[ $cur == -[!-]* && $given ]]; then
        COMPREPLY=("$cur")
      fi
      ;;
    *) _flock_offer '' "${offers[@]}" ;;
  esac
}

# Offers what can follow the lock file, words[$1].
_flock_after_lock() {
  local last=$((${#words[@]} - 1)) next=$(($1 + 1))
  if ((next == last)) && [[ $cur == -* ]]; then
    _flock_offer '' -c --command
  elif ((next < last)) && [[ ${words[next]} == @(-c|--command) ]]; then
    ((next + 1 < last)) || _flock_string
  else
    _flock_command "$next"
  fi
}

_flock() {
  # A meaning a line: its names, the kind of its value, and the first names of those
  # that are not offered beside it, nor it beside them.
  local table=(
    '-s --shared||-x -u'
    '-x -e --exclusive||-u'
    '-u --unlock||'
    '-n --nb --nonblocking||-w'
    '-w --timeout --wait|secs|'
    '-E --conflict-exit-code|status|'
    '-o --close||-F'
    '-c --command||'
    '-F --no-fork||'
    '--fcntl||'
    '--start|size|'
    '--length|size|'
    '--fd|fd|'
    '--verbose||'
    '-h --help||'
    '-V --version||'
    '--holders||-s -x -u -n -w -E -o -c -F --fcntl --start --length --verbose --for-pid --also --remove --forward-signals'
    '--for-pid|pid|-u -o -c -F --fd'
    '--also|file|-u'
    '--remove||-u -F --fd'
    '--forward-signals||-F --for-pid'
  )
  local words at cur stem redirected given='' taken='' value='' inner lead ended='' i last
  local IFS=$' \t\n'
  COMPREPLY=()
  _flock_split
  last=$((${#words[@]} - 1))
  if [[ $redirected ]]; then
    compopt -o default
    return
  fi
  for ((i = 1; i < last; i++)); do
    if [[ $value ]]; then
      value=
    elif [[ ${words[i]} == -- ]]; then
      ended=1
      ((i++))
      break
    elif [[ ${words[i]} == -?* ]]; then
      _flock_read "${words[i]}"
    else
      break
    fi
  done
  if [[ $given == *' -h '* || $given == *' -V '* ]]; then
    return
  elif [[ $value ]]; then
    _flock_value "$value" ''
  elif [[ $i -eq last && ! $ended && $cur == -* ]]; then
    _flock_dash
  elif [[ $given == *' --holders '* ]]; then
    [[ $given == *' --fd '* ]] || compopt -o default
  elif [[ $given == *' --for-pid '* ]]; then
    ((i < last)) || compopt -o default
  elif [[ $given == *' -c '* ]]; then
    ((i < last)) || _flock_string
  elif [[ $given == *' --fd '* ]]; then
    _flock_command "$i"
  elif ((i == last)); then
    _flock_lock
  else
    _flock_after_lock "$i"
  fi
}

complete -F _flock flock
