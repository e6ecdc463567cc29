//! A model's way with text: its tokenizer, its chat template, and what ends a completion.

use std::collections::BTreeMap;

use serde_json::Value;

use super::control::Control;
use super::files::{Files, Origin};
use super::{Conversation, Date, Encoded, Rendered, StopToken, Template, Tokenizer, stop};

/// The special tokens that templates know by name.
const SPECIAL: [&str; 7] = [
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
];
/// What stands for "no limit" in a configuration is larger than this.
const LONGEST_CONTEXT: u64 = 100_000_000;

/// A model's way with text. Everything it does takes time.
pub struct Model {
    origin: Origin,
    tokenizer: Tokenizer,
    template: Option<Template>,
    /// Used in place of the other where there are tools.
    template_for_tools: Option<Template>,
    special: BTreeMap<String, String>,
    stop: Vec<StopToken>,
    context: Option<u64>,
    control: Control,
}

/// A prompt as a model reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Its text.
    pub text: String,
    /// Its tokens.
    pub ids: Vec<u32>,
}

impl Model {
    /// Makes it of its files. An error names the file, and says what is wrong with it.
    pub fn new(files: Files, origin: Origin) -> Result<Self, String> {
        let named = |file: &'static str| move |problem: String| format!("{file}: {problem}");
        let json = |text: &Option<String>| -> Result<Option<Value>, String> {
            let parsed = text.as_deref().map(serde_json::from_str).transpose();
            parsed.map_err(|error| error.to_string())
        };
        let tokenizer = Tokenizer::new(&files.tokenizer).map_err(named("tokenizer.json"))?;
        let config = json(&files.config)
            .map_err(named("tokenizer_config.json"))?
            .unwrap_or_default();
        let generation = json(&files.generation).map_err(named("generation_config.json"))?;
        let compiled = |(file, source): (&'static str, String)| Template::new(source).map_err(named(file));
        let [template, template_for_tools] = sources(files.template, &config);
        let template = template.map(compiled).transpose()?;
        let special = special(&config);
        Ok(Self {
            stop: stop::tokens(&tokenizer, generation.as_ref(), &special, template.as_ref()),
            control: Control::new(&tokenizer, template.as_ref()),
            context: config
                .get("model_max_length")
                .and_then(Value::as_u64)
                .filter(|length| *length < LONGEST_CONTEXT),
            template_for_tools: template_for_tools.map(compiled).transpose()?,
            tokenizer,
            template,
            special,
            origin,
        })
    }

    /// Where it comes from.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The tokenizer.
    #[must_use]
    pub const fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The chat template; base models have none.
    #[must_use]
    pub const fn template(&self) -> Option<&Template> {
        self.template.as_ref()
    }

    /// What ends a completion.
    #[must_use]
    pub fn stop(&self) -> &[StopToken] {
        &self.stop
    }

    /// What ends a text that goes through no template.
    #[must_use]
    pub fn end(&self) -> Option<&str> {
        self.special.get("eos_token").map(String::as_str)
    }

    /// The tokens that its tokenizer puts around a text where others use it, and that text as it stands does without.
    pub fn around(&self) -> Result<Vec<String>, String> {
        let ids = self.tokenizer.encode("", true)?.ids;
        Ok(ids.iter().filter_map(|id| self.tokenizer.token(*id)).collect())
    }

    pub(super) const fn control(&self) -> &Control {
        &self.control
    }

    /// How many tokens it can read, as far as its files say.
    #[must_use]
    pub const fn context(&self) -> Option<u64> {
        self.context
    }

    /// What the chat template makes of a conversation.
    pub fn rendered(&self, conversation: &Conversation, date: Date) -> Result<Rendered, String> {
        let for_tools = self
            .template_for_tools
            .as_ref()
            .filter(|_| conversation.tools.is_some());
        let template = for_tools.or(self.template.as_ref());
        let template =
            template.ok_or("there is no chat template: it is no model for conversations; give text")?;
        template
            .render(conversation, &self.special, date)
            .map_err(|problem| format!("the chat template cannot render this: {problem}"))
    }

    /// A conversation as the model reads it.
    pub fn prompt(&self, conversation: &Conversation, date: Date) -> Result<Prompt, String> {
        let text = self.rendered(conversation, date)?.text;
        // The template has written the special tokens itself.
        let Encoded { ids, .. } = self.tokenizer.encode(&text, false)?;
        Ok(Prompt { text, ids })
    }
}

/// The templates, without tools and with them, each with the file that it stands in.
fn sources(template: Option<String>, config: &Value) -> [Option<(&'static str, String)>; 2] {
    const CONFIG: &str = "chat_template of tokenizer_config.json";
    if let Some(template) = template {
        return [Some(("chat_template.jinja", template)), None];
    }
    let of = |source: &Value| source.as_str().map(|source| (CONFIG, source.to_owned()));
    match config.get("chat_template") {
        Some(Value::Array(named)) => ["default", "tool_use"].map(|name| {
            let named = named
                .iter()
                .find(|named| named.get("name").is_some_and(|given| given == name));
            named.and_then(|named| of(named.get("template")?))
        }),
        Some(source) => [of(source), None],
        None => [None, None],
    }
}

fn special(config: &Value) -> BTreeMap<String, String> {
    let tokens = SPECIAL.iter().filter_map(|name| {
        let token = config.get(*name)?;
        let text = token.as_str().or_else(|| token.get("content")?.as_str())?;
        Some(((*name).to_owned(), text.to_owned()))
    });
    tokens.collect()
}

#[cfg(test)]
mod tests;
