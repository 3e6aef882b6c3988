//! JSON Pointers (RFC 6901) over the bytes of a frame: found by skipping what is not asked for, nothing is allocated.
//!
//! What is skipped is not checked: this reads what a server sends, it does not judge it.

use serde_json::Value;

/// A compiled pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    steps: Vec<String>,
}

impl Pointer {
    /// The pointer `text`.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let Some(steps) = text.strip_prefix('/') else {
            return Err(format!("{text:?} is not a JSON Pointer; it starts with \"/\", as in \"/{text}\""));
        };
        Ok(Self { steps: steps.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect() })
    }

    /// The text or number it points at, also within JSON that stands in a string. For what does not come by the thousand.
    pub(super) fn read(&self, json: &[u8]) -> Option<String> {
        // Most answers have nothing of that name: they are not parsed.
        memchr::memmem::find(json, self.steps.last()?.as_bytes())?;
        let all = serde_json::from_slice::<Value>(json).ok()?;
        match self.steps.iter().try_fold(all, |value, step| member(value, step))? {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// The value it points at in `json`, as it is written there.
    pub(super) fn find<'a>(&self, json: &'a [u8]) -> Option<&'a [u8]> {
        let mut rest = Walk(json);
        for step in &self.steps {
            rest = rest.into(step)?;
        }
        let start = rest.trim().0;
        rest.skip()?;
        Some(&start[..start.len() - rest.0.len()])
    }
}

/// What stands at `step` of a value, which may be JSON in a string.
fn member(value: Value, step: &str) -> Option<Value> {
    match value {
        Value::String(text) => match serde_json::from_str(&text).ok()? {
            Value::String(_) => None,
            inner => member(inner, step),
        },
        Value::Object(mut members) => members.remove(step),
        Value::Array(mut list) => {
            let at: usize = step.parse().ok()?;
            (at < list.len()).then(|| list.swap_remove(at))
        }
        _ => None,
    }
}

/// Calls `each` with every element of `array`, if it is one.
pub(super) fn elements<'a>(array: &'a [u8], each: &mut dyn FnMut(&'a [u8])) {
    let mut rest = Walk(array);
    let mut next = rest.eat(b'[');
    while next.is_some() {
        let start = rest.trim().0;
        if rest.skip().is_none() {
            return;
        }
        each(&start[..start.len() - rest.0.len()]);
        next = rest.eat(b',');
    }
}

/// A string value without its quotes, if it is one and has no escapes.
pub(super) fn plain_text(value: &[u8]) -> Option<&str> {
    let text = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    std::str::from_utf8(text).ok().filter(|text| !text.contains('\\'))
}

/// What is left of a frame.
struct Walk<'a>(&'a [u8]);

impl<'a> Walk<'a> {
    fn trim(&mut self) -> &mut Self {
        self.0 = self.0.trim_ascii_start();
        self
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        self.trim();
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(())
    }

    /// Goes to the member or element called `step`.
    fn into(mut self, step: &str) -> Option<Self> {
        if self.eat(b'{').is_some() {
            loop {
                let key = self.string()?;
                self.eat(b':')?;
                if same(key, step) {
                    return Some(self);
                }
                self.skip()?;
                self.eat(b',')?;
            }
        }
        self.eat(b'[')?;
        let index: usize = step.parse().ok()?;
        for _ in 0..index {
            self.skip()?;
            self.eat(b',')?;
        }
        Some(self)
    }

    /// A string as it is written, quotes included.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.trim();
        let text = self.0;
        let mut at = 1;
        text.first().filter(|byte| **byte == b'"')?;
        loop {
            at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
            if text[at] == b'"' {
                self.0 = &text[at + 1..];
                return Some(&text[..=at]);
            }
            at += 2;
        }
    }

    /// Skips one value.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.trim().0.first()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.0 = &self.0[1..];
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.0 = &self.0[1..];
                }
                b',' | b':' if depth > 0 => {
                    self.0 = &self.0[1..];
                    continue;
                }
                b',' | b':' => return None,
                _ => {
                    let end = self
                        .0
                        .iter()
                        .position(|byte| matches!(byte, b',' | b'}' | b']' | b':' | b' ' | b'\n' | b'\r' | b'\t'));
                    self.0 = &self.0[end.unwrap_or(self.0.len())..];
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }
}

/// Whether a key as written is `step`.
fn same(key: &[u8], step: &str) -> bool {
    match plain_text(key) {
        Some(text) => text == step,
        None => serde_json::from_slice::<String>(key).is_ok_and(|text| text == step),
    }
}

#[cfg(test)]
mod tests {
    use super::{Pointer, Value};
    use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z\"\\\\{}\\[\\],: é~/]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec(("[ab\"/~]{1,2}", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_finds_what_a_parser_finds(
            value in value(), steps in proptest::collection::vec("[ab\"/~]{1,2}|[0-3]", 1..4), pretty in any::<bool>(),
        ) {
            let escape = |step: &String| step.replace('~', "~0").replace('/', "~1");
            let text = format!("/{}", steps.iter().map(escape).collect::<Vec<_>>().join("/"));
            let json = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
            let found = Pointer::new(&text).unwrap().find(&json).map(|raw| serde_json::from_slice::<Value>(raw).unwrap());
            prop_assert_eq!(found.as_ref(), value.pointer(&text));
        }

        #[test]
        fn noise_does_not_make_it_stumble(noise in any::<Vec<u8>>(), text in "[{}\\[\\]\":,a\\\\ ]{0,20}") {
            let pointer = Pointer::new("/a/a").unwrap();
            pointer.find(&noise);
            pointer.find(text.as_bytes());
        }
    }
}
