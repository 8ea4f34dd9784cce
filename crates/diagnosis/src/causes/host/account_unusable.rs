//! An account that may use Remote Desktop cannot sign in.

use rdpdoctor_model::{CauseId, Fact, LocalAccount, Stage, Timestamp};

use crate::machine::Machine;
use crate::machine_facts::{self, ADMINISTRATORS, LSA, Point, REMOTE_USERS, matched};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.account-unusable`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.account-unusable"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "An account that may use Remote Desktop on {host} cannot sign in",
    explanation: "The host's own list of accounts has one that is in a group which Remote Desktop takes, and that Windows lets nobody use as it stands. Whoever signs in with it gets the answer for a wrong password, or one that names the state. Other accounts are not concerned.",
    excludes: &[],
    remedies: &[Remedy {
        id: "ask-why-then-mend-the-account",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Ask why the account is like this, then mend it",
        steps: &[
            "PS> Get-LocalUser <user> | Format-List Enabled, AccountExpires, PasswordExpires, PasswordLastSet, PasswordRequired",
            "Locked out: wait for the lockout to end, and find who tries the old password. PS> net accounts",
            "Disabled, and that was a mistake: PS> Enable-LocalUser <user>",
            "Expired: PS> Set-LocalUser <user> -AccountNeverExpires",
            "Password expired or none: set one at the console; NLA cannot change it. PS> Set-LocalUser <user> -Password (Read-Host -AsSecureString)",
        ],
        interrupts: "nothing",
        undo: &[
            "PS> Disable-LocalUser <user>",
            "PS> Set-LocalUser <user> -AccountExpires <the former day>",
            "A former password cannot be had back; set another one.",
        ],
        verify: "rdpdoctor check {target} -u <user> gets past 'sign-in'",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/windows/win32/api/lmaccess/ns-lmaccess-user_info_4",
        "https://ldapwiki.com/wiki/Event%204625",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_hosts"),
    next_tests: &[],
    rule,
};

/// usri4_flags (lmaccess.h).
const DISABLED: u32 = 0x2;
const LOCKED: u32 = 0x10;
const NEEDS_NO_PASSWORD: u32 = 0x20;
const PASSWORD_EXPIRED: u32 = 0x80_0000;

/// The first relative identifier that Windows gives to what somebody made (MS-SAMR 3.1.1.9.2).
const FIRST_OWN: u32 = 1000;

/// Accounts that are told one by one.
const TOLD: usize = 5;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let listed = host.last(|fact| match fact {
        Fact::LocalAccounts { accounts } => accounts.as_seen(),
        _ => None,
    })?;
    let groups = [
        machine_facts::members(&host, REMOTE_USERS),
        machine_facts::members(&host, ADMINISTRATORS),
    ];
    let blank_refused = host.number(LSA, "LimitBlankPasswordUse") == Some(1);
    let points = listed.value.iter().filter_map(|account| {
        let group = groups.iter().flatten().find(|group| group.value.contains(&account.sid))?;
        let (severity, proof, what) = state(account, evidence.judged_at, blank_refused)?;
        let name: String = account.name.chars().take(64).collect();
        let words = format!("{name}, who may use it, {what}.");
        let title = format!("The account {name} of {{host}} {what}");
        Some(Point::new(severity, proof, [listed.id(), group.id()], title, words))
    });
    matched(points.take(TOLD).collect())
}

/// What keeps an account from being used; accounts that Windows itself brings are as they should be.
fn state(
    account: &LocalAccount,
    now: Timestamp,
    blank_refused: bool,
) -> Option<(Severity, Proof, &'static str)> {
    let rid = account.sid.rsplit('-').next().and_then(|rid| rid.parse::<u32>().ok())?;
    if rid < FIRST_OWN {
        return None;
    }
    let has = |flag| account.flags & flag != 0;
    let expired = account.expires.is_some_and(|expires| now.millis_since(expires) > 0);
    let sure = |what| Some((Severity::Warning, Proof::Proven, what));
    if has(DISABLED) {
        sure("is disabled")
    } else if has(LOCKED) {
        sure("is locked out")
    } else if expired {
        sure("has expired")
    } else if has(PASSWORD_EXPIRED) {
        sure("has an expired password")
    } else if has(NEEDS_NO_PASSWORD) && blank_refused {
        // The flag allows an empty password; whether it is empty nobody can ask.
        Some((
            Severity::Info,
            Proof::Possible,
            "may have no password, and then cannot come from afar",
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, LocalAccount, Lookup, Stage};

    use super::{CAUSE, REMOTE_USERS};
    use crate::testing::{Scene, now};
    use crate::{Proof, Severity};

    const SID: &str = "S-1-5-21-1-2-3-1001";

    fn scene(flags: u32, sid: &str, expires_in: Option<i64>) -> Scene {
        let expires = expires_in.map(|ms| now().plus_millis(ms));
        let account = LocalAccount { name: "jo".to_owned(), sid: sid.to_owned(), flags, expires };
        Scene::new()
            .fact(Stage::Host, Fact::LocalAccounts { accounts: Lookup::seen(vec![account]) })
    }

    fn member(scene: Scene, members: Lookup<Vec<String>>) -> Option<(Severity, Proof)> {
        let group = REMOTE_USERS.to_owned();
        let found = scene.fact(Stage::Host, Fact::GroupMembers { group, members }).judge(&CAUSE);
        found.map(|found| (found.severity, found.proof))
    }

    #[test]
    fn states_of_accounts_that_may() {
        let of = |flags| member(scene(flags, SID, None), Lookup::seen(vec![SID.to_owned()]));
        let sure = Some((Severity::Warning, Proof::Proven));
        assert_eq!(of(0x212), sure);
        assert_eq!(of(0x210), sure);
        assert_eq!(of(0x80_0200), sure);
        assert_eq!(of(0x200), None);
        assert_eq!(of(0x220), None, "blank passwords are not refused");
        let expired = |ms| member(scene(0x200, SID, Some(ms)), Lookup::seen(vec![SID.to_owned()]));
        assert_eq!((expired(-1_000), expired(1_000)), (sure, None));
    }

    #[test]
    fn who_may_not_and_who_is_not_known() {
        assert_eq!(member(scene(0x210, SID, None), Lookup::seen(Vec::new())), None);
        assert_eq!(member(scene(0x210, SID, None), Lookup::unavailable("access denied")), None);
        let guest = "S-1-5-21-1-2-3-501";
        let found = member(scene(0x212, guest, None), Lookup::seen(vec![guest.to_owned()]));
        assert_eq!(found, None, "Windows brings it disabled");
    }

    #[test]
    fn an_account_without_a_password() {
        let scene =
            scene(0x220, SID, None).host_number(super::LSA, "LimitBlankPasswordUse", Some(1));
        let found = member(scene, Lookup::seen(vec![SID.to_owned()]));
        assert_eq!(found, Some((Severity::Info, Proof::Possible)));
    }
}
