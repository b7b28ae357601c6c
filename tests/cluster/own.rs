//! What only ours has: the same on each machine.

use crate::cases::count;
use crate::job::until;
use crate::site::{Flock, Site, got, release};
use crate::{Case, Sides, Verdict};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::thread;

pub const ALL: [Case; 9] = [
    ("--verbose: the holder is nowhere to be seen", Sides::Ours, verbose),
    ("--holders: a lock, but no holder", Sides::Ours, holders),
    ("--for-pid: until the process ends", Sides::Ours, for_pid),
    ("--also: all or none", Sides::Ours, also),
    ("--also: in any order, from two machines", Sides::Ours, any_order),
    ("--remove: on the other machine, too", Sides::Ours, remove),
    ("--remove: a file that was removed is not the lock", Sides::Ours, removed),
    ("--remove: whoever comes later opens the new file", Sides::Ours, removed_before),
    ("--remove: one at a time, from two machines", Sides::Ours, removers),
];

const OUT_OF_SIGHT: &str =
    "no holder visible: another machine, another PID namespace, or a process of another user";

fn verbose(site: &Site, flock: &Flock) -> Verdict {
    for options in [["-x", "-x"], ["--fcntl", "-x"]] {
        let name = site.file();
        let (here, there) = (format!("a/{name}"), format!("b/{name}"));
        let holder = flock.hold(&[options[0], options[1], &here])?;
        let ask = |how: &[&str], text: &str| {
            let all = [&options, how, &["--verbose", &there, "echo", "got"]].concat();
            flock.says(&all, (1, "", text))
        };
        let line = format!("flock: {OUT_OF_SIGHT}\n");
        ask(&["-n"], &format!("flock: failed to get lock\n{line}"))?;
        ask(&["-w", ".1"], &format!("flock: timeout while waiting to get lock\n{line}"))?;
        let late = format!("{line}flock: timeout while waiting to get lock\n{line}");
        ask(&["-w", "1.5"], &late)?;
        release(holder)?;
    }
    Ok(())
}

/// The kernel lists no lock of such a file system, not even this machine's own: but it
/// can be asked whether there is one.
fn holders(site: &Site, flock: &Flock) -> Verdict {
    const HEAD: &str = "PID  USER  FD  TYPE  MODE  STATE  COMMAND\n";
    let name = site.file();
    let at = |machine: &str| format!("{machine}/{name}");
    fs::write(at("a"), "").map_err(|error| error.to_string())?;
    for (options, found) in [
        (["-x", "-x"], "exclusive posix"),
        (["-x", "-s"], "shared posix"),
        (["--fcntl", "-x"], "exclusive posix"),
        (["--start=5", "--length=3"], "exclusive posix 5-7"),
    ] {
        let holder = flock.hold(&[options[0], options[1], &at("a")])?;
        for machine in ["a", "b"] {
            let file = at(machine);
            let text = format!("flock: {file}: the holder of a lock is out of sight: {found}\n");
            flock.says(&["--holders", &file], (0, HEAD, &text))?;
        }
        release(holder)?;
        let file = at("a");
        until("the lock is free", || Ok(flock.run(&["--holders", &file])?.status != 0))?;
        let text = format!(
            "flock: {file}: a lock of another machine or PID namespace might not be seen\n"
        );
        flock.says(&["--holders", &file], (1, HEAD, &text))?;
    }
    Ok(())
}

fn for_pid(site: &Site, flock: &Flock) -> Verdict {
    for options in [["-x", "-x"], ["--fcntl", "-x"]] {
        let name = site.file();
        let (here, there) = (format!("a/{name}"), format!("b/{name}"));
        let mut command = Command::new("sh");
        command.args(["-c", "read _"]);
        let mut watched = crate::job::Job::start(command)?;
        let process = watched.pid().to_string();
        flock.says(&[options[0], options[1], "-n", "--for-pid", &process, &here], (0, "", ""))?;
        for file in [&here, &there] {
            flock.says(&[options[0], options[1], "-n", file, "echo", "got"], (1, "", ""))?;
        }
        let waiter = flock.wait(&[options[0], options[1], &there, "echo", "got"])?;
        watched.say()?;
        watched.end()?;
        got(waiter)?;
    }
    Ok(())
}

