//! What all calls share.

use std::sync::Arc;

use crate::api::Api;
use crate::api::payload::Uploads;
use crate::redact::Redactor;

/// The parts of the server that live as long as it does.
pub struct App {
    /// The client of both services.
    pub api: Api,
    /// The secrets that must not get out.
    pub redactor: Arc<Redactor>,
    /// Large bodies uploaded lately.
    pub uploads: Uploads,
}

impl App {
    /// Puts the parts together; the keys of `api` become known to `redactor`.
    #[must_use]
    pub fn new(api: Api, redactor: Arc<Redactor>) -> Self {
        api.register_keys(&redactor);
        Self {
            api,
            redactor,
            uploads: Uploads::default(),
        }
    }
}
