//! The command line from outside: the built binary in a folder of its own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TIDY: &str = "model m {\n  output a = 1\n}\n";
const UNTIDY: &str = "model m {  \n  output a = 1\n}\n";
const BROKEN: &str = "model m {\n  output a =\n}\n";

/// What a run of zorro leaves behind.
pub(super) struct Run {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs zorro in a folder.
pub(super) fn zorro(folder: &Path, args: &[&str], stdin: &str) -> Run {
    let mut child = command(folder, args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("zorro starts");
    let mut pipe = child.stdin.take().expect("its standard input is piped");
    // A command that reads nothing may have closed it.
    let _ = pipe.write_all(stdin.as_bytes());
    drop(pipe);
    let output = child.wait_with_output().expect("zorro ends");
    Run {
        code: output.status.code().expect("no signal ends it"),
        stdout: String::from_utf8(output.stdout).expect("it prints UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("it prints UTF-8"),
    }
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zorro"));
    command.args(args).current_dir(folder);
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(name);
    }
    command
}

/// A folder with a file of every kind that `fmt` meets.
fn specs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in [("tidy", TIDY), ("untidy", UNTIDY), ("broken", BROKEN)] {
        write(folder.path(), name, text);
    }
    folder
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.zorro"))
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(path(folder, name), text).expect("the folder can be written to");
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(path(folder, name)).expect("the file is there")
}

/// Exit code, and words that standard output and standard error hold; an empty word says that there is nothing.
#[track_caller]
fn check(args: &[&str], code: i32, stdout: &str, stderr: &str) {
    let folder = specs();
    let run = zorro(folder.path(), args, UNTIDY);
    let holds = |text: &str, word: &str| {
        if word.is_empty() { text.is_empty() } else { text.contains(word) }
    };
    assert_eq!(run.code, code, "{args:?}\n{}", run.stderr);
    assert!(holds(&run.stdout, stdout), "{args:?} printed\n{}", run.stdout);
    assert!(holds(&run.stderr, stderr), "{args:?} complained\n{}", run.stderr);
}

#[test]
fn results_errors_and_exit_codes() {
    check(&["--version"], 0, env!("CARGO_PKG_VERSION"), "");
    check(&["--help"], 0, "Examples:", "");
    check(&[], 2, "", "Usage:");
    check(&["chekc"], 2, "", "similar subcommand exists: 'check'");
    check(&["explain"], 0, "E0701  a modality leaks\n", "");
    check(&["explain", "e0201"], 0, "# E0201: unknown name\n", "");
    check(&["explain", "E021"], 2, "", "did you mean `E0201`?");
    check(&["explain", "leak"], 2, "", "`zorro explain` lists all");
    check(&["completions", "bash"], 0, "complete -F _zorro", "");
    check(&["completions", "cmd"], 2, "", "possible values");
    check(&["new", "1st"], 2, "", "not beginning with a digit");
    check(&["new", "../up"], 2, "", "letters, digits and `_`");
    check(&["new", "route"], 2, "", "`route` is a word of the language");
    check(&["new", "x"], 2, "", "`x` is a word of the language");
    check(&["new", "tidy.zorro"], 2, "", "letters, digits and `_`");
    check(&["check", "tidy.zorro", "--set", "dim"], 2, "", "NAME=VALUE");
    check(&["mask", "tidy.zorro", "--tile", "64x"], 2, "", "such as 64 or 128x64");
    check(&["graph", "tidy.zorro", "--stage", "shaders"], 2, "", "--stage");
    check(&["snap", "tidy.zorro", "--accept", "--update"], 2, "", "cannot be used with");
    check(&["fmt"], 2, "", "<SPEC>");
    check(&["fmt", "tidy.zorro"], 0, "", "");
    check(&["fmt", "untidy.zorro"], 0, "", "");
    check(&["fmt", "broken.zorro"], 1, "", "error[E0101]");
    check(&["fmt", "none.zorro"], 1, "", "cannot read `none.zorro`: there is no such file");
    check(&["fmt", "."], 1, "", "cannot read `.`: it is a folder");
    check(&["fmt", "-"], 0, TIDY, "");
    check(&["fmt", "-", "tidy.zorro"], 2, "", "`-` stands alone");
    check(&["fmt", "--check", "tidy.zorro"], 0, "", "");
    check(&["fmt", "--check", "-"], 1, "--- <stdin>", "would change");
}

#[test]
fn every_command_has_help_with_an_example() {
    for name in
        ["new", "check", "fmt", "mask", "graph", "diff", "snap", "audit", "explain", "completions"]
    {
        check(&[name, "--help"], 0, &format!(":\n  zorro {name} "), "");
    }
}

#[test]
fn fmt_changes_what_it_can_and_leaves_the_rest() {
    let folder = specs();
    let args = ["fmt", "none.zorro", "broken.zorro", "untidy.zorro", "tidy.zorro"];
    assert_eq!(zorro(folder.path(), &args, "").code, 1);
    assert_eq!(read(folder.path(), "untidy"), TIDY);
    assert_eq!(read(folder.path(), "tidy"), TIDY);
    assert_eq!(read(folder.path(), "broken"), BROKEN);
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 3);
}

#[test]
fn fmt_check_prints_the_difference_and_changes_nothing() {
    let folder = specs();
    let run = zorro(folder.path(), &["fmt", "--check", "tidy.zorro", "untidy.zorro"], "");
    assert_eq!(run.code, 1);
    assert_eq!(run.stderr, "error: the layout of 1 spec would change\n");
    insta::assert_snapshot!(run.stdout.replace("{  \n", "{..\n"), @"
    --- untidy.zorro
    +++ untidy.zorro
    @@ -1,3 +1,3 @@
    -model m {..
    +model m {
       output a = 1
     }
    ");
    assert_eq!(read(folder.path(), "untidy"), UNTIDY);
}

#[test]
fn new_creates_a_spec_and_never_touches_what_is_there() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = zorro(folder.path(), &["new", "first"], "");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let spec = folder.path().join("first/first.zorro");
    let text = fs::read_to_string(&spec).expect("the spec is there");
    assert!(text.contains("\nmodel first {\n"), "{text}");
    let run = zorro(&folder.path().join("first"), &["fmt", "--check", "first.zorro"], "");
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));

    fs::write(&spec, "mine").expect("the spec can be written to");
    let run = zorro(folder.path(), &["new", "first"], "");
    assert_eq!(run.code, 1);
    assert_eq!(run.stderr, "error: cannot create `first`: it is already there\n");
    assert_eq!(fs::read_to_string(&spec).expect("the spec is there"), "mine");
}

#[test]
fn color_is_for_terminals_and_for_those_who_ask() {
    let folder = specs();
    for (color, is_colored) in [("auto", false), ("never", false), ("always", true)] {
        for args in [["fmt", "broken.zorro"], ["fmt", "none.zorro"]] {
            let args = [&["--color", color], &args[..]].concat();
            let run = zorro(folder.path(), &args, "");
            assert_eq!(run.stderr.contains('\u{1b}'), is_colored, "{args:?}");
        }
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = specs();
    for args in [&["explain", "E0701"][..], &["completions", "zsh"], &["--help"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = command(folder.path(), args).stdout(writer).output().expect("zorro runs");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failure() {
    let full = fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let output = command(specs().path(), &["explain"]).stdout(full).output().expect("zorro runs");
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.starts_with("error: cannot write to standard output: "), "{stderr}");
}
