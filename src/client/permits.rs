//! How many requests are under way at once.

use tokio::sync::Semaphore;

use crate::spec::Service;

/// The places for requests to both services. One that hangs holds up neither the other nor, on itself, what ends
/// something: that must never queue behind what only looks or adds.
pub(super) struct Permits {
    together: Places,
    prime: Places,
}

struct Places {
    ordinary: Semaphore,
    ending: Semaphore,
}

impl Permits {
    /// So many places of each kind for each service.
    pub(super) fn new(places: usize) -> Self {
        let semaphore = || Semaphore::new(places.min(Semaphore::MAX_PERMITS));
        let places = || Places {
            ordinary: semaphore(),
            ending: semaphore(),
        };
        Self {
            together: places(),
            prime: places(),
        }
    }

    /// The places for requests to a service, of a call that ends something or of another one.
    pub(super) const fn of(&self, service: Service, ends: bool) -> &Semaphore {
        let places = match service {
            Service::Together => &self.together,
            Service::Prime => &self.prime,
        };
        if ends { &places.ending } else { &places.ordinary }
    }
}
