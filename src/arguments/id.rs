//! Arguments that are ids.

/// Names an id type after what it identifies; the arguments' names say it to the model.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(serde::Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        #[schemars(transform = $crate::arguments::schema::plain)]
        pub(crate) struct $name(String);

        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }
    };
}

pub(crate) use id;
