//! Arguments that are ids.

/// Names an id type after what it identifies; the arguments' names say it to the model.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $crate::arguments::id! {
            $(#[$doc])*
            #[schemars(transform = $crate::arguments::schema::plain)]
            $name as plain
        }
    };
    // With what to say to those who leave it out.
    ($(#[$doc:meta])* $name:ident: $hint:literal) => {
        $crate::arguments::id! {
            $(#[$doc])*
            #[schemars(transform = $crate::arguments::schema::plain, transform = $crate::arguments::schema::hint($hint))]
            $name as plain
        }
    };
    ($(#[$doc:meta])* $name:ident as plain) => {
        #[derive(serde::Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        $(#[$doc])*
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
