//! The one tokenizer in memory: the largest takes 300 MB.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::context::{Call, Context};
use crate::error::ToolError;
use crate::work::blocking;

use super::files::{self, Source, refused};
use super::{Date, Model};

/// How long one is kept after its last use.
pub const IDLE: Duration = Duration::from_secs(600);
/// What a call leaves of its time, so that it can still say how far it came.
const RESERVE: Duration = Duration::from_millis(200);

/// The date that templates print, the same for as long as the server runs: a prompt must not change at midnight.
#[derive(Default)]
pub struct Today(OnceLock<Date>);

impl Today {
    /// The date.
    pub fn date(&self) -> Date {
        *self.0.get_or_init(Date::now)
    }
}

/// The tokenizer in memory, if there is one.
#[derive(Default)]
struct Memory {
    held: Mutex<Option<Held>>,
    /// Held while one is being loaded: two at once would take twice the memory.
    loading: tokio::sync::Mutex<()>,
}

struct Held {
    source: Source,
    digest: u64,
    model: Arc<Model>,
    used: Instant,
}

/// The tokenizer of a source, out of memory or loaded. If that takes longer than the call may, it goes on, and the next call
/// finds it.
pub async fn load(call: &Call<'_>, source: &Source) -> Result<Arc<Model>, ToolError> {
    let memory = call.context.state::<Memory>();
    let (context, wanted) = (Arc::clone(call.context), source.clone());
    let loading = tokio::spawn(async move { memory.load(&context, wanted).await });
    match timeout_at(call.deadline - RESERVE, loading).await {
        Ok(Ok(loaded)) => loaded,
        Ok(Err(_)) => Err(ToolError::Internal("loading a tokenizer broke off".to_owned())),
        Err(_) => Err(refused(
            "The tokenizer is still being downloaded or loaded, which goes on.",
            "call again in a minute.",
        )),
    }
}

/// The tokenizer of a source, if it is in memory or takes no time. Nothing is read or downloaded.
pub async fn at_hand(call: &Call<'_>, source: &Source) -> Option<Arc<Model>> {
    match source {
        Source::Bytes => load(call, source).await.ok(),
        Source::Directory(_) | Source::Model(_) => {
            let memory = call.context.state::<Memory>();
            memory.get(|held| held.source == *source)
        }
    }
}

impl Memory {
    async fn load(self: Arc<Self>, context: &Arc<Context>, source: Source) -> Result<Arc<Model>, ToolError> {
        // A commit stays what it is; in a directory anything may change, and it is read at once.
        let mut found = None;
        if matches!(source, Source::Directory(_)) {
            let (files, origin) = files::find(context, &source).await?;
            let digest = files.digest();
            if let Some(model) = self.get(|held| held.source == source && held.digest == digest) {
                return Ok(model);
            }
            found = Some((files, origin));
        } else if let Some(model) = self.get(|held| held.source == source) {
            return Ok(model);
        }
        let _alone = self.loading.lock().await;
        let (files, origin) = match found {
            Some(found) => found,
            None => match self.get(|held| held.source == source) {
                // Somebody else has loaded it meanwhile.
                Some(model) => return Ok(model),
                None => files::find(context, &source).await?,
            },
        };
        let digest = files.digest();
        self.forget(|_| true);
        let name = origin.to_string();
        let started = Instant::now();
        let model = blocking(move || Model::new(files, origin)).await?;
        let model = Arc::new(model.map_err(|problem| {
            refused(
                &format!("The tokenizer of {name} cannot be used: {problem}."),
                "give tokenizer: a directory with files that are whole, or the id of another model with the same tokenizer.",
            )
        })?);
        tracing::info!(name, ms = started.elapsed().as_millis(), "tokenizer loaded");
        *self.held() = Some(Held {
            source,
            digest,
            model: Arc::clone(&model),
            used: Instant::now(),
        });
        tokio::spawn(forget_when_idle(Arc::clone(&self), Arc::downgrade(&model)));
        Ok(model)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, is_it: impl FnOnce(&Held) -> bool) -> Option<Arc<Model>> {
        let mut held = self.held();
        let held = held.as_mut().filter(|held| is_it(held))?;
        held.used = Instant::now();
        Some(Arc::clone(&held.model))
    }

    fn forget(&self, which: impl FnOnce(&Held) -> bool) {
        self.held().take_if(|held| which(held));
    }
}

/// Drops a tokenizer that nobody has used for [`IDLE`].
async fn forget_when_idle(memory: Arc<Memory>, model: std::sync::Weak<Model>) {
    loop {
        let held = |held: &Held| std::ptr::eq(Arc::as_ptr(&held.model), model.as_ptr());
        let used = memory.held().as_ref().filter(|it| held(it)).map(|it| it.used);
        let Some(used) = used else {
            return;
        };
        if used + IDLE <= Instant::now() {
            memory.forget(held);
            tracing::info!("tokenizer dropped");
            return;
        }
        sleep_until(used + IDLE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn held(memory: &Memory) -> bool {
        memory.held().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_uses_for_ten_minutes_is_dropped() {
        let config = Config::read(|_| None).ok().unwrap();
        let context = Arc::new(Context::new(config, Arc::default(), &[]));
        let memory = Arc::new(Memory::default());
        let load = || Arc::clone(&memory).load(&context, Source::Bytes);
        let first = load().await.ok().unwrap();
        tokio::time::sleep(IDLE.mul_f64(0.9)).await;
        let again = load().await.ok().unwrap();
        assert!(Arc::ptr_eq(&first, &again), "it was in memory");
        tokio::time::sleep(IDLE.mul_f64(0.9)).await;
        assert!(held(&memory), "it was used since");
        tokio::time::sleep(IDLE.mul_f64(0.2)).await;
        assert!(!held(&memory));
        assert!(!Arc::ptr_eq(&first, &load().await.ok().unwrap()));
    }
}
