//! The keys of the machine: one table, from which validation, help and the reference follow.

use serde_json::Value;

/// What a parameter must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// JSON with placeholders.
    Template,
    /// Text with placeholders.
    Text,
    /// A table of texts with placeholders.
    Texts,
    /// A table of JSON with placeholders.
    Templates,
    /// A JSON Pointer.
    Pointer,
    /// Pointers and the values that must stand there.
    When,
    /// A list of words.
    Words,
    /// A list of tables.
    Steps,
    /// `true` or `false`.
    Flag,
    /// A duration.
    Duration,
    /// A table of names and JSON Pointers.
    Pointers,
    /// A table whose keys stand in this list as `table.key`.
    Table,
}

impl Kind {
    pub(super) fn wanted(self) -> &'static str {
        match self {
            Self::Template => "must be a string: JSON with placeholders",
            Self::Text => "must be a string",
            Self::Texts | Self::Templates => "must be a table of strings",
            Self::Pointer => "must be a string: a JSON Pointer such as \"/id\"",
            Self::When => "must be a table such as { \"/type\" = \"message\" }",
            Self::Words => "must be a list of strings",
            Self::Steps => "must be a list of tables such as [{ ask = \"welcome\" }]",
            Self::Flag => "must be true or false",
            Self::Pointers => "must be a table of JSON Pointers such as { id = \"/data/id\" }",
            Self::Duration => "must be a duration such as \"30s\"",
            Self::Table => "must be a table",
        }
    }

    pub(super) fn fits(self, value: &Value) -> bool {
        match self {
            Self::Template | Self::Text | Self::Pointer | Self::Duration => value.is_string(),
            Self::Texts | Self::Templates | Self::Pointers => {
                value.as_object().is_some_and(|table| table.values().all(Value::is_string))
            }
            Self::When | Self::Table => value.is_object(),
            Self::Words => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
            Self::Steps => value.as_array().is_some_and(|list| list.iter().all(Value::is_object)),
            Self::Flag => value.is_boolean(),
        }
    }
}

