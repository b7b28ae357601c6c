# Completion of flock(1) in fish, 3.4 or newer.

# The options as argparse reads them: like flock, it stops at the first operand.
set -g __flock_options s/shared e x/exclusive u/unlock n/nonblocking nb w/timeout= wait= \
    E/conflict-exit-code= o/close c/command F/no-fork fcntl start= length= fd= verbose \
    h/help V/version holders for-pid= also=+ remove forward-signals

# Whether an option is still to be offered: none of these is given, and no operand.
function __flock_wants
    set -l rivals h V holders $argv
    # -c stands by itself.
    commandline -ct | string match -qr '^-[^-wE]*c'; and return 1
    # Of letters at the cursor that may go on, too.
    set argv (commandline -opc)[2..] (commandline -ct | string match -r '^-[^-wE]+$')
    # Where a value is missing, its option wants it.
    argparse --stop-nonopt $__flock_options -- $argv 2>/dev/null; or return 0
    test -z "$argv"; or return 1
    for rival in $rivals
        set -q _flag_$rival; and return 1
    end
    return 0
end

# Whether an option is given.
function __flock_has
    set -l name _flag_$argv
    set argv (commandline -opc)[2..]
    argparse --stop-nonopt $__flock_options -- $argv 2>/dev/null; and set -q $name
end

# Whether the word at the cursor can be one of these: file, lock (a file or descriptor),
# shell (-c after the lock), command or string.
function __flock_at
    set -l wanted $argv
    set -l next
    set argv (commandline -opc)[2..]
    argparse --stop-nonopt $__flock_options -- $argv 2>/dev/null; or return
    if set -q _flag_h; or set -q _flag_V
        return 1
    else if set -q _flag_holders
        set -q _flag_fd; or set next file
    else if set -q _flag_for_pid
        test -n "$argv"; or set next file
    else if set -q _flag_c
        test -n "$argv"; or set next string
    else if set -q _flag_fd
        set next command
    else if test -z "$argv"
        set next lock
    else if not set -q argv[2]
        set next shell command
    else if contains -- $argv[2] -c --command
        set -q argv[3]; or set next string
    else
        set next command
    end
    for kind in $wanted
        contains $kind $next; and return
    end
    return 1
end

# The command, completed as it would be on its own.
function __flock_complete_command
    set argv (commandline -opc)[2..]
    argparse --stop-nonopt $__flock_options -- $argv 2>/dev/null; or return
    set -q _flag_fd; or set -e argv[1]
    set -a argv (commandline -ct)
    string match -q -- '-*' $argv[1]; or __fish_complete_subcommand --commandline $argv
end

# What can begin a command string.
function __flock_complete_string
    set -l typed (commandline -ct)
    string match -q -- '-*' $typed; or complete --do-complete=$typed
end

