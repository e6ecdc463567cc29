//! That the data directory is the user's alone.

use std::fs;
use std::io;
use std::path::Path;

/// Makes a directory that is the user's alone, with those above it that are missing.
pub(crate) fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Who else may write to a directory, or put another in its place, in words.
#[cfg(unix)]
pub(super) fn exposed(directory: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    const STICKY: u32 = 0o1000;
    let real = directory.canonicalize().ok()?;
    real.ancestors().find_map(|place| {
        let mode = place.metadata().ok()?.mode();
        let may_replace = place == real || mode & STICKY == 0;
        let who = match mode & 0o022 {
            0 => return None,
            0o020 => "its group",
            _ => "everybody",
        };
        // Many systems give each user a group of his own, and new directories to it.
        let harmless = place != real && who == "its group";
        (may_replace && !harmless).then(|| format!("{who} may write to {}", place.display()))
    })
}

#[cfg(not(unix))]
pub(super) const fn exposed(_: &Path) -> Option<String> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn who_else_may_write_is_named() {
        let place = tempfile::tempdir().unwrap();
        let above = place.path().canonicalize().unwrap().join("a");
        let directory = above.join("b");
        make_private(&directory).unwrap();
        // The machine's directory for temporary files is everybody's, but nobody may replace what is in it.
        assert_eq!(exposed(&directory), None);
        for (path, mode, who) in [
            (&directory, 0o777, Some("everybody")),
            (&directory, 0o770, Some("its group")),
            (&directory, 0o1777, Some("everybody")),
            (&directory, 0o755, None),
            (&above, 0o777, Some("everybody")),
            (&above, 0o1777, None),
            (&above, 0o775, None),
        ] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            let found = exposed(&directory);
            let wanted = who.map(|who| format!("{who} may write to {}", path.display()));
            assert_eq!(found, wanted, "{mode:o}");
        }
        assert_eq!(exposed(&directory.join("none")), None);
    }
}
