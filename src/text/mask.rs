//! Which tokens of a conversation are trained on: those that the assistant wrote.

use std::ops::Range;

use super::{Conversation, Date, Encoded, Model, Template};

/// Which of the assistant's turns are trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// The last one.
    Last,
    /// Each.
    All,
}

/// A conversation as tokens, with those to train on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// The whole text.
    pub text: String,
    /// Its tokens.
    pub ids: Vec<u32>,
    /// Whether each is trained on.
    pub mask: Vec<bool>,
    /// Whether the last turn alone is, although all were asked for: the template writes earlier ones in another way than
    /// they were sampled.
    pub last_alone: bool,
}

/// Renders a conversation that ends with the assistant's turn, and finds what the assistant wrote: by the template's own
/// word, or by what each turn adds to what stood before it. An error says why neither works.
pub fn assistant_mask(
    model: &Model,
    conversation: &Conversation,
    turns: Turns,
    date: Date,
) -> Result<Masked, String> {
    let whole = model.rendered(&without_prompt(conversation.clone()), date)?;
    let by_tag = model.template().is_some_and(Template::says_what_is_written);
    let encoded = model.tokenizer().encode(&whole.text, false)?;
    let (mut written, last_alone) = if by_tag {
        (whole.written, false)
    } else {
        by_prefixes(model, conversation, &whole.text, turns, date)?
    };
    if turns == Turns::Last {
        written = written.pop().into_iter().collect();
    }
    if !by_tag {
        written = written
            .into_iter()
            .map(|range| up_to_stop(model, &encoded, range))
            .collect();
    }
    Ok(Masked {
        mask: mask(&encoded, &written),
        text: whole.text,
        ids: encoded.ids,
        last_alone,
    })
}

/// The tokens that have a part in one of the ranges, which are in order.
fn mask(encoded: &Encoded, written: &[Range<usize>]) -> Vec<bool> {
    let mut ranges = written.iter().peekable();
    let tokens = encoded.offsets.iter().map(|token| {
        while ranges.next_if(|range| token.start >= range.end).is_some() {}
        ranges.peek().is_some_and(|range| token.end > range.start)
    });
    tokens.collect()
}

/// What the assistant's turns add to what stands before them; and whether that works for the last one alone.
fn by_prefixes(
    model: &Model,
    conversation: &Conversation,
    whole: &str,
    turns: Turns,
    date: Date,
) -> Result<(Vec<Range<usize>>, bool), String> {
    let says = |index: usize| {
        let message = conversation.messages.get(index);
        let role = message.and_then(|message| message.get("role"));
        role.is_some_and(|role| role == "assistant")
    };
    let own: Vec<usize> = (0..conversation.messages.len())
        .filter(|index| says(*index))
        .collect();
    let last = *own.last().ok_or("no message is the assistant's")?;
    let added = |index: usize| -> Result<Option<Range<usize>>, String> {
        let before = model
            .rendered(&with_prompt(conversation.up_to(index)), date)?
            .text;
        let after = if index + 1 == conversation.messages.len() {
            whole.to_owned()
        } else {
            model
                .rendered(&without_prompt(conversation.up_to(index + 1)), date)?
                .text
        };
        let is_prefix = after.starts_with(&before) && whole.starts_with(&after);
        Ok(is_prefix.then_some(before.len()..after.len()))
    };
    if turns == Turns::All {
        let all: Result<Vec<_>, String> = own.iter().map(|index| added(*index)).collect();
        if let Some(all) = all?.into_iter().collect::<Option<Vec<_>>>() {
            return Ok((all, false));
        }
    }
    let range = added(last)?.ok_or(
        "the chat template writes the last turn in another way than it asks for it, so that nobody can tell what of it the assistant wrote",
    )?;
    Ok((vec![range], own.len() > 1))
}

/// Without what stands behind the end of the turn: the model never writes it.
fn up_to_stop(model: &Model, encoded: &Encoded, range: Range<usize>) -> Range<usize> {
    let tokens = encoded.ids.iter().zip(&encoded.offsets);
    let inside = tokens.filter(|(_, token)| token.start >= range.start && token.end <= range.end);
    let stops = inside.filter(|(id, _)| model.stop().iter().any(|stop| stop.id == **id));
    let end = stops.last().map_or(range.end, |(_, token)| token.end);
    range.start..end
}

fn with_prompt(conversation: Conversation) -> Conversation {
    prompted(conversation, true)
}

fn without_prompt(conversation: Conversation) -> Conversation {
    prompted(conversation, false)
}

fn prompted(mut conversation: Conversation, prompt: bool) -> Conversation {
    conversation
        .template_args
        .insert("add_generation_prompt".to_owned(), prompt.into());
    conversation
}

#[cfg(test)]
mod tests;