# The open descriptors that flock would inherit, with what they lead to.
function __flock_descriptors
    # What they lead to is not to be searched.
    commandline -ct | string match -qr '^(?:.*=)?[0-9]*$'; or return
    # While it completes, fish has others than these three.
    printf '%s\t%s\n' 0 'standard input' 1 'standard output' 2 'standard error'
    for path in /proc/$fish_pid/fdinfo/*
        set -l number (string match -r '[0-9]+$' $path)
        test $number -gt 2; or continue
        test -e $path; or continue
        # The bit 02000000 is O_CLOEXEC. Fish keeps its own descriptors to itself with it.
        string match -qr '^flags:\s*[0-7]*[014567][0-7]{6}$|^flags:\s*[0-7]{1,6}$' <$path
        or continue
        set -l link (readlink /proc/$fish_pid/fd/$number | string collect)
        printf '%s\t%s\n' $number (string replace -ra '[[:cntrl:]]' '?' -- $link)
    end
end

# Whether nothing is given yet.
function __flock_alone
    test (count (commandline -opc)) -eq 1; and not __flock_joins
end

# Whether there is a letter before the cursor, to which others may be joined.
function __flock_joins
    commandline -ct | string match -qr '^-[^-]'
end

# Whether no option is given but this one, and no operand.
function __flock_only
    set -l name _flag_$argv
    set argv (commandline -opc)[2..]
    argparse --stop-nonopt $__flock_options -- $argv 2>/dev/null; and test -z "$argv"; or return
    not set --local --names | string match '_flag_*' | string match -qv $name
end

# Processes, with their names.
function __flock_processes
    for directory in /proc/*
        set -l number (string match -r '[0-9]+$' $directory); or continue
        set -l name (string collect <$directory/comm 2>/dev/null); or continue
        printf '%s\t%s\n' $number (string replace -ra '[[:cntrl:]]' '?' -- $name)
    end
end

# Durations; after a number, what it may be a number of.
function __flock_seconds
    set -l typed (commandline -ct | string match -r '[0-9]+(?:[.,][0-9]+)?$')
    if test -n "$typed"
        printf '%s\t%s\n' {$typed}s seconds {$typed}m minutes {$typed}h hours {$typed}d days
    else
        printf '%s\n' 1s 10s 1m 10m 1h inf
    end
end

# Sizes; after a number, its multiples.
function __flock_sizes
    set -l typed (commandline -ct | string match -r '[0-9]+$')
    if test -n "$typed"
        printf '%s\n' {$typed}{,K,M,G,T}
    else
        printf '%s\n' 0 1 1K 1M 1G
    end
end

complete -c flock -f
complete -c flock -n '__flock_at lock file' -F
complete -c flock -n '__flock_at lock' -k -a '(__flock_descriptors)'
complete -c flock -n '__flock_at shell; and not __flock_joins' -s c -l command -d 'give the command, one string, to the shell'
complete -c flock -n '__flock_at command' -a '(__flock_complete_command)'
complete -c flock -n '__flock_at string' -a '(__flock_complete_string)'

complete -c flock -n '__flock_wants s x e u' -s s -l shared -d 'take a shared lock: others may share it'
complete -c flock -n '__flock_wants s x e u' -s x -s e -l exclusive -d 'take an exclusive lock (default; also -e)'
complete -c flock -n '__flock_wants s x e u for_pid also remove' -s u -l unlock -d 'give the lock up'
complete -c flock -n '__flock_wants n nb w wait' -s n -l nb -l nonblocking -d 'give up at once if the lock is not free'
complete -c flock -n '__flock_wants n nb w wait' -s w -l timeout -l wait -x -k -a '(__flock_seconds)' -d 'give up after so long (also --wait; s, m, h, d may follow)'
complete -c flock -n '__flock_wants E' -s E -l conflict-exit-code -x -k -a '0\tsuccess 1\t"the default" 75\t"temporary failure"' -d 'exit status after giving up, 0 to 255 (default 1)'
complete -c flock -n '__flock_wants o F for_pid' -s o -l close -d "run the command without the lock's descriptor"
complete -c flock -n '__flock_wants c for_pid; and __flock_has fd; and not __flock_joins' -s c -l command -d 'give the command, one string, to the shell'
complete -c flock -n '__flock_wants o F for_pid remove forward_signals' -s F -l no-fork -d "run the command in flock's place"
complete -c flock -n '__flock_wants fcntl' -l fcntl -d 'lock by fcntl(2), so that such locks are respected'
complete -c flock -n '__flock_wants start' -l start -x -k -a '(__flock_sizes)' -d 'the first byte to lock (default 0); implies --fcntl'
complete -c flock -n '__flock_wants length' -l length -x -k -a '(__flock_sizes)' -d 'how many bytes (default 0: to the end); implies --fcntl'
complete -c flock -n '__flock_wants fd for_pid remove; or __flock_only holders' -l fd -x -k -a '(__flock_descriptors)' -d 'lock this open descriptor, then run the command'
complete -c flock -n '__flock_wants verbose' -l verbose -d 'say how long it took, who is waited for, and why it failed'
complete -c flock -n __flock_alone -s h -l help -d 'print this help'
complete -c flock -n __flock_alone -s V -l version -d 'print the version'
complete -c flock -n '__flock_only fd' -l holders -d 'show who holds the locks and who waits for them'
complete -c flock -n '__flock_wants for_pid u o F c fd forward_signals' -l for-pid -x -a '(__flock_processes)' -d 'hold the lock as long as that process lives'
complete -c flock -n '__flock_wants u' -l also -r -F -d 'lock this file as well, all or none (may be repeated)'
complete -c flock -n '__flock_wants remove u F fd' -l remove -d 'remove the lock files when nobody holds them any more'
complete -c flock -n '__flock_wants forward_signals F for_pid' -l forward-signals -d 'pass HUP, INT, QUIT, TERM, USR1, USR2 on to the command'
