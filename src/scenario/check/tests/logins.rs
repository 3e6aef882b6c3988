//! `[users].login`: what is refused, and what each user comes to say.

use super::{brief, check, with};
use crate::dialect::AuthStyle;
use crate::scenario::Scenario;
use crate::wire::Method;

/// The right scenario with this under `[users]`.
fn users(keys: &str) -> String {
    with("[run]", &format!("[users]\n{keys}\n[run]"))
}

fn refused(keys: &str) -> String {
    brief(&check(&users(keys)).map(drop).expect_err(keys))
}

fn right(text: &str) -> Scenario {
    check(text).unwrap_or_else(|wrong| panic!("{}", brief(&wrong)))
}

#[test]
fn a_login_that_cannot_be_is_refused_with_its_place() {
    let login = |keys: &str| refused(&format!("login = {{ {keys} }}"));
    assert_eq!(
        login("url = \"ws://127.0.0.1/login\""),
        "4:17 a login goes to an `http://` or `https://` URL with a host"
    );
    assert_eq!(
        login("url = \"/login\""),
        "4:17 `/login` is not a URL: relative URL without a base | write it as `https://host/path`"
    );
    assert_eq!(
        login("url = \"http://127.0.0.1/\", token = \"access_token\""),
        "4:46 a JSON Pointer starts with `/`, as in `/access_token`"
    );
    assert_eq!(login("url = \"http://127.0.0.1/\", method = \"GET\", body = \"{}\""), "4:47 a GET has no body");
    assert_eq!(login("url = \"http://127.0.0.1/\", within = \"0s\""), "4:47 `within` must be longer than 0s");
    assert!(login("url = \"http://127.0.0.1/\", body = \"user={{user.name}}\"").starts_with(
        "4:45 the body is not JSON once it is filled in: expected value at line 1 column 1 | for a form, write"
    ));
    assert_eq!(
        login("url = \"http://127.0.0.1/\", body = '{\"p\":\"{{user.password}}\"}'"),
        "4:45 there is no column `password`: users come from no file; `csv` or `jsonl` names one | there are \
         user.COLUMN, n, uuid, rand, pick and hmac_sha256"
    );
    assert!(
        login("url = \"http://127.0.0.1/\", headers = { x-room = \"{{room}}\" }")
            .contains("a login belongs to a user, not to a message or a room")
    );
    assert!(
        refused("mint = { secret = \"s\" }\nlogin = { url = \"http://127.0.0.1/\" }").contains("exclude each other")
    );
}

#[test]
fn logins_too_slow_for_everybody_to_be_there_in_time_are_refused() {
    let said = refused("login = { url = \"http://127.0.0.1/\", rate = \"2/s\" }");
    let expected = "at this rate 100 clients need 50 s to log in; ramp and `join_timeout` give them 30 s";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn logging_in_elsewhere_is_for_the_owner_of_that_host() {
    let many = users("login = { url = \"https://login.example.com/\" }").replace("count = 90", "count = 900");
    let said = brief(&check(&many).map(drop).unwrap_err());
    assert!(
        said.starts_with("4:17 910 clients in all log in at login.example.com, which is not this machine"),
        "{said}"
    );
    assert!(said.contains("WSBENCH_OWNED=login.example.com"), "{said}");
}

#[test]
fn each_user_says_it_in_its_own_words() {
    let form = "headers = { Content-Type = \"application/x-www-form-urlencoded\", x-n = \"{{n}}\" }";
    let text =
        users(&format!("login = {{ url = \"http://127.0.0.1/\", {form}, body = \"user={{{{user.name}}}}&p=a b\" }}"));
    let ask = right(&text).login_of(7).unwrap();
    assert_eq!((ask.method, &*ask.body.unwrap()), (Method::Post, &b"user=u7&p=a b"[..]));
    assert!(ask.opening.headers.contains(&("x-n".to_owned(), "7".to_owned())), "names only are shown");
    let plain = right(&users("login = { url = \"http://127.0.0.1/\" }"));
    assert_eq!(plain.login_of(0).map(|ask| (ask.method, ask.body)), Some((Method::Get, None)));
    assert_eq!(right(&users("mint = { secret = \"s\" }")).login_of(0), None);
}

#[test]
fn a_token_of_a_login_is_shown_as_any_other() {
    let target = "[target]\nurls = [\"ws://127.0.0.1:1\"]";
    let style = |login: &str| {
        let text = users(&format!("login = {{ url = \"http://127.0.0.1/\"{login} }}"));
        right(&text.replace("[server]\ninstances = 2", target)).groups[0].auth
    };
    assert_eq!(style(", token = \"/t\""), AuthStyle::FirstMessage);
    assert_eq!(style(""), AuthStyle::None, "only cookies are taken");
}
