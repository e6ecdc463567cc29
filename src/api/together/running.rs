//! The model resources that this process created, as long as they may be up: they bill even when nobody uses them.

use std::sync::{Mutex, PoisonError};

/// The model resources that may be up.
#[derive(Default)]
pub struct Running(Mutex<Vec<Resource>>);

/// A model resource that may be up.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its id.
    pub id: String,
    /// What it costs while READY, as far as that is known.
    pub usd_per_hour: Option<f64>,
}

impl Running {
    /// One was created.
    pub fn started(&self, id: &str, usd_per_hour: Option<f64>) {
        let mut resources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        resources.push(Resource {
            id: id.to_owned(),
            usd_per_hour,
        });
    }

    /// One has ended, or is about to.
    pub fn ended(&self, id: &str) {
        let mut resources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        resources.retain(|resource| resource.id != id);
    }

    /// Those that may be up.
    #[must_use]
    pub fn all(&self) -> Vec<Resource> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
