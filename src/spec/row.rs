//! What a row of the table consists of.

use super::{Effect, Method, Service, Toolset};

/// What to say when nobody knows whether a call was carried out.
#[derive(Clone, Copy, Debug)]
pub struct Lost {
    /// What is not known.
    pub unknown: &'static str,
    /// How to find out.
    pub next: &'static str,
}

/// What it means when a list of the answer is empty.
#[derive(Clone, Copy, Debug)]
pub struct Empty {
    /// The member of the answer that holds the list.
    pub member: &'static str,
    /// What that says.
    pub means: &'static str,
}

/// One operation of one service.
#[derive(Debug)]
pub struct Spec {
    /// The tool's name, such as `download-checkpoint`.
    pub name: &'static str,
    /// The tool's name for people.
    pub title: &'static str,
    /// What the model reads about the tool.
    pub description: &'static str,
    /// The group that offers it; `None`: the client uses it by itself, and no tool does.
    pub toolset: Option<Toolset>,
    /// Which service it is about; follows from the path. `None`: what is on this machine, whichever service it came from.
    pub service: Option<Service>,
    /// The HTTP method.
    pub method: Method,
    /// The path, with each argument in braces; empty for a tool that works on this machine alone.
    pub path: &'static str,
    /// What it does to the world.
    pub effect: Effect,
    /// What to say after a lost answer, where the effect alone doesn't say enough.
    pub lost: Option<Lost>,
    /// What to do after a 404, where the path alone doesn't say enough.
    pub not_found: Option<&'static str>,
    /// What to do after a 400, 409 or 422, where it is not only for the arguments to be corrected.
    pub refused: Option<&'static str>,
    /// Where to see what an operation did whose id is lost.
    pub trace: Option<&'static str>,
    /// Whether it ends something, or holds it: such a call never queues behind others.
    pub ends: bool,
    /// The member of the answer that holds a secret which nobody needs; it is taken out.
    pub secret: Option<&'static str>,
    /// What an empty list means.
    pub empty: Option<Empty>,
    /// Whether hosts that load tools on demand are asked to have this one there from the start: those by which the others
    /// are found.
    pub at_hand: bool,
    /// The MCP hint `openWorldHint`: whether it has to do with more than this machine.
    pub open_world: bool,
}

impl Spec {
    /// Makes the row of a tool. A row that contradicts itself does not compile.
    ///
    /// # Panics
    /// At compile time: a `GET` that is no `Effect::Read`, a `DELETE` that is no `Effect::Destroy`, a path of
    /// neither service, or a toolset of the other one.
    #[must_use]
    pub const fn new(
        name: &'static str,
        title: &'static str,
        description: &'static str,
        toolset: Toolset,
        method: Method,
        path: &'static str,
        effect: Effect,
    ) -> Self {
        let row = Self {
            title,
            description,
            toolset: Some(toolset),
            ..Self::internal(name, method, path, effect)
        };
        assert!(
            matches!(
                (row.service, toolset.service()),
                (Some(Service::Together), Some(Service::Together))
                    | (Some(Service::Prime), Some(Service::Prime))
            ),
            "a toolset belongs to one service"
        );
        row
    }

    /// Makes the row of a tool that works on this machine alone and calls no service.
    #[must_use]
    pub const fn local(
        name: &'static str,
        title: &'static str,
        description: &'static str,
        toolset: Toolset,
        effect: Effect,
    ) -> Self {
        Self {
            title,
            description,
            toolset: Some(toolset),
            ..Self::plain(name, toolset.service(), Method::Get, "", effect)
        }
    }

    /// Whether it works on this machine alone.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        self.path.is_empty()
    }

    /// Whether a request by it belongs in the journal. Where the client puts a large body concerns nobody; that it
    /// has ended something by another way does.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        !self.effect.read_only() && (self.toolset.is_some() || self.effect.destructive())
    }

    /// The names of the arguments in the path, in their order.
    pub fn placeholders(&self) -> impl Iterator<Item = &'static str> + use<> {
        let opened = self.path.split('{').skip(1);
        opened.filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
    }

    /// Makes a row for the client's own use.
    ///
    /// # Panics
    /// At compile time, as [`Spec::new`].
    #[must_use]
    #[expect(clippy::panic, reason = "rows are constants: a panic here is a compile error")]
    pub const fn internal(name: &'static str, method: Method, path: &'static str, effect: Effect) -> Self {
        assert!(
            !matches!(method, Method::Get) || effect.read_only(),
            "a GET changes nothing"
        );
        assert!(
            !matches!(method, Method::Delete) || effect.destructive(),
            "a DELETE destroys"
        );
        let service = match path.as_bytes() {
            [b'/', b'v', b'1', b'/', b'r', b'l', b'/', ..] => Service::Together,
            [b'/', b'a', b'p', b'i', b'/', b'v', b'1', b'/', ..] => Service::Prime,
            _ => panic!("no service has this path"),
        };
        Self::plain(name, Some(service), method, path, effect)
    }

    /// A row of which nothing more is to be said.
    const fn plain(
        name: &'static str,
        service: Option<Service>,
        method: Method,
        path: &'static str,
        effect: Effect,
    ) -> Self {
        Self {
            name,
            title: "",
            description: "",
            toolset: None,
            service,
            method,
            path,
            effect,
            lost: None,
            not_found: None,
            refused: None,
            trace: None,
            ends: effect.destructive(),
            secret: None,
            empty: None,
            at_hand: false,
            open_world: !path.is_empty(),
        }
    }

    /// Says how to find out whether a call was carried out whose answer was lost.
    #[must_use]
    pub const fn if_lost(mut self, unknown: &'static str, next: &'static str) -> Self {
        self.lost = Some(Lost { unknown, next });
        self
    }

    /// Says what to do after a 400, 409 or 422.
    #[must_use]
    pub const fn if_refused(mut self, next: &'static str) -> Self {
        self.refused = Some(next);
        self
    }

    /// Says where to see what an operation did whose id is lost.
    #[must_use]
    pub const fn traced(mut self, trace: &'static str) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Says that what it starts on this machine, or ends, calls a service.
    #[must_use]
    pub const fn that_reaches_services(mut self) -> Self {
        self.open_world = true;
        self
    }

    /// Says that it ends or holds something, although nothing is destroyed.
    #[must_use]
    pub const fn that_ends(mut self) -> Self {
        self.ends = true;
        self
    }

    /// Says that hosts should have it there from the start.
    #[must_use]
    pub const fn at_hand(mut self) -> Self {
        self.at_hand = true;
        self
    }

    /// Names the member of the answer that holds a secret.
    #[must_use]
    pub const fn with_secret(mut self, member: &'static str) -> Self {
        self.secret = Some(member);
        self
    }

    /// Says what an empty list in the member `member` of the answer means.
    #[must_use]
    pub const fn if_empty(mut self, member: &'static str, means: &'static str) -> Self {
        self.empty = Some(Empty { member, means });
        self
    }

    /// Says what to do after a 404.
    #[must_use]
    pub const fn if_not_found(mut self, next: &'static str) -> Self {
        self.not_found = Some(next);
        self
    }
}
