use std::fmt;
use std::str::FromStr;

/// A user's name in one of the forms that Windows takes: `DOMAIN\user`, `user@realm`, `user`,
/// `.\user` (an account of the server itself).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserName {
    account: String,
    place: Place,
}

/// Where an account belongs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    /// Nothing was said.
    Unsaid,
    /// The server's own accounts.
    Server,
    /// The domain or computer before the backslash.
    Domain(String),
    /// The realm (UPN suffix) behind the at sign.
    Realm(String),
}

/// A text that is no user's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserNameError(String);

impl fmt::Display for UserNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user name {:?}: write DOMAIN\\user, user@realm or user", self.0)
    }
}

impl std::error::Error for UserNameError {}

impl UserName {
    /// The account without its domain.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The domain before the backslash, or the realm behind the at sign; none for an account of
    /// the server.
    pub fn domain(&self) -> Option<&str> {
        match &self.place {
            Place::Unsaid | Place::Server => None,
            Place::Domain(name) | Place::Realm(name) => Some(name),
        }
    }

    /// The Kerberos realm that the name tells: a UPN suffix, or a domain written as a DNS name.
    /// A NetBIOS domain does not tell its realm.
    pub fn realm(&self) -> Option<String> {
        match &self.place {
            Place::Realm(name) => Some(name.to_uppercase()),
            Place::Domain(name) if name.contains('.') => Some(name.to_uppercase()),
            _ => None,
        }
    }

    /// Whether it is a user principal name (`user@realm`).
    pub fn is_principal(&self) -> bool {
        matches!(self.place, Place::Realm(_))
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Unsaid => f.write_str(&self.account),
            Place::Server => write!(f, ".\\{}", self.account),
            Place::Domain(name) => write!(f, "{name}\\{}", self.account),
            Place::Realm(name) => write!(f, "{}@{name}", self.account),
        }
    }
}

impl FromStr for UserName {
    type Err = UserNameError;

    /// # Errors
    /// When a part is empty, longer than 256 characters or holds control characters, or when both
    /// forms are mixed.
    fn from_str(text: &str) -> Result<Self, UserNameError> {
        let wrong = || UserNameError(text.chars().take(60).collect());
        let (account, place) = match text.split_once('\\') {
            Some((".", account)) => (account, Place::Server),
            Some((domain, account)) => (account, Place::Domain(domain.to_owned())),
            // The realm stands behind the last one: an account may hold an at sign itself.
            None => match text.rsplit_once('@') {
                Some((account, realm)) => (account, Place::Realm(realm.to_owned())),
                None => (text, Place::Unsaid),
            },
        };
        let fine = |part: &str| {
            !part.is_empty()
                && part.chars().count() <= 256
                && !part.chars().any(|c| c.is_control() || c == '\\')
        };
        let placed = match &place {
            Place::Domain(name) | Place::Realm(name) => fine(name),
            Place::Unsaid | Place::Server => true,
        };
        if fine(account) && placed {
            Ok(Self { account: account.to_owned(), place })
        } else {
            Err(wrong())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let name = |text: &str| text.parse::<UserName>().expect("a name");
        assert_eq!((name("CORP\\jo").account(), name("CORP\\jo").domain()), ("jo", Some("CORP")));
        assert_eq!(name("CORP\\jo").realm(), None);
        assert_eq!(name("corp.example\\jo").realm(), Some("CORP.EXAMPLE".to_owned()));
        assert_eq!(name("jo@corp.example").realm(), Some("CORP.EXAMPLE".to_owned()));
        assert!(name("jo@corp.example").is_principal());
        assert_eq!((name(".\\jo").account(), name(".\\jo").domain()), ("jo", None));
        assert_eq!(name("jo").to_string(), "jo");
        for text in ["CORP\\jo", ".\\jo", "jo@corp.example", "a@b@c"] {
            assert_eq!(name(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_none() {
        for text in ["", "\\", "CORP\\", "\\jo", "@x", "jo@", "a\\b\\c", "a\nb"] {
            assert!(text.parse::<UserName>().is_err(), "{text:?}");
        }
    }
}
