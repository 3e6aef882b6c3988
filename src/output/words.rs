//! Kinds of failures as a reader would say them.

/// Close codes that have a name.
const CLOSED: &[(&str, &str)] = &[
    ("1000", "normal"),
    ("1001", "going away"),
    ("1008", "policy violation"),
    ("1009", "too big"),
    ("1011", "internal error"),
    ("1012", "service restart"),
    ("1013", "try again later"),
];

/// How a connection ended, or an attempt failed.
pub(super) fn kind(kind: &str) -> String {
    if let Some(status) = kind.strip_prefix("http_") {
        return format!("answered {status}");
    }
    if let Some(code) = kind.strip_prefix("close_") {
        let name = CLOSED.iter().find(|(known, _)| *known == code).map(|(_, name)| format!(" ({name})"));
        return format!("closed with {code}{}", name.unwrap_or_default());
    }
    match kind {
        "connection_refused" => "refused",
        "timeout" => "timed out",
        "no_address" => "without an address",
        "eof" => "without a close frame (1006)",
        "silent" => "gone silent",
        "certificate" => "with a wrong certificate",
        "handshake" | "accept_key" => "in the handshake",
        "fd_limit" => "for want of file descriptors",
        "ports_exhausted" => "for want of ports",
        "protocol" => "by breaking the protocol",
        "io" => "by an input or output error",
        "rate_limited" => "by a rate limit",
        "other" => "otherwise",
        kind => return kind.replace('_', " "),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn codes_and_kinds_are_said_in_words() {
        let cases = [
            ("http_503", "answered 503"),
            ("close_1012", "closed with 1012 (service restart)"),
            ("close_4000", "closed with 4000"),
            ("eof", "without a close frame (1006)"),
            ("reset", "reset"),
            ("back_pressure", "back pressure"),
        ];
        for (kind, words) in cases {
            assert_eq!(super::kind(kind), words);
        }
    }
}
