//! The only place that starts the `nft` tool: loading, checking and listing rules.
//!
//! Linux: nft(8), written against 1.0.6. One text is one transaction: it is loaded whole or not at all,
//! also when the tool is killed meanwhile. Rules are listed with their handles, which is how a kernel
//! trace names a rule.
//!
//! **Left out**: no netlink of our own and no JSON: `nft -j` of 1.0.6 prints traces as text and large
//! tables slowly. The listing is read only as far as needed to find chains, rules and handles.

use std::{
    collections::BTreeMap,
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
};

use super::{
    error::{Error, NftComplaint},
    netns::Place,
};

const TOOL: &str = "nft";
const HINT: &str =
    "install the package nftables (Debian, Ubuntu, Fedora, Alpine and Arch all call it so)";
/// Folders that the PATH of a person who is not root often lacks.
const FURTHER_FOLDERS: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];
const INPUT_NAME: &str = "/dev/stdin";
const HANDLE_MARK: &str = " # handle ";

/// The tool's version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// `[1, 0, 6]`; parts that are missing are 0.
    pub parts: [u32; 3],
    /// The whole line.
    pub text: String,
}

/// The version of the installed tool.
///
/// # Errors
/// When it is not installed or does not say.
pub fn version() -> Result<Version, Error> {
    let output = run(Place::Here, &["--version"], "")?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let digits = text.split_whitespace().find_map(|it| it.strip_prefix('v'));
    let mut numbers = digits
        .unwrap_or_default()
        .split('.')
        .map_while(|it| it.parse().ok());
    let parts = [(); 3].map(|()| numbers.next().unwrap_or(0));
    Ok(Version { parts, text })
}

/// Loads a text as one transaction.
///
/// # Errors
/// When the tool is missing or refuses the text; then nothing of it was loaded.
pub fn load<'a>(place: impl Into<Place<'a>>, text: &str) -> Result<(), Error> {
    feed(place.into(), &["-f", "-"], text, "load the rules")
}

/// Checks a text as the kernel would, without loading it.
///
/// # Errors
/// When the tool is missing or refuses the text.
pub fn check<'a>(place: impl Into<Place<'a>>, text: &str) -> Result<(), Error> {
    feed(place.into(), &["-c", "-f", "-"], text, "check the rules")
}

/// One table as the kernel has it.
///
/// # Errors
/// When the tool is missing or there is no such table ([`Error::is_absent`]).
pub fn list<'a>(place: impl Into<Place<'a>>, family: &str, table: &str) -> Result<Listing, Error> {
    let arguments = ["-n", "-a", "list", "table", family, table];
    let tried = format!("list the table {family} {table}");
    ask(place.into(), &arguments, &tried).map(Listing::new)
}

/// The tables as `nft list tables` names them: family and name.
///
/// # Errors
/// When the tool is missing or fails.
pub fn tables<'a>(place: impl Into<Place<'a>>) -> Result<Vec<(String, String)>, Error> {
    let text = ask(place.into(), &["list", "tables"], "list the tables")?;
    let rows = text.lines().filter_map(|line| {
        let (family, name) = line.strip_prefix("table ")?.split_once(' ')?;
        Some((family.to_owned(), name.trim().to_owned()))
    });
    Ok(rows.collect())
}

/// Everything that is loaded, with handles.
///
/// # Errors
/// When the tool is missing or fails.
pub fn list_ruleset<'a>(place: impl Into<Place<'a>>) -> Result<String, Error> {
    ask(
        place.into(),
        &["-n", "-a", "list", "ruleset"],
        "list all rules",
    )
}

/// Deletes a table, if it is there.
///
/// # Errors
/// When the tool is missing or the kernel refuses.
pub fn delete_table<'a>(
    place: impl Into<Place<'a>>,
    family: &str,
    table: &str,
) -> Result<(), Error> {
    // Adding first makes this work whether the table is there or not; 1.0.6 has no `destroy`.
    load(
        place,
        &format!("add table {family} {table}\ndelete table {family} {table}\n"),
    )
}

/// A table as `nft -a list table` prints it, and its rules by chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// What the tool printed.
    pub text: String,
    /// The rules of each chain, in order.
    pub chains: BTreeMap<String, Vec<ListedRule>>,
}

/// A rule of a [`Listing`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRule {
    /// The number that traces call it by, unique in its table.
    pub handle: u64,
    /// The rule, without its handle.
    pub text: String,
}

impl Listing {
    /// Reads what `nft -a list table` prints.
    #[must_use]
    pub fn new(text: String) -> Self {
        let mut chains: BTreeMap<String, Vec<ListedRule>> = BTreeMap::new();
        let mut chain = None;
        for line in text.lines() {
            let (body, handle) = split_handle(line);
            let body = body.trim();
            if let Some(name) = body
                .strip_prefix("chain ")
                .and_then(|it| it.strip_suffix(" {"))
            {
                chain = Some(name.to_owned());
                chains.entry(name.to_owned()).or_default();
            } else if body == "}" {
                chain = None;
            } else if let (Some(chain), Some(handle)) = (&chain, handle) {
                let text = body.to_owned();
                chains
                    .entry(chain.clone())
                    .or_default()
                    .push(ListedRule { handle, text });
            }
        }
        Self { text, chains }
    }

    /// Where the rule with this handle is: its chain and its position in it.
    #[must_use]
    pub fn position(&self, handle: u64) -> Option<(&str, usize)> {
        self.chains.iter().find_map(|(chain, rules)| {
            let rule_idx = rules.iter().position(|it| it.handle == handle)?;
            Some((chain.as_str(), rule_idx))
        })
    }
}

