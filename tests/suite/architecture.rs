//! Imports point one way only: value ← column ← bind ← load ← copy. Reads the sources; a module that is not listed fails too.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module of `src/` and the modules it may name with `crate::`. `error` is open to all.
const MAY_USE: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("oracle_type", &[]),
    ("layout", &[]),
    ("percent", &[]),
    ("value", &["layout"]),
    ("column", &["layout", "oracle_type", "type_map", "value"]),
    ("type_map", &["oracle_type"]),
    ("bind", &["column", "layout", "oracle_type", "type_map", "value"]),
    ("define", &["column", "layout", "oracle_type", "type_map", "value"]),
    ("fetch", &["column", "define", "layout", "oci", "oracle_type", "type_map"]),
    ("collation", &["oci", "oracle_type", "sql"]),
    ("scan", &["bind", "collation", "fetch", "layout", "oci", "oracle_type", "sql", "type_map"]),
    ("sql", &["oracle_type"]),
    ("oci", &["layout", "oracle_type", "value"]),
    ("transaction", &["oci", "sql"]),
    // It reads too: what RETURNING brings.
    ("load", &["bind", "column", "define", "fetch", "layout", "oci", "oracle_type", "sql", "transaction", "type_map"]),
    ("lake", &["percent", "oracle_type"]),
    (
        "copy",
        &[
            "bind",
            "collation",
            "column",
            "fetch",
            "lake",
            "layout",
            "load",
            "oci",
            "oracle_type",
            "percent",
            "sql",
            "transaction",
            "type_map",
            "value",
        ],
    ),
    // Delta tables, but for copying: what the command and the C ABI ask for.
    ("delta", &["copy", "fetch", "lake", "oci", "type_map"]),
    // Like the command, but a host's: nothing of the library uses it.
    ("capi", &["copy", "delta", "fetch", "load", "oci", "transaction", "type_map"]),
];

#[test]
fn imports_point_one_way_only() {
    let mut upward = Vec::new();
    for (path, module) in sources() {
        let allowed = MAY_USE.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed);
        let Some(allowed) = allowed else {
            upward.push(format!("{}: module `{module}` is not in the table", path.display()));
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        // A test may reach up: it judges the module from where its users stand.
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
        for used in crate_modules_used(code) {
            if used != module && used != "error" && !allowed.contains(&used.as_str()) {
                upward.push(format!("{}: `{module}` uses `{used}`", path.display()));
            }
        }
    }
    assert!(upward.is_empty(), "upward imports:\n{}", upward.join("\n"));
}

#[test]
fn the_table_itself_has_no_cycle() {
    for (module, allowed) in MAY_USE {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = allowed.to_vec();
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(MAY_USE.iter().find(|(name, _)| *name == next).unwrap_or_else(|| panic!("{next} has no row")).1);
            }
        }
        assert!(!reached.contains(module), "{module} reaches itself");
    }
}

#[test]
fn unsafe_code_is_where_it_may_be() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let allowed = ["oci-sys/src", "src/oci", "src/capi", "embedded/src/abi", "embedded/src/sqlite"].map(|folder| root.join(folder));
    let mut found = Vec::new();
    for folder in ["src", "oci-sys/src", "embedded/src", "tests", "examples"] {
        for path in rust_files(&root.join(folder)) {
            let text = code_of(&fs::read_to_string(&path).unwrap());
            let keyword = text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
            if keyword && !allowed.iter().any(|a| path.starts_with(a)) {
                found.push(path.display().to_string());
            }
        }
    }
    assert!(found.is_empty(), "unsafe code in {found:?}");
}

#[test]
fn the_library_does_not_know_the_command_line() {
    for (path, _) in sources() {
        let text = code_of(&fs::read_to_string(&path).unwrap());
        for name in ["clap::", "indicatif::", "ctrlc::", "rpassword::"] {
            assert!(!text.contains(name), "{}: {name}", path.display());
        }
    }
}

/// Library sources with their top-level module; `lib.rs` only lists modules, and the command is no part of the library.
fn sources() -> Vec<(PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for path in rust_files(&src) {
        let inside = path.strip_prefix(&src).unwrap().to_path_buf();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let only_tests = path.file_stem().is_some_and(|stem| stem == "tests");
        if module != "lib" && module != "bin" && !only_tests {
            found.push((path, module));
        }
    }
    assert!(found.len() > 5, "no sources under {}", src.display());
    found
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// The modules named by `crate::…`, also in `use crate::{a::X, b}`.
fn crate_modules_used(text: &str) -> BTreeSet<String> {
    let text = code_of(text);
    let mut used = BTreeSet::new();
    for (at, path) in text.match_indices("crate::") {
        // `pub(crate)` has no `::`; `other_crate::` is another path.
        if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &text[at + path.len()..];
        match rest.strip_prefix('{') {
            Some(group) => used.extend(first_names_of_group(group)),
            None => used.extend(first_name(rest)),
        }
    }
    used
}

fn first_names_of_group(group: &str) -> Vec<String> {
    let mut depth = 0_i32;
    let mut names = Vec::new();
    let mut start = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.extend(first_name(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.extend(first_name(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

/// A module is lower case; `crate::Error` is a re-export of `error`.
fn first_name(path: &str) -> Option<String> {
    let name: String = path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    match name.chars().next()? {
        c if c.is_uppercase() => Some("error".into()),
        _ => Some(name),
    }
}

/// The text without comments, string and character literals.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = literal_or_comment_bytes(rest, code.chars().next_back());
        if skipped == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.push(' ');
            rest = &rest[skipped.min(rest.len())..];
        }
    }
    code
}

/// How many bytes a comment or literal at the start of `text` takes; 0 when there is none.
fn literal_or_comment_bytes(text: &str, before: Option<char>) -> usize {
    let until = |from: usize, end: &str| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return until(2, "*/");
    }
    let raw = text.strip_prefix('r').filter(|_| !before.is_some_and(|c| c.is_alphanumeric() && c != 'b' || c == '_'));
    if let Some(hashes) = raw.map(|rest| rest.len() - rest.trim_start_matches('#').len())
        && text[1 + hashes..].starts_with('"')
    {
        return until(2 + hashes, &format!("\"{}", "#".repeat(hashes)));
    }
    if text.starts_with('"') {
        return quoted_bytes(text, '"');
    }
    // A lifetime has no closing quote right after its first character.
    let character = text.strip_prefix('\'').is_some_and(|rest| rest.starts_with('\\') || rest.chars().nth(1) == Some('\''));
    if character { quoted_bytes(text, '\'') } else { 0 }
}

fn quoted_bytes(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[test]
fn literals_and_comments_are_no_code() {
    let text = r##"a "oracle://x \" unsafe" b '"' c r#"un"safe"# d // unsafe
        fn f<'a>(x: &'a str) { '\'' } /* "unsafe */ e"##;
    let words: Vec<String> = code_of(text).split_whitespace().map(str::to_owned).collect();
    assert_eq!(words.join(" "), "a b c d fn f<'a>(x: &'a str) { } e");
}

#[test]
fn the_reader_of_imports_sees_every_form() {
    let text = "use crate::error::{Error, Phase};\nuse crate::{load::Loader, sql, oci::{Session, x}};\nfn f() { crate::bind::plan() }\n// crate::copy";
    let expected = ["bind", "error", "load", "oci", "sql"].map(String::from);
    assert_eq!(crate_modules_used(text).into_iter().collect::<Vec<_>>(), expected);
}
