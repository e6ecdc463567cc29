use super::*;
use proptest::prelude::*;
use serde_json::json;

fn conversation(messages: serde_json::Value) -> Conversation {
    Conversation {
        messages: serde_json::from_value(messages).unwrap(),
        ..Conversation::default()
    }
}

fn render(source: &str) -> Result<String, String> {
    let template = Template::new(source.to_owned())?;
    let messages = conversation(json!([{"role": "user", "content": "hi"}]));
    let special = BTreeMap::from([("bos_token".to_owned(), "<s>".to_owned())]);
    Ok(template.render(&messages, &special, Date::at(0))?.text)
}

#[test]
fn what_transformers_adds_to_jinja_is_there() {
    for (source, expected) in [
        ("{{ bos_token }}{{ messages[0]['content'] }}", "<s>hi"),
        (
            "{% if tools is none and documents is none %}none{% endif %}",
            "none",
        ),
        (
            "{% for m in messages %}\n  {% if true %}\n{{ m.role }}\n  {% endif %}\n{% endfor %}\n",
            "user\n",
        ),
        ("{{ strftime_now('%d %b %Y') }}", "01 Jan 1970"),
        ("{{ [true, none, 1.0, 'a'] | string }}", "[True, None, 1.0, 'a']"),
        ("{{ none | string }}{{ missing }}", "None"),
        ("{% if none is iterable %}yes{% else %}no{% endif %}", "no"),
        ("{{ 'a<b>'.upper().split('<') | tojson }}", "[\"A\", \"B>\"]"),
        (
            "{% for i in range(9) %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}",
            "012",
        ),
        ("{% set n = namespace(x=1) %}{% set n.x = 2 %}{{ n.x }}", "2"),
        ("{{ add_generation_prompt }}", "True"),
    ] {
        assert_eq!(render(source).as_deref(), Ok(expected), "{source}");
    }
}

#[test]
fn an_error_names_its_line() {
    for (source, expected) in [
        (
            "\n\n{{ raise_exception('roles must alternate') }}",
            "line 3: roles must alternate",
        ),
        ("\n{% if %}", "line 2: syntax error"),
        ("a\n{{ messages.x.y }}", "line 2: "),
        (
            "{% for i in range(1) %}\n{{ i.__class__.__mro__ }}{% endfor %}",
            "line 2: ",
        ),
        (
            "{{ strftime_now('%Q') }}",
            "line 1: strftime_now knows no format %Q",
        ),
    ] {
        let problem = render(source).unwrap_err();
        assert!(problem.starts_with(expected), "{problem}");
    }
}

#[test]
fn what_never_ends_or_explodes_is_stopped() {
    for source in [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% set n = namespace(x='x') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
        "{{ 'x' * 10000000000 }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ 'x'.center(100000000000) }}{{ ('%' ~ '9' * 12 ~ 's') | format('x') }}",
        "{% for i in range(9000) %}{{ 'x' * 9000 }}{% endfor %}",
    ] {
        assert!(render(source).is_err(), "{source}");
    }
}

#[test]
fn what_the_assistant_wrote_is_marked_by_the_template() {
    let source = "{% for m in messages %}<{{ m.role }}>\n{%- if m.role == 'assistant' %}{%- generation -%} {{ m.content }}</s>{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}";
    let template = Template::new(source.to_owned()).unwrap();
    assert!(template.says_what_is_written());
    let messages = conversation(json!([
        {"role": "user", "content": "\u{fdd0}é"},
        {"role": "assistant", "content": "ä"},
        {"role": "assistant", "content": ""},
    ]));
    let rendered = template.render(&messages, &BTreeMap::new(), Date::at(0)).unwrap();
    assert_eq!(rendered.text, "<user>\u{fdd0}é<assistant>ä</s><assistant></s>");
    let written: Vec<&str> = rendered
        .written
        .iter()
        .map(|range| &rendered.text[range.clone()])
        .collect();
    assert_eq!(written, ["ä</s>", "</s>"]);
    assert!(
        !Template::new("{{ generation }}".to_owned())
            .unwrap()
            .says_what_is_written()
    );
}

proptest! {
    /// Pieces of templates in any order: an answer or an error, and never more than that.
    #[test]
    fn no_template_gets_away(pieces in prop::collection::vec(prop::sample::select(vec![
        "{% for m in messages %}", "{% endfor %}", "{{ m.content", " }}", "{%", "%}", "{% generation %}", "{#", "#}",
        "{% endgeneration %}", "{% set x = x ~ x %}", "{% if x %}", "{% endif %}", "{{ x | tojson(indent=9999) }}",
        "{{ messages | map(attribute='role') | list }}", "((((((((((", "[[[[[[[[[[", "{{ 1 // 0 }}", "{{ -9223372036854775808 // -1 }}",
        "{{ messages[::-1] }}", "{{ self }}", "{% macro m(x) %}", "{% endmacro %}", "{{ m(m) }}", "{{ messages.__class__ }}",
        "{{ 'é'[1:0:-1] }}", "{{ 'a'.split('') }}", "{% raw %}", "{% endraw %}", "\n", "x", "{{ range(0, 9, 0) }}",
    ]), 0..12)) {
        let _ = render(&pieces.concat());
    }
}
