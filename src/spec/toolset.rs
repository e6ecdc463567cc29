//! Groups of tools that are offered together.

use super::Service;

/// A group of tools. Every schema costs context in every conversation, so that not all tools are offered by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Toolset {
    /// What one run on Together AI needs.
    Rl,
    /// Training on text, for those who write no code; comes with the one before.
    Train,
    /// The rest of Together AI.
    RlMore,
    /// What one run on Prime Intellect needs.
    Runs,
    /// The rest of Prime Intellect.
    RunsMore,
    /// What this machine keeps of either; comes with every other.
    Local,
}

impl Toolset {
    /// All of them, in the order in which clients see their tools.
    pub const ALL: [Self; 6] = [
        Self::Rl,
        Self::Train,
        Self::RlMore,
        Self::Runs,
        Self::RunsMore,
        Self::Local,
    ];

    /// Those that are offered when nobody names any.
    pub const DEFAULT: [Self; 4] = [Self::Rl, Self::Train, Self::Runs, Self::Local];

    /// The name in `--toolsets`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rl => "rl",
            Self::Train => "train",
            Self::RlMore => "rl-more",
            Self::Runs => "runs",
            Self::RunsMore => "runs-more",
            Self::Local => "local",
        }
    }

    /// The service that its tools are about, if it is one.
    #[must_use]
    pub const fn service(self) -> Option<Service> {
        match self {
            Self::Rl | Self::Train | Self::RlMore => Some(Service::Together),
            Self::Runs | Self::RunsMore => Some(Service::Prime),
            Self::Local => None,
        }
    }
}

/// Reads a list such as `rl,runs`; `all` stands for every toolset, `train` comes with `rl`, and `local` is always
/// among them.
pub(crate) fn parse(text: &str) -> Result<Vec<Toolset>, String> {
    let mut chosen = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if name == EVERYTHING {
            chosen.extend(Toolset::ALL);
            continue;
        }
        let known = Toolset::ALL.into_iter().find(|toolset| toolset.name() == name);
        chosen.push(known.ok_or_else(|| format!("unknown toolset `{name}`; {VALID}"))?);
    }
    if chosen.is_empty() {
        return Err(format!("no toolset is named; {VALID}"));
    }
    if chosen.contains(&Toolset::Rl) {
        chosen.push(Toolset::Train);
    }
    chosen.push(Toolset::Local);
    chosen.sort_unstable();
    chosen.dedup();
    Ok(chosen)
}

/// What stands for all toolsets.
const EVERYTHING: &str = "all";
const VALID: &str = "valid: rl, train, rl-more, runs, runs-more, local, all";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_in_any_order_and_with_a_comma_too_many() {
        assert_eq!(parse("runs, rl,,rl,"), Ok(Toolset::DEFAULT.to_vec()));
        assert_eq!(parse("all,rl"), Ok(Toolset::ALL.to_vec()));
    }

    #[test]
    fn what_is_no_toolset_is_answered_with_all_there_are() {
        for wrong in ["rl-less", "RL", "", " , "] {
            let problem = parse(wrong).unwrap_err();
            for toolset in Toolset::ALL {
                assert!(problem.contains(toolset.name()), "{problem}");
            }
        }
    }
}
