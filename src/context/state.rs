//! What parts of the program keep in mind from one call to the next.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Values by their types. So the context owns what it need not know: the polls under way, the downloads, what was
/// submitted in a session.
#[derive(Default)]
pub(super) struct State(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl State {
    /// The value of this type, made when it is first asked for.
    pub(super) fn of<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = all
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::new(T::default()));
        // What stands under a type is of this type.
        Arc::clone(value).downcast().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_value_of_each_type() {
        let state = State::default();
        *state.of::<Mutex<u8>>().lock().unwrap() += 1;
        *state.of::<Mutex<u16>>().lock().unwrap() += 2;
        assert_eq!(*state.of::<Mutex<u8>>().lock().unwrap(), 1);
        assert_eq!(*state.of::<Mutex<u16>>().lock().unwrap(), 2);
    }
}
