//! Which tools this server offers, and why just these. Chosen once at start: a list that changes breaks clients.

use std::fmt;

use crate::config::Config;
use crate::mcp::tool::{Entry, Tools};
#[cfg(feature = "http")]
use crate::spec::Spec;
use crate::spec::{Service, Toolset};

/// What the command line asks for.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Only tools that change nothing.
    pub read_only: bool,
    /// Only these toolsets.
    pub toolsets: Option<Vec<Toolset>>,
    /// Only these tools, which exist, and those of [`Toolset::Local`].
    pub tools: Option<Vec<String>>,
}

/// The tools that are offered.
pub(crate) struct Offer {
    /// The toolsets they come from.
    pub toolsets: Vec<Toolset>,
    /// Why these toolsets.
    pub reason: Reason,
    /// The tools themselves.
    pub entries: Vec<&'static Entry>,
    /// All that there are.
    pub all: &'static Tools,
    choice: Choice,
}

/// What decided on the toolsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// `--toolsets` or `RL_MCP_TOOLSETS` names them.
    Named,
    /// `--tools` names tools of theirs, and nobody named toolsets.
    Tools,
    /// Only this service has a key, and nobody named anything.
    OnlyKey(Service),
    /// Nobody named anything.
    Default,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named => f.write_str("as named"),
            Self::Tools => f.write_str("those of the named tools"),
            Self::OnlyKey(service) => write!(
                f,
                "because only {} has a key; --toolsets or RL_MCP_TOOLSETS names others",
                service.name()
            ),
            Self::Default => f.write_str("by default; --toolsets or RL_MCP_TOOLSETS names others"),
        }
    }
}

impl Offer {
    /// Chooses the tools. The command line wins over the variable; read-only wins over everything.
    pub(crate) fn new(choice: Choice, config: &Config, all: &'static Tools) -> Result<Self, String> {
        let named = choice.toolsets.as_ref().or(config.toolsets.as_ref());
        let (toolsets, reason) = match (named, &choice.tools) {
            (Some(named), _) => (named.clone(), Reason::Named),
            (None, Some(tools)) => (toolsets_of(tools, all), Reason::Tools),
            (None, None) => unnamed(config),
        };
        let left_out = choice.tools.iter().flatten().find_map(|name| {
            let toolset = all.find(name)?.spec.toolset?;
            (!toolsets.contains(&toolset)).then(|| (name, toolset.name()))
        });
        if let Some((name, toolset)) = left_out {
            return Err(format!(
                "--tools names {name}, but its toolset {toolset} is not among the named ones"
            ));
        }
        let wanted = |entry: &Entry| {
            let tools = choice.tools.as_ref();
            tools.is_none_or(|tools| tools.iter().any(|name| name == entry.spec.name))
        };
        let chosen = |entry: &&Entry| {
            let toolset = entry.spec.toolset;
            toolset.is_some_and(|toolset| toolsets.contains(&toolset))
                // Without these nobody could read what the named ones store.
                && (wanted(entry) || toolset == Some(Toolset::Local))
                && (!choice.read_only || entry.spec.effect.read_only())
        };
        let entries: Vec<&Entry> = all.entries.iter().filter(chosen).collect();
        if !entries.iter().any(|entry| wanted(entry)) {
            return Err("no tool is left: none of --tools is read-only".to_owned());
        }
        Ok(Self {
            toolsets,
            reason,
            entries,
            all,
            choice,
        })
    }

    /// Whether tools of a service are offered.
    #[must_use]
    pub(crate) fn has(&self, service: Service) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.spec.service == Some(service))
    }

    /// Whether all tools that one run on the offered services needs are there.
    #[must_use]
    pub(crate) fn serves_a_run(&self) -> bool {
        let needed = |entry: &&Entry| {
            let toolset = entry.spec.toolset;
            entry.spec.service.is_none_or(|service| self.has(service))
                && toolset.is_some_and(|toolset| Toolset::DEFAULT.contains(&toolset))
        };
        self.all
            .entries
            .iter()
            .filter(needed)
            .all(|entry| self.offers(entry))
    }

    /// Whether nothing more could be offered.
    #[must_use]
    pub(crate) fn is_everything(&self) -> bool {
        self.entries.len() == self.all.entries.len()
    }

    fn offers(&self, entry: &Entry) -> bool {
        self.entries
            .iter()
            .any(|offered| offered.spec.name == entry.spec.name)
    }

    /// Why what a tool of this row does may not be done by any other way either. That its service has no key is no such reason.
    #[cfg(feature = "http")]
    #[must_use]
    pub(crate) fn forbids(&self, spec: &Spec) -> Option<String> {
        if self.choice.read_only && !spec.effect.read_only() {
            return Some(READ_ONLY.to_owned());
        }
        let has_no_key = matches!(self.reason, Reason::OnlyKey(only) if spec.service == Some(only.other()));
        let is_offered = self.entries.iter().any(|entry| entry.spec.name == spec.name);
        if has_no_key || is_offered {
            return None;
        }
        self.why_not(spec.name)
    }

    /// Why a tool is not offered; `None` for one that does not exist.
    #[must_use]
    pub(crate) fn why_not(&self, name: &str) -> Option<String> {
        let spec = self.all.find(name)?.spec;
        if let Some(service) = spec.service
            && self.reason == Reason::OnlyKey(service.other())
        {
            return Some(format!(
                "no key for {} is configured; the user can set {} and restart the server",
                service.name(),
                service.key_variables().join(" or ")
            ));
        }
        let why = match spec.toolset {
            Some(toolset) if !self.toolsets.contains(&toolset) => format!(
                "it belongs to the toolset {}, which the user can add with --toolsets or RL_MCP_TOOLSETS",
                toolset.name()
            ),
            _ if self.choice.read_only && !spec.effect.read_only() => READ_ONLY.to_owned(),
            _ => "this server was started with --tools, which does not name it".to_owned(),
        };
        Some(why)
    }
}

const READ_ONLY: &str = "this server was started with --read-only";

fn toolsets_of(tools: &[String], all: &Tools) -> Vec<Toolset> {
    let mut toolsets: Vec<Toolset> = tools
        .iter()
        .filter_map(|name| all.find(name)?.spec.toolset)
        .collect();
    toolsets.push(Toolset::Local);
    toolsets.sort_unstable();
    toolsets.dedup();
    toolsets
}

/// The toolsets where nobody names any: a service without a key is of no use as long as the other one has a key.
fn unnamed(config: &Config) -> (Vec<Toolset>, Reason) {
    let only = match (&config.together.key, &config.prime.key) {
        (Some(_), None) => Service::Together,
        (None, Some(_)) => Service::Prime,
        _ => return (Toolset::DEFAULT.to_vec(), Reason::Default),
    };
    let mut toolsets = Toolset::DEFAULT.to_vec();
    toolsets.retain(|toolset| toolset.service() != Some(only.other()));
    (toolsets, Reason::OnlyKey(only))
}
