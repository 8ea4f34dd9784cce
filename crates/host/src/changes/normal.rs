//! Paths of the registry and of files, so that two ways of writing one are one.

/// A key in lower case, with the short name of its hive, the control set that is in use, and without
/// the redirection of 32-bit programs.
pub(super) fn key(key: &str) -> String {
    let lower = key.trim().to_ascii_lowercase().replace('/', r"\");
    let parts = lower.split('\\').filter(|part| !part.is_empty());
    let parts: Vec<&str> = parts
        .enumerate()
        .filter_map(|(index, part)| match (index, part) {
            (0, "hkey_local_machine") => Some("hklm"),
            (0, "hkey_current_user") => Some("hkcu"),
            (_, "wow6432node") => None,
            (_, part) if is_numbered_control_set(part) => Some("currentcontrolset"),
            (_, part) => Some(part),
        })
        .collect();
    parts.join(r"\")
}

fn is_numbered_control_set(part: &str) -> bool {
    part.strip_prefix("controlset")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|digit| digit.is_ascii_digit()))
}

/// A file's path in lower case, without `\\?\` and the like; `None` for one that goes up and down.
pub(super) fn path(path: &str) -> Option<String> {
    let lower = path.trim().to_ascii_lowercase().replace('/', r"\");
    let lower = lower.strip_prefix(r"\\?\").or(lower.strip_prefix(r"\\.\")).unwrap_or(&lower);
    let parts: Vec<&str> = lower.split('\\').filter(|part| !part.is_empty()).collect();
    let crooked = |part: &&str| {
        // Windows drops dots and blanks at the end; a stream is another file.
        [".", ".."].contains(part) || part.ends_with(['.', ' '])
    };
    let drive = parts.first().is_some_and(|part| part.len() == 2 && part.ends_with(':'));
    let stream = parts.iter().skip(1).any(|part| part.contains(':'));
    let short = parts.iter().any(|part| part.contains('~'));
    (drive && !stream && !short && !parts.iter().any(crooked)).then(|| parts.join(r"\"))
}

#[cfg(test)]
mod tests {
    use super::{key, path};

    #[test]
    fn one_key_however_it_is_written() {
        for written in [
            r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa",
            r"hkey_local_machine\system\ControlSet001\control\\LSA\",
            r"HKLM\SYSTEM\WOW6432Node\CurrentControlSet/Control/Lsa",
        ] {
            assert_eq!(key(written), r"hklm\system\currentcontrolset\control\lsa", "{written}");
        }
    }

    #[test]
    fn a_path_is_absolute_and_straight() {
        assert_eq!(path(r"C:\Users\A\x.rdp").as_deref(), Some(r"c:\users\a\x.rdp"));
        assert_eq!(path(r"\\?\C:\x").as_deref(), Some(r"c:\x"));
        for bad in
            [r"C:\a\..\b", r"x.rdp", r"\\server\share\x", r"C:\x:stream", r"C:\PROGRA~1\x", ""]
        {
            assert_eq!(path(bad), None, "{bad}");
        }
    }
}
