//! The commands of the README, run as they stand there, in their order and in one directory; what it says that they print is what they print, but for
//! times.

use std::process::Command;

use crate::support::{Workspace, finish};

const README: &str = include_str!("../../README.md");

/// A command and what it prints.
struct Shown {
    command: String,
    output: Vec<String>,
}

/// Commands of `console` blocks, and of others that begin with the command's name.
fn shown() -> Vec<Shown> {
    let (mut found, mut block): (Vec<Shown>, Option<&str>) = (Vec::new(), None);
    for line in README.lines() {
        match (line.strip_prefix("```"), block) {
            (Some(language), None) => block = Some(language),
            (Some(_), Some(_)) => block = None,
            (None, Some("console")) => match (line.strip_prefix("$ "), found.last_mut()) {
                (Some(command), _) => found.push(Shown { command: command.to_owned(), output: Vec::new() }),
                (None, Some(last)) => last.output.push(line.to_owned()),
                (None, None) => panic!("output before a command: {line}"),
            },
            // In a text.
            (None, None) => {
                let inline = line.split('`').skip(1).step_by(2).filter(|code| code.starts_with("olbridge copy embedded:demo.db"));
                found.extend(inline.map(|code| Shown { command: code.to_owned(), output: Vec::new() }));
            }
            _ => {}
        }
    }
    found
}

/// Without blank ends, and without the digits of what differs from run to run.
fn masked<'l>(lines: impl Iterator<Item = &'l str>) -> Vec<String> {
    let lines = lines.map(str::trim_end).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            if !line.contains(" ms") && !line.contains("rows/s") && !line.starts_with("nothing done") {
                return line.to_owned();
            }
            let digits = line.replace(" ms", " s").replace(|c: char| c.is_ascii_digit(), "#");
            let mut short = digits.replace("#,#", "##").replace("#.#", "##");
            while short.contains("##") {
                short = short.replace("##", "#");
            }
            short
        })
        .collect()
}

#[test]
fn the_commands_of_the_readme_print_what_it_says() {
    let workspace = Workspace::new();
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/orders.parquet");
    std::fs::create_dir(workspace.file("examples")).unwrap();
    std::fs::copy(examples, workspace.file("examples/orders.parquet")).unwrap();
    let directory = std::path::Path::new(env!("CARGO_BIN_EXE_olbridge")).parent().unwrap();
    let path = format!("{}:{}", directory.display(), std::env::var("PATH").unwrap_or_default());
    let (mut last_code, mut runs) = (0, 0);
    for Shown { command, output } in shown() {
        if command == "echo $?" {
            assert_eq!(output.join("").trim(), last_code.to_string());
            continue;
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{command} 2>&1")]).current_dir(workspace.path()).env("PATH", &path);
        shell.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let outcome = finish(shell, crate::support::TIME_LIMIT);
        last_code = outcome.code;
        runs += 1;
        if output.is_empty() {
            assert_eq!(outcome.code, 0, "{command}\n{outcome}");
            continue;
        }
        assert_eq!(masked(outcome.stdout.lines()), masked(output.iter().map(String::as_str)), "{command}\n{outcome}");
    }
    assert!(runs >= 8, "{runs} commands");
}
