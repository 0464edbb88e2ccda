//! Other programs: started, listened to, and ended in time.
//!
//! In: a command. Out: what it wrote. Too much, too long or a bad end is an error; the child is always waited for. What ends
//! for want of files, memory or threads, or because somebody ended it, is told from what fails on its file. Deliberately not
//! here: what is run.

use std::io::{ErrorKind, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Why a program gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is not there.
    Missing,
    /// The machine let it not start, or ended it.
    Machine(String),
    /// Anything else.
    Other(String),
}

/// What is kept of what a program complains, bytes, and what is told of that, characters.
const MAX_COMPLAINT: u64 = 4000;
const MAX_TOLD: usize = 200;

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
    match once(command, limit, timeout) {
        // Ctrl-C reaches children, too. Who lives on after it is saving, and still wants what it asked for.
        Err(Ended::Interrupted) => once(command, limit, timeout),
        other => other,
    }
    .map_err(|ended| match ended {
        Ended::Interrupted => Failure::Machine("it was interrupted".to_owned()),
        Ended::Failed(failure) => failure,
    })
}

/// Why there is nothing of one try.
enum Ended {
    Interrupted,
    Failed(Failure),
}

fn once(command: &mut Command, limit: u64, timeout: Duration) -> Result<Vec<u8>, Ended> {
    let begin = Instant::now();
    // Nothing of this depends on the file: no handles, no memory, no threads.
    let machine = |error: std::io::Error| Ended::Failed(Failure::Machine(error.to_string()));
    let other = |why: String| Ended::Failed(Failure::Other(why));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            Ended::Failed(Failure::Missing)
        } else {
            machine(error)
        }
    })?;
    let mut child = Leashed(child);
    let stdout = child.0.stdout.take().expect("piped above");
    let stderr = child.0.stderr.take().expect("piped above");
    let (send, received) = mpsc::channel();
    let (send_complaint, complaint) = mpsc::channel();
    // The threads end with the child: its ends of the pipes close.
    let reader = move || {
        let mut bytes = Vec::new();
        let result = stdout.take(limit.saturating_add(1)).read_to_end(&mut bytes).map(|_| bytes);
        let _ = send.send(result);
    };
    let listener = move || {
        let mut stderr = stderr;
        let mut bytes = Vec::new();
        let _ = stderr.by_ref().take(MAX_COMPLAINT).read_to_end(&mut bytes);
        let _ = send_complaint.send(String::from_utf8_lossy(&bytes).into_owned());
        let _ = std::io::copy(&mut stderr, &mut std::io::sink());
    };
    thread::Builder::new().spawn(reader).map_err(machine)?;
    thread::Builder::new().spawn(listener).map_err(machine)?;
    let late = || other(format!("took longer than {} s", timeout.as_secs_f64()));
    let bytes = received.recv_timeout(timeout).map_err(|_| late())?.map_err(machine)?;
    if bytes.len() as u64 > limit {
        return Err(other(format!("wrote more than {limit} bytes")));
    }
    let status = loop {
        if let Some(status) = child.0.try_wait().map_err(machine)? {
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
    Err(ended(status, &told(&complaint)))
}

/// What a bad end means.
fn ended(status: ExitStatus, told: &str) -> Ended {
    /// The end of `ffmpeg` after a signal that it heard.
    const HEARD: i32 = 255;
    const INTERRUPT: i32 = 2;
    /// SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE and SIGSEGV: the program met something in the file that it was not made for.
    const CRASHES: [i32; 6] = [4, 5, 6, 7, 8, 11];
    match (status.code(), signal(status)) {
        (_, Some(INTERRUPT)) => Ended::Interrupted,
        (Some(HEARD), _) if told.is_empty() => Ended::Interrupted,
        (_, Some(signal)) if !CRASHES.contains(&signal) => {
            let why = format!("ended from outside by signal {signal}; is there enough memory?");
            Ended::Failed(Failure::Machine(why))
        }
        (Some(_) | None, Some(_) | None) => {
            let told = if told.is_empty() { "without a word" } else { told };
            Ended::Failed(Failure::Other(format!("{status}: {told}")))
        }
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

/// The first complaint, which is the cause, and the last, which is what came of it; without addresses in memory.
fn told(complaint: &str) -> String {
    let plain = |line: &str| -> String {
        let line = line.trim();
        let rest = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
        let rest = rest.filter(|(who, _)| who.contains(" @ 0x")).map(|(_, rest)| rest);
        rest.unwrap_or(line).trim().to_owned()
    };
    let mut lines = complaint.lines().map(plain).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let all = match lines.next_back() {
        Some(last) if last != first => format!("{first}; {last}"),
        Some(_) | None => first,
    };
    if all.chars().count() <= MAX_TOLD {
        return all;
    }
    format!("{}...", all.chars().take(MAX_TOLD).collect::<String>())
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
            ("echo one >&2; echo between >&2; echo two >&2; exit 3", ": one; two"),
            ("echo '[mov @ 0x55d] no atom' >&2; exit 1", ": no atom"),
            ("kill -SEGV $$", "signal: 11"),
            ("exec >&-; exec sleep 100", "longer than 0.3 s"),
        ] {
            let failure = check(script, 1000, 0.3).unwrap_err();
            assert!(matches!(&failure, Failure::Other(why) if why.contains(words)), "{failure:?}");
        }
        assert!(begin.elapsed() < Duration::from_secs(20));
        let mut absent = Command::new("/nonexistent/program");
        let found = output(&mut absent, 1, Duration::from_secs(1));
        assert_eq!(found, Err(Failure::Missing));
        let Failure::Other(why) =
            check("yes long | head -c 3000 >&2; exit 1", 9, 20.0).unwrap_err()
        else {
            panic!("it is the program's own end");
        };
        assert!(why.len() < 300 && !why.contains('\n'), "{why}");
    }

    #[test]
    fn what_ends_programs_from_outside_is_the_machine() {
        for script in ["kill -KILL $$", "kill -TERM $$", "kill -INT $$; exit 255", "exit 255"] {
            let failure = check(script, 1000, 20.0).unwrap_err();
            assert!(matches!(&failure, Failure::Machine(_)), "{script}: {failure:?}");
        }
        // A file that may not be run: the same for every sample. (Who starts tests in the background has no interrupts.)
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new(file.path());
        let failure = output(&mut command, 1, Duration::from_secs(1)).unwrap_err();
        assert!(matches!(&failure, Failure::Machine(_)), "{failure:?}");
        // The first try is interrupted, the second is heard.
        let folder = tempfile::TempDir::new().unwrap();
        let mark = folder.path().join("mark");
        let script = format!(
            "if [ -e '{0}' ]; then echo done; else touch '{0}'; kill -INT $$; exit 255; fi",
            mark.display()
        );
        assert_eq!(check(&script, 1000, 20.0), Ok(b"done\n".to_vec()));
    }
}
