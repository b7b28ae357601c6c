//! What our `--verbose` says more than util-linux's: lines that name processes. They are
//! the business of tests/ours, and are left out here, on both sides.

/// An output without these lines.
pub fn left_out(output: &[u8]) -> Vec<u8> {
    let lines = output.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| !is_notice(line)).flatten().copied().collect()
}

fn is_notice(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let Some((_, text)) = line.trim_end_matches('\n').split_once(": ") else { return false };
    is_of_holder(text) || is_of_itself(text) || is_of_ancestor(text) || text == OUT_OF_SIGHT
}

const OUT_OF_SIGHT: &str =
    "no holder visible: another machine, another PID namespace, or a process of another user";

/// `lock is held exclusively by perl (pid 21885, root) on fd 9`
fn is_of_holder(text: &str) -> bool {
    let Some((_, rest)) = text.split_once(" is held ") else { return false };
    let rest = rest.strip_prefix("exclusively by ").or(rest.strip_prefix("shared by "));
    let Some((_, rest)) = rest.and_then(|rest| rest.split_once(" (pid ")) else { return false };
    let Some((pid, rest)) = rest.split_once(", ") else { return false };
    let Some((_, fds)) = rest.split_once(") on fd ") else { return false };
    is_number(pid) && fds.split(", ").all(is_number)
}

/// `this process holds it itself, on inherited fd 9: it waits for its own lock`
fn is_of_itself(text: &str) -> bool {
    let rest = text.strip_prefix("this process holds it itself, on inherited fd ");
    let fds = rest.and_then(|rest| rest.strip_suffix(": it waits for its own lock"));
    fds.is_some_and(|fds| fds.split(", ").all(is_number))
}

/// `the holder bash (pid 4100) is an ancestor of this process and waits for it`
fn is_of_ancestor(text: &str) -> bool {
    let Some((_, rest)) = text.split_once(" (pid ") else { return false };
    let Some((pid, rest)) = rest.split_once(") is an ancestor of this process") else {
        return false;
    };
    text.starts_with("the holder ") && is_number(pid) && ["", " and waits for it"].contains(&rest)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
