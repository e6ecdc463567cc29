//! What the cargo feature `sandbox` adds, behind one seam: flags, commands, and the environment that the server sees.
//! Without the feature there are none of the first two, and the environment is the real one.

#[cfg(feature = "sandbox")]
mod with;
#[cfg(not(feature = "sandbox"))]
mod without;

#[cfg(feature = "sandbox")]
pub(crate) use with::{Command, Environment, Options, is_asked_for};
#[cfg(not(feature = "sandbox"))]
pub(crate) use without::{Command, Environment, Options, is_asked_for};
