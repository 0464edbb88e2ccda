//! What the system says of this process.
//!
//! In: nothing. Out: memory and time; none where the system does not say. Deliberately not here: what they are of.

/// A line of what Linux says of this process, in bytes.
fn status(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kib)
}

/// What the process holds.
pub(super) fn resident() -> Option<u64> {
    status("VmRSS")
}

/// The most that it held.
pub(super) fn highest() -> Option<u64> {
    status("VmHWM")
}

/// The most that it held is counted from now on, where the system can do that; else it may be too much.
pub(super) fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Seconds that the process's threads have run; none where the system does not say.
pub(super) fn cpu_seconds() -> Option<f64> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir("/proc/self/task").ok()? {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        nanoseconds += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(nanoseconds as f64 / 1e9)
}