fn split_handle(line: &str) -> (&str, Option<u64>) {
    let Some((body, number)) = line.rsplit_once(HANDLE_MARK) else {
        return (line, None);
    };
    match number.trim().parse() {
        Ok(handle) => (body, Some(handle)),
        Err(_) => (line, None),
    }
}

fn feed(place: Place<'_>, arguments: &[&str], text: &str, tried: &str) -> Result<(), Error> {
    run(place, arguments, text)
        .and_then(|it| succeeded(it, text, || format!("{tried} {place}")))
        .map(|_| ())
}

fn ask(place: Place<'_>, arguments: &[&str], tried: &str) -> Result<String, Error> {
    run(place, arguments, "").and_then(|it| succeeded(it, "", || format!("{tried} {place}")))
}

fn succeeded(output: Output, input: &str, tried: impl Fn() -> String) -> Result<String, Error> {
    if output.status.success() {
        return String::from_utf8(output.stdout).map_err(|it| Error::Malformed {
            what: "the output of nft",
            why: it.to_string(),
        });
    }
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if stderr.contains("you must be root") {
        return Err(Error::NotPermitted {
            missing: "CAP_NET_ADMIN".to_owned(),
            hint: super::ROOT_HINT,
        });
    }
    let complaints = complaints(&stderr, input);
    let stderr = if stderr.trim().is_empty() {
        format!("it ended with {} and said nothing", output.status)
    } else {
        stderr
    };
    Err(Error::Nft {
        tried: tried(),
        stderr,
        complaints,
    })
}

/// Takes lines such as `/dev/stdin:3:5-10: Error: …` apart.
fn complaints(stderr: &str, input: &str) -> Vec<NftComplaint> {
    let found = stderr.lines().filter_map(|line| {
        let rest = line.strip_prefix(INPUT_NAME)?.strip_prefix(':')?;
        let (place, message) = rest.split_once(": ")?;
        let (row, columns) = place.split_once(':')?;
        let (first, last) = columns.split_once('-').unwrap_or((columns, columns));
        let row: usize = row.parse().ok()?;
        let source = input.lines().nth(row.checked_sub(1)?).unwrap_or_default();
        Some(NftComplaint {
            line: row,
            columns: (first.parse().ok()?, last.parse().ok()?),
            message: message
                .strip_prefix("Error: ")
                .unwrap_or(message)
                .to_owned(),
            source: source.to_owned(),
        })
    });
    found.collect()
}

fn run(place: Place<'_>, arguments: &[&str], input: &str) -> Result<Output, Error> {
    let program = find(TOOL, HINT)?;
    let start = || communicate(&program, arguments, input);
    place.run(start)?.map_err(|it| {
        Error::system(
            format!("run {} {}", program.display(), arguments.join(" ")),
            it,
        )
    })
}

/// Writes and reads at the same time, so that neither side waits for the other for ever.
pub(super) fn communicate(program: &Path, arguments: &[&str], input: &str) -> io::Result<Output> {
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let stdin = child.stdin.take();
    thread::scope(|scope| {
        let writer = scope.spawn(|| stdin.map_or(Ok(()), |mut it| it.write_all(input.as_bytes())));
        let output = child.wait_with_output()?;
        match writer.join() {
            // It stopped reading because of an error, which it tells on its standard error.
            Ok(Err(it)) if it.kind() != io::ErrorKind::BrokenPipe => Err(it),
            _ => Ok(output),
        }
    })
}

/// Where a program is.
pub(super) fn find(tool: &'static str, hint: &'static str) -> Result<PathBuf, Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path)
        .chain(FURTHER_FOLDERS.map(PathBuf::from))
        .collect();
    let candidates = folders.iter().map(|it| it.join(tool));
    candidates
        .into_iter()
        .find(|it| it.is_file())
        .ok_or_else(|| Error::MissingTool {
            tool,
            looked_in: folders
                .iter()
                .map(|it| it.display().to_string())
                .collect::<Vec<_>>()
                .join(":"),
            hint,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listing_gives_rules_with_handles_by_chain() {
        let text = r#"table ip kube-proxy { # handle 1
	comment "rules"
	map service-ips { # handle 3
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = { 10.96.0.10 . tcp . 80 : goto service-a/b/tcp/p80 }
	}

	chain nat-prerouting { # handle 5
		type nat hook prerouting priority dstnat; policy accept;
		jump services # handle 12
	}

	chain service-a/b/tcp/p80 { # handle 8
		ip saddr != 10.0.0.0/8 comment "say # handle 7 twice" # handle 14
		numgen random mod 1 vmap { 0 : drop } # handle 15
	}
}
"#;
        let listing = Listing::new(text.to_owned());
        assert_eq!(listing.chains.len(), 2);
        assert_eq!(listing.position(12), Some(("nat-prerouting", 0)));
        assert_eq!(listing.position(15), Some(("service-a/b/tcp/p80", 1)));
        assert_eq!(listing.position(7), None);
        assert_eq!(
            listing.chains["service-a/b/tcp/p80"][0].text,
            r#"ip saddr != 10.0.0.0/8 comment "say # handle 7 twice""#
        );
    }

    #[test]
    fn complaint_carries_the_offending_line() {
        let stderr = "/dev/stdin:2:19-22: Error: syntax error, unexpected string\nadd rule ip t c   oops\n                  ^^^^\n";
        let found = complaints(stderr, "add table ip t\nadd rule ip t c   oops\n");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 2);
        assert_eq!(found[0].columns, (19, 22));
        assert_eq!(found[0].message, "syntax error, unexpected string");
        assert_eq!(found[0].source, "add rule ip t c   oops");
    }
}
