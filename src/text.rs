//! Text and token ids: what a model reads of a prompt, and what it wrote, exactly as Hugging Face's tools have it.
//!
//! [`load`] brings a [`Model`]: its tokenizer, its chat template, and what ends a completion. Everything on it takes
//! time and belongs in `work::blocking`.

mod bytes;
mod completion;
mod control;
mod conversation;
pub mod files;
mod mask;
mod memory;
mod model;
mod row;
mod stop;
mod template;
mod tokenizer;

pub use completion::{Completed, completion_mask};
pub use control::{ControlToken, control_tokens};
pub use conversation::{Conversation, Message};
pub(crate) use conversation::{check_messages, check_role, messages_schema, take_turns};
pub use files::{Origin, Source};
pub use mask::{Masked, Turns, assistant_mask};
pub use memory::{IDLE, Today, at_hand, load};
pub use model::{Model, Prompt};
pub use row::{Asked, COMPLETION, NEEDED, Row};
pub use stop::StopToken;
pub use template::{Date, Rendered, Template};
pub use tokenizer::{Encoded, Tokenizer};
