//! Other programs: started, listened to, and ended in time.
//!
//! In: a command. Out: what it wrote. Too much, too long or a bad end is an error; the child is always waited for.
//! Deliberately not here: what is run.

use std::io::{ErrorKind, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Why a program gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is not there.
    Missing,
    /// Anything else.
    Other(String),
}

/// What is kept of what a program complains.
const MAX_COMPLAINT: u64 = 2000;

/// A child that does not outlive this.
struct Leashed(Child);

impl Drop for Leashed {
    fn drop(&mut self) {
        // Both fail where it has ended by itself and was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a command writes: at most `limit` bytes, within a time.
pub(super) fn output(
    command: &mut Command,
    limit: u64,
    timeout: Duration,
) -> Result<Vec<u8>, Failure> {
    let begin = Instant::now();
    let other = |error: std::io::Error| Failure::Other(error.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| {
        if error.kind() == ErrorKind::NotFound { Failure::Missing } else { other(error) }
    })?;
    let mut child = Leashed(child);
    let stdout = child.0.stdout.take().expect("piped above");
    let stderr = child.0.stderr.take().expect("piped above");
    let (send, received) = mpsc::channel();
    let (send_complaint, complaint) = mpsc::channel();
    // The threads end with the child: its ends of the pipes close.
    let reader = move || {
        let mut bytes = Vec::new();
        let result = stdout.take(limit + 1).read_to_end(&mut bytes).map(|_| bytes);
        let _ = send.send(result);
    };
    let listener = move || {
        let mut stderr = stderr;
        let mut bytes = Vec::new();
        let _ = stderr.by_ref().take(MAX_COMPLAINT).read_to_end(&mut bytes);
        let _ = send_complaint.send(String::from_utf8_lossy(&bytes).trim().to_owned());
        let _ = std::io::copy(&mut stderr, &mut std::io::sink());
    };
    thread::Builder::new().spawn(reader).map_err(other)?;
    thread::Builder::new().spawn(listener).map_err(other)?;
    let late = || Failure::Other(format!("took longer than {} s", timeout.as_secs_f64()));
    let bytes = received.recv_timeout(timeout).map_err(|_| late())?.map_err(other)?;
    if bytes.len() as u64 > limit {
        return Err(Failure::Other(format!("wrote more than {limit} bytes")));
    }
    let status = loop {
        if let Some(status) = child.0.try_wait().map_err(other)? {
            break status;
        }
        if begin.elapsed() > timeout {
            return Err(late());
        }
        thread::sleep(Duration::from_millis(1));
    };
    if status.success() {
        return Ok(bytes);
    }
    let complaint = complaint.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
    let last = complaint.lines().last().unwrap_or("without a word").to_owned();
    Err(Failure::Other(format!("{status}: {last}")))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn check(script: &str, limit: u64, seconds: f64) -> Result<Vec<u8>, Failure> {
        let mut command = Command::new("sh");
        output(command.args(["-c", script]), limit, Duration::from_secs_f64(seconds))
    }

    #[test]
    fn programs_are_heard_and_ended() {
        assert_eq!(check("printf hello", 100, 20.0), Ok(b"hello".to_vec()));
        let begin = Instant::now();
        for (script, words) in [
            ("exec sleep 100", "longer than 0.3 s"),
            ("yes", "more than 1000 bytes"),
            ("echo one >&2; echo two >&2; exit 3", "two"),
            ("exec >&-; exec sleep 100", "longer than 0.3 s"),
        ] {
            let failure = check(script, 1000, 0.3).unwrap_err();
            assert!(matches!(&failure, Failure::Other(why) if why.contains(words)), "{failure:?}");
        }
        assert!(begin.elapsed() < Duration::from_secs(20));
        let mut absent = Command::new("/nonexistent/program");
        let found = output(&mut absent, 1, Duration::from_secs(1));
        assert_eq!(found, Err(Failure::Missing));
    }
}
