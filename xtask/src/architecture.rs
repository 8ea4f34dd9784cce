//! ARCHITECTURE.md is read by people, so it must not drift: it names every crate, and every path it
//! mentions exists.

use std::fs;

use anyhow::bail;

/// Fails with what is missing in the page or in the tree.
pub fn check() -> anyhow::Result<()> {
    let root = crate::root();
    let page = fs::read_to_string(root.join("ARCHITECTURE.md"))?;
    let mut problems = Vec::new();
    for entry in fs::read_dir(root.join("crates"))? {
        let name = entry?.file_name();
        let path = format!("`crates/{}`", name.to_string_lossy());
        if !page.contains(&path) {
            problems.push(format!("the page does not name {path}"));
        }
    }
    for path in page.split('`').skip(1).step_by(2).filter(|code| code.contains('/')) {
        // `crates/<...>` stands for a place to put something.
        if !path.contains(['<', ' ', '*']) && !root.join(path).exists() {
            problems.push(format!("the page names {path}, which does not exist"));
        }
    }
    if problems.is_empty() { Ok(()) } else { bail!("{}", problems.join("; ")) }
}
