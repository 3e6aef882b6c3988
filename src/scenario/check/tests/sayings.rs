//! `message` and `echo` of a stream.

use super::{brief, check, judge, with};
use crate::scenario::{Limits, explain};

const TARGET: &str = r#"[target]
urls = ["ws://x"]
dialect = "json"
with = { publish = '{"say":"{{text}}"}', publish_as = { typing = '{"typing":"{{marker}}","id":{{ref}}}' } }"#;

/// The right scenario, spoken to a server with named messages, in which the stream says `more` too.
fn foreign(more: &str) -> String {
    with("size = \"128B\"", &format!("size = \"128B\"\n{more}")).replacen("[server]\ninstances = 2", TARGET, 1)
}

#[test]
fn a_named_message_takes_the_place_of_the_plain_one_and_may_have_another_echo() {
    let scenario = check(&foreign("message = \"typing\"\necho = false")).unwrap();
    let stream = &scenario.publishes[0];
    let saying = stream.message.as_ref().unwrap();
    assert_eq!((&*saying.name, saying.acknowledged, stream.echo), ("typing", false, false));
    let plain = check(&foreign("")).unwrap();
    assert_eq!((plain.publishes[0].message.is_none(), plain.publishes[0].echo), (true, true), "as the dialect has it");
    let words = explain(&scenario, &Limits { open_files: 20_000, ports: 28_232 });
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("chat: talkers say typing in their rooms in turn"), "{words}");
    assert!(words.contains("whoever speaks gets no copy"), "{words}");
    assert!(words.contains("publications are due, 4 000 in all, and 1 800/s deliveries"), "{words}");
}

#[test]
fn who_is_said_to_hear_itself_is_owed_a_copy_though_the_dialect_says_otherwise() {
    let quiet = foreign("echo = true").replacen("with = {", "with = { sender_hears_itself = false,", 1);
    let scenario = check(&quiet).unwrap();
    assert!(scenario.publishes[0].echo && !scenario.target.sender_hears_itself());
    let words = explain(&scenario, &Limits { open_files: 20_000, ports: 28_232 });
    assert!(
        words.split_whitespace().collect::<Vec<_>>().join(" ").contains("whoever speaks gets a copy too"),
        "{words}"
    );
}

#[test]
fn what_cannot_be_said_is_told_at_its_place() {
    judge(&[
        (
            "size = \"128B\"",
            "message = \"typing\"",
            "23:11 the dialect `room` is told no message that is published in place of the plain one | describe it under \
             `[target.with]` as `publish_as = { NAME = '{…{{text}}…}' }`",
        ),
        ("size = \"128B\"", "echo = \"no\"", "23:8 expected true or false, found the text \"no\""),
    ]);
    let wrong = brief(&check(&foreign("message = \"typin\"")).unwrap_err());
    assert_eq!(wrong, "26:11 no message that is published is called `typin` | did you mean `typing`?");
    let of = |publish_as: &str, more: &str| {
        let base = foreign("").replacen(
            "publish_as = { typing = '{\"typing\":\"{{marker}}\",\"id\":{{ref}}}' }",
            publish_as,
            1,
        );
        check(&base.replacen("with = {", &format!("with = {{ {more}"), 1)).unwrap_err().message
    };
    let nothing = of("publish_as = { typing = '{\"typing\":1}' }", "");
    assert!(nothing.contains("`publish_as.typing`") && nothing.contains("no {{text}} and no {{marker}}"), "{nothing}");
    let told = with("size = \"128B\"", "size = \"128B\"\necho = false\nto = { user_of = \"listeners\" }");
    let told = told.replacen("count = 10\n", "count = 10\ntransport = \"longpoll\"\n", 1);
    let refused = brief(&check(&told).unwrap_err());
    assert_eq!(refused, "25:8 `echo` is about rooms, and this goes to one user alone");
}