pub(super) const TABLE: [(&str, Kind, &str); 96] = [
    (
        "publish",
        Kind::Template,
        "what a client says to publish: {{text}} {{marker}} {{room}} {{ref}}; this or `publish_by` is required",
    ),
    (
        "publish_as",
        Kind::Templates,
        "what else it can publish on its socket, by name, such as typing: {{text}} or {{marker}}, {{room}} {{ref}}",
    ),
    (
        "marker",
        Kind::Text,
        "by what a copy is recognised: text (default), field: {{marker}} in a field of its own, correlate: the server's id",
    ),
    ("join", Kind::Template, "what it says to enter a room: {{room}} {{ref}}; without it, being connected is enough"),
    ("leave", Kind::Template, "what it says to leave a room: {{room}} {{ref}}"),
    ("messages", Kind::Templates, "what it can ask, by name: {{room}} {{ref}}; answered as `reply` says"),
    ("auth", Kind::Template, "first message, for auth = \"first-message\": {{token}} {{user}}; {{ref}} is 0"),
    ("hello", Kind::Template, "what it says first where auth is not \"first-message\"; {{user}}"),
    ("resume", Kind::Template, "what it says to enter a room again: {{room}} {{ref}} {{offset}} {{epoch}}"),
    ("after_welcome", Kind::Flag, "whether `auth` or `hello` waits for the welcome (default false)"),
    ("publish_by", Kind::Table, "publishing by an HTTP request in place of a message"),
    ("publish_by.method", Kind::Text, "POST (default) | PUT"),
    ("publish_by.url", Kind::Text, "where to, if not to the target: https://api.example.com"),
    ("publish_by.path", Kind::Text, "the path: {{room}} {{user}} {{ref}}"),
    ("publish_by.query", Kind::Texts, "query parameters: as in `body`, and {{body}} {{unix}}"),
    ("publish_by.headers", Kind::Texts, "request headers: as in `query`"),
    (
        "publish_by.body",
        Kind::Text,
        "the body, JSON unless a Content-Type is given: {{text}} {{marker}} {{room}} {{ref}} {{user}} {{token}}",
    ),
    ("publish_by.form", Kind::Texts, "fields of a form, in place of `body`: as there"),
    ("publish_by.as", Kind::Texts, "bodies in place of `body`, by name, such as typing: as there"),
    ("publish_by.code", Kind::Pointer, "where in a refusal its code stands (default: what the status says)"),
    ("publish_by.error", Kind::Pointer, "where an error stands in an answer of 200 to 299, if it is one"),
    ("publish_by.id", Kind::Pointer, "where in an answer the server's id of the message stands, for correlate"),
    ("save", Kind::Pointers, "values to keep for {{saved.NAME}}, from the welcome, a join's or any other answer"),
    ("stream", Kind::Table, "a room is a stream of server-sent events, not a socket"),
    ("stream.path", Kind::Text, "its path: {{room}} {{user}}"),
    ("stream.event", Kind::Text, "how the events are called that are messages (default: whatever they are called)"),
    ("stream.query", Kind::Texts, "query parameters: {{room}} {{user}} {{token}}"),
    ("stream.headers", Kind::Texts, "request headers: {{room}} {{user}} {{token}}"),
    ("reply", Kind::Table, "how answers name the request they belong to"),
    ("reply.when", Kind::When, "pointers and their values (default: whatever has the reference)"),
    (
        "reply.ref",
        Kind::Pointer,
        "where the request's {{ref}} is repeated; without it, {{ref}} in `prefix` of `reply.when`",
    ),
    ("reply.error", Kind::Pointer, "where an error stands, if it is one"),
    ("reply.code", Kind::Pointer, "where the error's code stands (default: the error itself)"),
    ("reply.id", Kind::Pointer, "where in an acknowledgement the server's id of the message stands, for correlate"),
    (
        "deliver",
        Kind::Table,
        "what a delivered message looks like (default: whatever holds the marker and is no reply)",
    ),
    ("deliver.when", Kind::When, "pointers and their values"),
    (
        "deliver.room",
        Kind::Pointer,
        "where the room's name stands; the marker names it already, and `deliver.offset` needs it for correlate",
    ),
    ("deliver.offset", Kind::Pointer, "where the message's offset in its room stands"),
    ("deliver.id", Kind::Pointer, "where the server's id of the message stands, for correlate"),
    ("joined", Kind::Table, "what the acknowledgement of a join looks like (default: its reply)"),
    ("joined.when", Kind::When, "pointers and their values"),
    ("joined.ref", Kind::Pointer, "where the join's {{ref}} is repeated"),
    ("joined.room", Kind::Pointer, "where the room's name stands; without it or empty: the one that is awaited"),
    ("joined.instance", Kind::Pointer, "where the server instance's name stands"),
    ("joined.offset", Kind::Pointer, "where the offset stands from which on everything is heard"),
    ("joined.epoch", Kind::Pointer, "where the epoch stands in which offsets count"),
    ("joined.missed", Kind::Pointer, "where the list of messages stands that were missed"),
    (
        "joined.missed_id",
        Kind::Pointer,
        "where in each of them the server's id of the message stands, for correlate: \"/id\"",
    ),
    ("welcome", Kind::Table, "what the server says first; joins wait for it"),
    ("welcome.when", Kind::When, "pointers and their values"),
    ("welcome.instance", Kind::Pointer, "where the server instance's name stands"),
    ("authenticated", Kind::Table, "what the acceptance of auth looks like (default: the reply to {{ref}} 0)"),
    ("authenticated.when", Kind::When, "pointers and their values"),
    ("refused", Kind::Table, "what the refusal of auth looks like"),
    ("refused.when", Kind::When, "pointers and their values"),
    ("refused.code", Kind::Pointer, "where the reason stands"),
    ("error", Kind::Table, "what an error outside of a reply looks like"),
    ("error.when", Kind::When, "pointers and their values"),
    ("error.code", Kind::Pointer, "where the error's code stands"),
    ("error.ref", Kind::Pointer, "where the request's {{ref}} is repeated"),
    ("unconfirmed", Kind::Words, "error codes that mean \"it may still be delivered\""),
    ("heartbeat", Kind::Table, "what a sign of life looks like"),
    ("heartbeat.when", Kind::When, "pointers and their values"),
    ("heartbeat.answer", Kind::Template, "what a client answers"),
    (
        "heartbeat.every",
        Kind::Duration,
        "after so long without a word of its own a client says `heartbeat.say`: \"30s\"",
    ),
    ("heartbeat.say", Kind::Template, "the sign of life that a client says by itself: {{ref}}"),
    ("presence", Kind::Table, "what coming and going of others looks like"),
    ("presence.when", Kind::When, "pointers and their values"),
    ("skip", Kind::Table, "what says nothing by itself"),
    ("skip.when", Kind::When, "pointers and their values"),
    ("framing", Kind::Table, "how messages stand in frames"),
    ("framing.format", Kind::Text, "json (default) | prefixed: text before JSON | plain: text | bytes"),
    (
        "framing.length",
        Kind::Text,
        "where a message of bytes says how many follow, if a frame may have several: \"@0:u16\"",
    ),
    ("framing.split", Kind::Text, "what separates the messages of one frame"),
    ("framing.end", Kind::Text, "what is put after each message that is said"),
    ("framing.binary", Kind::Flag, "whether frames are binary (default false)"),
    ("path", Kind::Text, "path where the URL has none: {{user}} {{token}}"),
    ("query", Kind::Texts, "query parameters of the URL: {{user}} {{token}}"),
    ("headers", Kind::Texts, "request headers of the opening: {{user}} {{token}}"),
    ("subprotocols", Kind::Words, "sub-protocols to offer"),
    ("open", Kind::Table, "what is said before the socket carries the conversation"),
    (
        "open.steps",
        Kind::Steps,
        "in order: { ask = A } fetches until A has come, { greet = A } posts `auth` or `hello` and wants A as the answer, \
         { say = T } and { hear = T } are on the socket; A is welcome, authenticated or a message",
    ),
    ("open.query", Kind::Texts, "query parameters of these requests, in place of those of the URL"),
    ("open.content_type", Kind::Text, "content type of what is posted"),
    ("open.split", Kind::Text, "what separates the messages of one answer"),
    (
        "open.carry",
        Kind::Pointers,
        "where in an answer values stand that go along in every query from then on, by name",
    ),
    ("open.strayed", Kind::Text, "what a refusal says where another instance was asked than the one before"),
    ("recover", Kind::Table, "how a conversation whose connection was lost is gone on with"),
    ("recover.session", Kind::Pointer, "where its name stands in the acceptance of auth"),
    ("recover.session_as", Kind::Text, "what that is called in the next greeting"),
    ("recover.when", Kind::When, "the messages whose last element, a text, is a position"),
    ("recover.last_as", Kind::Text, "what the last position is called in the next greeting"),
    ("sender_hears_itself", Kind::Flag, "whether a publisher gets its own message (default true)"),
    ("acknowledges_joins", Kind::Flag, "whether each join is answered (default: when a join or its reply is told)"),
    (
        "acknowledges_messages",
        Kind::Flag,
        "whether each message is answered (default: when publish has {{ref}} and there is a reply)",
    ),
    ("advice", Kind::Text, "what `wsbench probe` says to try where no answer to a join comes"),
];

/// Name and help of every parameter.
pub(in crate::dialect) const HELP: [(&str, &str); TABLE.len()] = {
    let mut help = [("", ""); TABLE.len()];
    let mut at = 0;
    while at < TABLE.len() {
        help[at] = (TABLE[at].0, TABLE[at].2);
        at += 1;
    }
    help
};
