use super::*;
use crate::report::sample::{outcome, report};
use crate::report::{Broker, Failure, Sample};

const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLWhlcmU";

#[test]
fn what_stands_behind_a_secrets_name_is_masked() {
    let cases = [
        (
            r#"headers = { Authorization = "Bearer abc.def", Origin = "https://x" }"#,
            r#"headers = { Authorization = "***", Origin = "https://x" }"#,
        ),
        (r#"Cookie = "sid=1; other=2""#, r#"Cookie = "***""#),
        ("urls = [\"wss://h/ws?room=1&token=abc&x=2\"]", "urls = [\"wss://h/ws?room=1&token=***&x=2\"]"),
        ("urls = [\"wss://ada:pw@h/ws\"]", "urls = [\"wss://***@h/ws\"]"),
        (r#"json = '{"user":"ada","password":"hunter2"}'"#, r#"json = '{"user":"ada","password":"***"}'"#),
        (r#"{\"access_token\":\"abc\",\"n\":1}"#, r#"{\"access_token\":\"***\",\"n\":1}"#),
        (
            r#"mint = { secret = 'abc', claims = { sub = "u" } }"#,
            r#"mint = { secret = '***', claims = { sub = "u" } }"#,
        ),
        ("authorization: Bearer abc def\nnext: line", "authorization: ***\nnext: line"),
        ("JWT_SECRET = \"abc\"\nROOMS = 3", "JWT_SECRET = \"***\"\nROOMS = 3"),
        (r#""X-Api-Key": "abc""#, r#""X-Api-Key": "***""#),
        ("GET /ws?token=abc HTTP/1.1", "GET /ws?token=*** HTTP/1.1"),
    ];
    for (text, expected) in cases {
        assert_eq!(masked(text), expected);
        assert_eq!(masked(&masked(text)), expected, "masking twice is masking once");
    }
    assert_eq!(masked(&format!("refused {JWT}: expired")), "refused ***: expired");
}

#[test]
fn variables_and_ordinary_words_stay() {
    for text in [
        r#"headers = { Authorization = "Bearer ${TOKEN}" }"#,
        r#"mint = { secret = "${JWT_SECRET}" }"#,
        "urls = [\"wss://h/ws?token={{user.token}}&x=2\"]",
        "urls = [\"wss://${USER}:${PW}@h/ws\"]",
        r#"auth = "query-token""#,
        "auth = \"query-token\" # or first-message",
        "the tokens of a run == all of them",
        "take = { token = { pointer = \"/a\" } }",
        "聊天室 é",
        "",
    ] {
        assert_eq!(masked(text), text);
    }
    for (name, text) in crate::scenario::builtin::BUILTINS {
        assert_eq!(masked(text), *text, "{name} holds no secret");
    }
}

#[test]
fn a_token_is_known_by_its_look() {
    assert!(looks_secret(JWT) && looks_secret("3f786850e387550fdab836ed7e6dc881de23001b"));
    for value in ["100", "ws://127.0.0.1:9000", "quickstart", "", "a-long-name-of-a-room-without-any-digit"] {
        assert!(!looks_secret(value), "{value}");
    }
}

#[test]
fn known_secrets_are_in_no_text_of_a_result() {
    let mut report = report(&outcome(), Broker::Redis, &[]);
    let evil = || "before s3cr3t-and-more, s3cr3t after".to_owned();
    report.end = Ending::Failed(evil());
    report.scenario.text = evil();
    report.unknown_frames = vec![evil()];
    report.generator.reasons = vec![evil()];
    let first = Some(Sample { detail: evil(), at_ns: 0, client: "x".to_owned() });
    report.errors = vec![Failure { stage: "join".to_owned(), kind: "other".to_owned(), count: 1, first }];
    report.hide(&["s3cr3t".to_owned(), "s3cr3t-and-more".to_owned(), "x".to_owned(), String::new()]);
    let text = serde_json::to_string(&report).unwrap();
    assert!(!text.contains("s3cr3t") && !text.contains("and-more"), "{text}");
    assert_eq!(report.unknown_frames, ["before ***, *** after"]);
}
