//! Asks `nft` for the rules of this machine's firewall (netfilter), where this user may see them.
//! `iptables` of today writes its rules there too; those of the one before are not read.

use std::process::Stdio;

use rdpdoctor_model::{Lookup, OwnRule};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::ruleset::{Packet, judge};

/// A list that is longer is not read; one with a country's addresses in it is.
const LONGEST_LIST: u64 = 8 * 1024 * 1024;

/// Of what the program says about its failure.
const LONGEST_WORDS: u64 = 200;

/// Where it is where the path of an ordinary user does not lead to it.
const PLACES: [&str; 3] = ["nft", "/usr/sbin/nft", "/sbin/nft"];

/// The names of the tables that the older `iptables` has in the kernel.
const LEGACY: [&str; 2] = ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"];

/// The rule that does not let this packet out.
pub(super) async fn blocking_rule(packet: &Packet) -> Lookup<OwnRule> {
    let list = match list().await {
        Ok(list) => list,
        Err(why) => return Lookup::unavailable(why),
    };
    match judge(&list, packet) {
        Lookup::Absent if has_legacy_rules() => {
            Lookup::unavailable("rules of the older iptables are not read")
        }
        found => found,
    }
}

async fn list() -> Result<Vec<u8>, String> {
    for place in PLACES {
        let mut command = Command::new(place);
        command.args(["-j", "list", "ruleset"]).env("LC_ALL", "C").kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("nft: {error}")),
            Ok(child) => return output(child).await,
        }
    }
    Err("nft is not installed".to_owned())
}

async fn output(mut child: tokio::process::Child) -> Result<Vec<u8>, String> {
    let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err("nft: no pipe".to_owned());
    };
    let (mut list, mut words) = (Vec::new(), Vec::new());
    let (mut out, mut err) = (out.take(LONGEST_LIST + 1), err.take(LONGEST_WORDS));
    let both = tokio::try_join!(out.read_to_end(&mut list), err.read_to_end(&mut words));
    both.map_err(|error| format!("nft: {error}"))?;
    if list.len() as u64 > LONGEST_LIST {
        return Err("its list of rules is too long".to_owned());
    }
    let status = child.wait().await.map_err(|error| format!("nft: {error}"))?;
    if !status.success() {
        let words = String::from_utf8_lossy(&words);
        let first = words.lines().next().unwrap_or_default().trim();
        return Err(format!("nft: {first}"));
    }
    Ok(list)
}

fn has_legacy_rules() -> bool {
    LEGACY.iter().any(|file| std::fs::read_to_string(file).is_ok_and(|names| !names.is_empty()))
}
