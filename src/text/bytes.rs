//! The tokenizer of the sandbox's models, whatever they are called: tokens are the bytes of UTF-8 text, and 256 ends it.

use serde_json::{Map, json};

use super::files::Files;

/// What stands for the end of a text.
const END: &str = "<|end|>";

const TEMPLATE: &str = "\
{%- if tools %}{{ 'tools: ' + tools | tojson + '\\n' }}{% endif -%}
{%- for message in messages -%}
{{- message.role + ': ' -}}
{%- if message.role == 'assistant' -%}
{%- generation -%}{{ message.content + '<|end|>' }}{%- endgeneration -%}
{%- else -%}
{{- message.content -}}
{%- endif -%}
{{- '\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt %}{{ 'assistant: ' }}{% endif -%}
";

/// The files that such a model would have.
pub(super) fn files() -> Files {
    let stand_ins = stand_ins();
    let vocabulary: Map<_, _> = (0..=255u8)
        .zip(stand_ins)
        .map(|(byte, c)| (c.to_string(), byte.into()))
        .collect();
    let level =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false});
    let tokenizer = json!({
        "version": "1.0",
        "added_tokens": [{
            "id": 256,
            "content": END,
            "single_word": false,
            "lstrip": false,
            "rstrip": false,
            "normalized": false,
            "special": true,
        }],
        "pre_tokenizer": level,
        "decoder": level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    });
    Files {
        tokenizer: tokenizer.to_string(),
        config: Some(json!({"eos_token": END, "model_max_length": 4096}).to_string()),
        template: Some(TEMPLATE.to_owned()),
        generation: None,
    }
}

/// How such files write each byte: as itself where it can be seen, else as a character above.
fn stand_ins() -> Vec<char> {
    let mut above = ('\u{100}'..).take(256);
    let seen = |byte: u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    (0..=255)
        .map(|byte| {
            if seen(byte) {
                char::from(byte)
            } else {
                above.next().unwrap_or('\u{fffd}')
            }
        })
        .collect()
}
