//! Who is there, who has gone, and what is said about it.

use super::*;
use crate::config::Announce;

fn member(user: &str) -> Member {
    let (connected_at, last_seen) = (Duration::ZERO, Duration::ZERO);
    Member { user: user.into(), instance: "a".into(), transport: "sse", connected_at, last_seen }
}

fn text(notices: impl IntoIterator<Item = Notice>) -> Vec<String> {
    notices.into_iter().map(|notice| format!("{} {}", notice.user, notice.step)).collect()
}

#[test]
fn a_user_comes_and_goes_once_however_many_connections_there_are() {
    let (mut book, options, room) = (Book::default(), PresenceOptions::default(), Room::from("r"));
    assert_eq!(text(book.enter(&room, 1, 1, member("u"), &options)), ["u joined"]);
    assert_eq!(text(book.enter(&room, 1, 1, member("u"), &options)), [""; 0], "heard of again");
    assert_eq!(text(book.enter(&room, 2, 1, member("u"), &options)), [""; 0], "another instance");
    assert_eq!(text(book.lease(&room, member("u"), 50, &options)), [""; 0]);
    assert_eq!((book.roster(&room).users, book.roster(&room).connections), (1, 3));
    assert_eq!(text(book.exit(&room, 1, 1, &options)), [""; 0]);
    assert_eq!(text(book.exit(&room, 1, 1, &options)), [""; 0], "twice");
    assert_eq!(text(book.exit(&room, 2, 1, &options)), [""; 0]);
    assert_eq!(text(book.reap(49, &options)), [""; 0]);
    assert_eq!(text(book.reap(50, &options)), ["u left"]);
    assert!(book.rooms.is_empty() && book.leases.is_empty());
}

#[test]
fn the_dead_go_together_and_those_who_came_back_stay() {
    let (mut book, options, room) = (Book::default(), PresenceOptions::default(), Room::from("r"));
    for user in ["u", "v"] {
        book.enter(&room, 1, u64::from(user == "u"), member(user), &options);
    }
    book.part(1, 100);
    assert_eq!(text(book.exit(&room, 1, 1, &options)), [""; 0], "closes of the dying are not told");
    assert_eq!(text(book.enter(&room, 2, 9, member("u"), &options)), [""; 0], "never gone");
    assert_eq!((book.roster(&room).users, book.roster(&room).connections), (2, 2));
    assert_eq!(text(book.reap(100, &options)), ["v left"]);
    assert_eq!(text(book.reap(1_000, &options)), [""; 0]);
}

#[test]
fn large_rooms_are_counted_but_not_announced() {
    let options = PresenceOptions { announce: Announce::Max(2), ..PresenceOptions::default() };
    let (mut book, room) = (Book::default(), Room::from("r"));
    let joined = (0..4).flat_map(|n| book.enter(&room, 1, n, member(&n.to_string()), &options));
    assert_eq!(text(joined), ["0 joined", "1 joined"]);
    assert_eq!(book.roster(&room).users, 4);
    let left = (0..4).flat_map(|n| book.exit(&room, 1, n, &options));
    assert_eq!(text(left), ["2 left", "3 left"]);
}
