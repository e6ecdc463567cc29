//! Names that are no names of files everywhere.

/// Names that Windows keeps for devices, whatever extension they have and in whatever case.
const DEVICES: [&str; 7] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"];
/// Ports, which have a digit behind their name.
const PORTS: [&str; 2] = ["COM", "LPT"];

/// Whether a name is that of a device on some systems.
#[must_use]
pub(crate) fn is_reserved(name: &str) -> bool {
    let stem = name
        .split(['.', ':'])
        .next()
        .unwrap_or(name)
        .trim_end()
        .to_uppercase();
    let is_port = PORTS.iter().any(|port| {
        let number = stem
            .strip_prefix(port)
            .map(|number| number.chars().collect::<Vec<_>>());
        // To Windows small digits are digits too.
        matches!(number.as_deref(), Some(['0'..='9' | '¹' | '²' | '³']))
    });
    is_port || DEVICES.contains(&stem.as_str())
}