fn also(site: &Site, flock: &Flock) -> Verdict {
    let names = [site.file(), site.file()];
    let at = |machine: &str, which: usize| format!("{machine}/{}", names[which]);
    let (one, other) = (at("a", 0), at("a", 1));
    for options in [["-x", "-x"], ["--fcntl", "-x"]] {
        let holder = flock.hold(&[options[0], options[1], "--also", &one, &other])?;
        for which in [0, 1] {
            let ask = [options[0], options[1], "-n", &at("b", which), "echo", "got"];
            flock.says(&ask, (1, "", ""))?;
        }
        let waiter = flock.wait(&[
            options[0],
            options[1],
            "--also",
            &at("b", 1),
            &at("b", 0),
            "echo",
            "got",
        ])?;
        release(holder)?;
        got(waiter)?;
        // Whichever of the two is free, is free again after one who got only that.
        for taken in [0, 1] {
            let holder = flock.hold(&[options[0], options[1], &at("b", taken)])?;
            let both = [options[0], options[1], "-n", "--also", &one, &other, "echo", "got"];
            flock.says(&both, (1, "", ""))?;
            flock.gets(&[options[0], options[1], &at("b", 1 - taken)])?;
            release(holder)?;
        }
    }
    Ok(())
}

fn any_order(site: &Site, flock: &Flock) -> Verdict {
    let names = [site.file(), site.file()];
    let job = |machine: &str, first: usize| {
        let [one, other] = [first, 1 - first].map(|which| format!("{machine}/{}", names[which]));
        (0..10).try_for_each(|_| {
            flock.says(&["--also", &one, &other, "echo", "got"], (0, "got\n", ""))
        })
    };
    thread::scope(|scope| {
        let all = [("a", 0), ("b", 1), ("a", 1), ("b", 0)];
        let all = all.map(|(machine, first)| scope.spawn(move || job(machine, first)));
        all.into_iter().try_for_each(|one| one.join().map_err(|_| "a thread panicked")?)
    })
}

fn is_there(site: &str) -> bool {
    // Not by the name, which the kernel may know for a while after it has gone.
    let (directory, name) = site.split_once('/').unwrap_or_default();
    let mut entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.any(|entry| entry.file_name() == name)
}

fn remove(site: &Site, flock: &Flock) -> Verdict {
    let name = site.file();
    let at = |machine: &str| format!("{machine}/{name}");
    let holder = flock.hold(&["--remove", &at("a")])?;
    flock.says(&["--remove", "-n", &at("b"), "echo", "got"], (1, "", ""))?;
    let waiter = flock.wait(&["--remove", &at("b"), "echo", "got"])?;
    release(holder)?;
    got(waiter)?;
    flock.gets(&["--remove", &at("a")])?;
    let is_left = ["a", "b"].iter().any(|machine| is_there(&at(machine)));
    if is_left { Err(format!("{name} is left")) } else { Ok(()) }
}

/// One waits on a file that its holder removes; another one then makes and locks a new file.
/// The first must not take the old file for the lock.
fn removed(site: &Site, flock: &Flock) -> Verdict {
    for waiting in ["a", "c"] {
        let name = site.file();
        let at = |machine: &str| format!("{machine}/{name}");
        let old = flock.hold(&[&at("b")])?;
        let mut waiter = flock.wait(&["--remove", &at(waiting), "echo", "got"])?;
        let descriptor = format!("/proc/{}/fd/3", waiter.pid());
        fs::remove_file(at("b")).map_err(|error| error.to_string())?;
        let new = flock.hold(&["--remove", &at("b")])?;
        let inode = |path: &str| fs::metadata(path).map(|meta| meta.ino()).ok();
        let wanted = inode(&at("b"));
        release(old)?;
        until(format!("{waiting} waits for the new file"), || {
            // If it runs its command, it has a lock that bars nobody.
            waiter.goes_on()?;
            Ok(inode(&descriptor) == wanted)
        })?;
        release(new)?;
        got(waiter)?;
    }
    Ok(())
}

/// The name is known to the machine's kernel, and leads to a file that is there no more.
/// (Not on machine c: for a minute its kernel may not look for the new file.)
fn removed_before(site: &Site, flock: &Flock) -> Verdict {
    for machine in ["a", "b"] {
        let other = if machine == "a" { "b" } else { "a" };
        for is_new in [false, true] {
            let name = site.file();
            let at = |machine: &str| format!("{machine}/{name}");
            flock.says(&[&at(machine), "echo", "got"], (0, "got\n", ""))?;
            fs::remove_file(at(other)).map_err(|error| error.to_string())?;
            if is_new {
                let holder = flock.hold(&["--remove", &at(other)])?;
                flock.says(&["--remove", "-n", &at(machine), "echo", "got"], (1, "", ""))?;
                release(holder)?;
            }
            flock.gets(&["--remove", &at(machine)])?;
        }
    }
    Ok(())
}

fn removers(site: &Site, flock: &Flock) -> Verdict {
    count(site, flock, &["--remove"], (&["a", "b", "a", "b", "a", "b"], 12))
}
