//! What the log says.

use super::*;

fn said(off: u64) -> Arc<Said> {
    let frame = format!(r#"{{"type":"message","off":{off},"room":"r","id":"m{off}","from":"u","content":"hello"}}"#);
    Said::parse(&frame).unwrap()
}

#[test]
fn deeds_are_lines_that_name_the_message() {
    let truth = Truth::new("a".into());
    let user = Some(Arc::new(User { json: r#""b\"b""#.into(), expires: 0 }));
    truth.record(Deed { what: "drop", at: 5, user, message: Some(said(7)), ..Deed::default() });
    truth.record(Deed { what: "swap", message: Some(said(8)), behind: Some(said(9)), ..Deed::default() });
    assert_eq!(
        truth.page(0),
        concat!(
            r#"{"seq":1,"instance":"a","what":"drop","at_us":5,"user":"b\"b","room":"r","id":"m7","off":7,"#,
            r#""from":"u","content":"hello"}"#,
            "\n",
            r#"{"seq":2,"instance":"a","what":"swap","at_us":0,"room":"r","id":"m8","off":8,"from":"u","#,
            r#""content":"hello","behind":"m9"}"#,
            "\n"
        )
    );
    assert_eq!(truth.page(1).lines().count(), 1);
    assert_eq!(truth.page(2), "");
    assert_eq!(truth.page(9), "");
}

#[test]
fn what_is_forgotten_is_counted() {
    let truth = Truth::new("a".into());
    (0..CAPACITY + 3).for_each(|_| truth.record(Deed::default()));
    let page = truth.page(0);
    assert!(page.starts_with("{\"what\":\"forgotten\",\"count\":3}\n{\"seq\":4,"), "{}", &page[..80]);
    assert_eq!(page.lines().count(), CAPACITY + 1);
}

#[test]
fn contents_are_cut_between_characters() {
    let frame = format!(r#"{{"room":"r","id":"x","off":null,"from":"u","content":"{}"}}"#, "ä".repeat(80));
    let said = Said::parse(&frame).unwrap();
    assert_eq!((said.content.len(), said.key()), (96, r#""x""#));
    assert!(Said::parse("{}").is_none());
}
