//! What somebody with a server of their own may get wrong, and where that is shown.

use serde_json::{Value, json};

use crate::dialect::{DialectError, find, read};

fn json_refuses(more: Value) -> String {
    let mut with = json!({ "publish": r#"{"id":{{ref}},"text":"{{text}}"}"#, "join": r#"{"join":"{{room}}"}"# });
    with.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    find("json", with.as_object().unwrap()).map(drop).unwrap_err().to_string()
}

/// What is wrong with a file, and the text it is shown at.
fn file_refuses(text: &str, with: &Value) -> (String, String) {
    match read(text, with.as_object().unwrap()).map(drop).unwrap_err() {
        DialectError::File { span, problem } => (problem, text[span].to_owned()),
        other => (other.to_string(), String::new()),
    }
}

#[test]
fn what_could_change_nothing_is_refused() {
    for (more, words) in [
        (json!({ "reply": { "when": { "/type": "ok" } } }), r#""reply.when": says which messages are answers"#),
        (json!({ "reply": { "ref": "/id", "code": "/code" } }), r#""reply.code": is looked at only in an error"#),
        (json!({ "joined": { "when": { "/a": 1 }, "epoch": "/e" } }), r#""joined.epoch": is looked at only with"#),
        (json!({ "resume": r#"{"join":"{{room}}","from":{{offset}}}"# }), r#""resume": would never be said"#),
        (json!({ "acknowledges_joins": true }), r#""acknowledges_joins": is true, and nothing says by what"#),
        (json!({ "acknowledges_messages": true }), r#""acknowledges_messages": is true, and nothing says by what"#),
    ] {
        let refused = json_refuses(more);
        assert!(refused.contains(words), "{refused}");
    }
}

#[test]
fn a_parameter_that_makes_a_message_wrong_is_named() {
    let refused = |with: Value| find("socketio-v5", with.as_object().unwrap()).map(drop).unwrap_err();
    let DialectError::Parameter { key, problem } = refused(json!({ "data": r#"{"text":"{{text}}""# })) else {
        panic!()
    };
    assert!(key == "data" && problem.starts_with("with it `publish` is not JSON"), "{key}: {problem}");
    let refused = refused(json!({ "event": "m", "joined_evnt": "x" })).to_string();
    assert!(refused.contains(r#"did you mean "joined_event"?"#), "{refused}");
}

#[test]
fn what_is_wrong_in_what_is_chosen_is_shown_there() {
    let text = r#"
publish = '{"text":"{{text}}"}'
[parameters]
kind = { default = "a" }
[choices.kind.b]
join = '{"join":{{rom}}}'
[choices.kind.b.joined]
when = { "event" = "in" }
"#;
    let (problem, shown) = file_refuses(text, &json!({ "kind": "b" }));
    assert!(problem.starts_with("`join`: {{rom}}") && shown.contains("{{rom}}"), "{problem} at {shown}");
    let (problem, shown) = file_refuses(&text.replace("{{rom}}", "{{room}}"), &json!({ "kind": "b" }));
    assert!(problem.starts_with("`joined.when`") && shown.contains("\"event\""), "{problem} at {shown}");
    let (problem, shown) = file_refuses("publish = '{\"text\":\"{{text}}\"}'\n[choices.kind.b]\n", &json!({}));
    assert!(problem.contains("needs a parameter of that name"), "{problem} at {shown}");
}
