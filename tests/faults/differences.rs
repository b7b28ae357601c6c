//! Where a fault comes to something else than in util-linux, and why.

use crate::paths::Standing;
use crate::room::Outcome;
use crate::table::columns;
use crate::worker::Job;

/// A reason, and the faults that it is the reason of.
struct Difference {
    reason: &'static str,
    applies: fn(&Job, &Outcome, &Outcome) -> bool,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        reason: "since 2.41, EACCES of the lock call is a conflict",
        applies: |job, ours, theirs| {
            is(job, "flock", "EACCES") && ours.status == "1" && theirs.status == "65"
        },
    },
    Difference {
        reason: "with --verbose, the first try does not wait: it is tried once more",
        applies: |job, _, theirs| {
            (is(job, "flock", "EAGAIN") || is(job, "flock", "EACCES"))
                && job.path.has("--verbose")
                && !job.path.has("-n")
                && job.call.nth == 1
                && ["1", "65"].contains(&&*theirs.status)
        },
    },
    Difference {
        reason: "X9, its lines are lost",
        applies: |job, ours, theirs| {
            job.path.has("-F") && job.path.has("--verbose") && ours.status == theirs.status
        },
    },
    Difference {
        reason: "X12, access(2)'s errno in place of the lock's",
        applies: |job, ours, theirs| {
            job.call.canonical() == "access"
                && matches!(job.path.standing, Some(Standing::Lock(_)))
                && ours.status == "65"
                && ["65", "71"].contains(&&*theirs.status)
        },
    },
    Difference {
        reason: "X11, tried once more without O_CREAT",
        applies: |job, _, theirs| is(job, "open", "EACCES") && theirs.status == "66",
    },
    Difference {
        reason: "X2, after the wait SIGALRM is what it was",
        applies: |job, ours, theirs| {
            job.fault.name == "SIGALRM"
                && job.path.has("-w")
                && ["signal 14", "142"].contains(&&*ours.status)
                && theirs.status != ours.status
        },
    },
];

fn is(job: &Job, call: &str, fault: &str) -> bool {
    job.call.canonical() == call && job.fault.name == fault
}

/// What util-linux comes to, and why ours does not.
pub fn told(job: &Job, ours: &Outcome, theirs: &Outcome) -> String {
    let found = DIFFERENCES.iter().find(|difference| (difference.applies)(job, ours, theirs));
    let reason = found.map_or("UNEXPLAINED", |difference| difference.reason);
    let theirs = columns(theirs).join("; ");
    format!("{reason}: {theirs}")
}
