//! Wishes and commands, in every order.

use super::*;

fn room(name: &str) -> Room {
    Arc::from(name)
}

fn one(name: &str, generation: u64) -> Work {
    Work::Subscribe(vec![(room(name), generation)])
}

#[test]
fn a_wish_is_carried_out_once() {
    let mut channels = Channels::default();
    channels.want(&room("r"), 1);
    assert_eq!(channels.next(), Some(one("r", 1)));
    assert_eq!(channels.subscribed(&[(room("r"), 1)]), [true]);
    assert_eq!(channels.next(), None);
    channels.unwant(&room("r"));
    assert_eq!(channels.next(), Some(Work::Unsubscribe(vec![room("r")])));
    channels.unsubscribed(&[room("r")]);
    assert_eq!(channels.next(), None);
    assert!(channels.channels.is_empty(), "an unwanted room is forgotten");
}

#[test]
fn a_return_during_unsubscribe_subscribes_again() {
    let mut channels = Channels::default();
    channels.want(&room("r"), 1);
    channels.next();
    channels.subscribed(&[(room("r"), 1)]);
    channels.unwant(&room("r"));
    channels.next();
    channels.want(&room("r"), 2); // while the UNSUBSCRIBE is on its way
    channels.unsubscribed(&[room("r")]);
    assert_eq!(channels.next(), Some(one("r", 2)));
    assert_eq!(channels.subscribed(&[(room("r"), 2)]), [true]);
    assert_eq!(channels.next(), None);
}

#[test]
fn leaving_during_subscribe_unsubscribes_after_it() {
    let mut channels = Channels::default();
    channels.want(&room("r"), 1);
    channels.next();
    channels.unwant(&room("r"));
    assert_eq!(channels.subscribed(&[(room("r"), 1)]), [false]);
    assert_eq!(channels.next(), Some(Work::Unsubscribe(vec![room("r")])));
}

#[test]
fn a_new_link_subscribes_everything_wanted_in_batches() {
    let mut channels = Channels::default();
    for n in 0..1_300 {
        channels.want(&room(&n.to_string()), n);
    }
    channels.unwant(&room("7"));
    channels.relink();
    let mut sizes = Vec::new();
    while let Some(Work::Subscribe(rooms)) = channels.next() {
        sizes.push(rooms.len());
        channels.subscribed(&rooms);
    }
    assert_eq!(sizes, [512, 512, 275]);
    assert_eq!(channels.wanted(), 1_299);
}

#[test]
fn never_deaf_whatever_the_order() {
    use rand::{RngExt, SeedableRng, rngs::SmallRng};
    for seed in 0..200 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut channels = Channels::default();
        let (mut wanted, mut server, mut flight) = (None, false, None);
        for step in 0..100 {
            match rng.random_range(0..4) {
                0 => {
                    wanted = Some(step);
                    channels.want(&room("r"), step);
                }
                1 => {
                    wanted = None;
                    channels.unwant(&room("r"));
                }
                2 if flight.is_none() => flight = channels.next(),
                _ => acknowledge(&mut channels, flight.take(), &mut server),
            }
        }
        acknowledge(&mut channels, flight, &mut server);
        while let Some(work) = channels.next() {
            acknowledge(&mut channels, Some(work), &mut server);
        }
        assert_eq!(server, wanted.is_some(), "seed {seed}");
    }
}

fn acknowledge(channels: &mut Channels, work: Option<Work>, server: &mut bool) {
    match work {
        Some(Work::Subscribe(rooms)) => {
            *server = true;
            channels.subscribed(&rooms);
        }
        Some(Work::Unsubscribe(rooms)) => {
            *server = false;
            channels.unsubscribed(&rooms);
        }
        None => {}
    }
}
