//! The accounts against a server whose every mistake is known, over many seeds; and each rule by itself.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::time::Duration;

use super::{Arrival, Arrived, Ledger, Loss, Owed, Row, Rules, SeatId, Sent, Tally};
use crate::observe::{
    ClientId, Fact, GroupId, Observation, Observe, PublishId, RoomId, Stretch, Topic, TransportKind, Word,
};
use crate::time::Timestamp;
use crate::wire::{InstanceTag, Marker};

const SETTLE: Duration = Duration::from_secs(5);
const TOPIC: Topic = Topic { publish: PublishId(0), phase: None };
const GROUP: GroupId = GroupId(0);
const WS: TransportKind = TransportKind::WebSocket;
const A: InstanceTag = InstanceTag(1);
const B: InstanceTag = InstanceTag(2);

fn at(millis: u64) -> Timestamp {
    Timestamp::from_nanos(millis * 1_000_000)
}

fn cut(millis: u64, class: Word) -> Loss {
    Loss { since: at(millis), noticed: at(millis), class }
}

/// A fault from 2 s on.
fn stretch_at(moment: Timestamp) -> Option<Stretch> {
    Some(if moment < at(2_000) { Stretch::BEFORE } else { Stretch::during(0) })
}

/// Adds observations up by fact and detail; losses also by stretch.
#[derive(Default)]
struct Book(BTreeMap<(Fact, Option<Word>), u64>, BTreeMap<Stretch, u64>);

impl Observe for Book {
    fn observe(&mut self, o: &Observation) {
        let amount = match o.fact {
            Fact::Due | Fact::Lost | Fact::Excluded => o.value,
            _ => 1,
        };
        *self.0.entry((o.fact, o.labels.detail)).or_default() += amount;
        if let (Fact::Lost, Some(stretch)) = (o.fact, o.labels.phase) {
            *self.1.entry(stretch).or_default() += amount;
        }
    }
}

impl Book {
    fn of(&self, fact: Fact) -> u64 {
        self.0.iter().filter(|((f, _), _)| *f == fact).map(|(_, n)| n).sum()
    }

    fn with(&self, fact: Fact, detail: Word) -> u64 {
        self.0.get(&(fact, Some(detail))).copied().unwrap_or_default()
    }

    /// due, delivered, lost, excluded.
    fn identity(&self) -> [u64; 4] {
        [
            self.of(Fact::Due),
            self.of(Fact::Delivered) + self.of(Fact::Replayed),
            self.of(Fact::Lost),
            self.of(Fact::Excluded),
        ]
    }
}

struct Bench {
    ledger: Ledger,
    book: Book,
    rows: Vec<Row>,
    seats: Vec<Vec<SeatId>>,
    next: Vec<u32>,
    echo: bool,
}

impl Bench {
    /// `members[r]` clients in room `r`, all joined; client ids count through.
    fn new(members: &[u32], echo: bool) -> Self {
        let rules = Rules { settle: SETTLE, race: super::RACE, needs_name: false };
        let mut ledger = Ledger::new(members.len(), rules);
        let mut client = 0;
        let mut enter = |room: usize| {
            let seat = ledger.enter(ClientId(client), GROUP, WS, RoomId(room as u32));
            ledger.joined(seat, at(0));
            client += 1;
            seat
        };
        let seats = members.iter().enumerate().map(|(room, n)| (0..*n).map(|_| enter(room)).collect()).collect();
        Self { ledger, book: Book::default(), rows: Vec::new(), seats, next: vec![0; members.len()], echo }
    }

    fn owe(&mut self, room: u32, due: u64, publisher: u32) -> Marker {
        let (room_id, publisher_id, echo) = (RoomId(room), ClientId(publisher), self.echo);
        let owed = Owed { room: room_id, due: at(due), topic: TOPIC, publisher: publisher_id, measured: true, echo };
        self.ledger.owe(&owed);
        let index = self.next[room as usize];
        self.next[room as usize] += 1;
        Marker { room, index, publisher, instance: A, sent: Duration::ZERO }
    }

    fn say(&mut self, room: u32, due: u64, publisher: u32) -> Marker {
        let marker = self.owe(room, due, publisher);
        self.sent(&marker, Sent::Written(at(due)));
        marker
    }

    fn sent(&mut self, marker: &Marker, sent: Sent) {
        self.ledger.sent(RoomId(marker.room), marker.index, sent, &mut self.book);
    }

    fn arrive(&mut self, seat: Option<SeatId>, marker: Marker, when: u64) -> Arrived {
        let arrival = Arrival {
            marker,
            at: at(when),
            replayed: false,
            instance: B,
            from: WS,
            bystander: None,
            group: GROUP,
            to: WS,
        };
        self.ledger.arrived(seat, &arrival, &mut self.book)
    }

    fn settle(&mut self, now: u64) {
        self.ledger.settle(at(now), &stretch_at, &mut self.rows, &mut self.book);
    }

    fn finish(&mut self) -> [u64; 4] {
        self.ledger.finish(&stretch_at, &mut self.rows, &mut self.book);
        assert_eq!(self.ledger.open(), 0);
        let mut tally = Tally::new(1);
        self.rows.drain(..).for_each(|row| tally.add(row, &mut self.book));
        assert_eq!(tally.pending(), 0);
        let [due, delivered, lost, excluded] = self.book.identity();
        assert_eq!(due, delivered + lost + excluded);
        [due, delivered, lost, excluded]
    }
}

#[test]
fn a_clean_room_owes_nothing_in_the_end() {
    let mut bench = Bench::new(&[3], true);
    let marker = bench.say(0, 100, 0);
    for seat in bench.seats[0].clone() {
        assert_eq!(bench.arrive(Some(seat), marker, 107), Arrived::Delivered { latency: 7_000_000 });
    }
    assert_eq!(bench.finish(), [3, 3, 0, 0]);
    assert_eq!((bench.book.of(Fact::Completion), bench.book.of(Fact::MessageIncomplete)), (1, 0));
}

#[test]
fn a_publisher_that_does_not_hear_itself_is_owed_no_copy() {
    let mut bench = Bench::new(&[3], false);
    let marker = bench.say(0, 100, 1);
    assert_eq!(bench.arrive(Some(bench.seats[0][1]), marker, 101), Arrived::Unowed);
    bench.arrive(Some(bench.seats[0][0]), marker, 102);
    assert_eq!(bench.finish(), [2, 1, 1, 0]);
}

#[test]
fn a_publication_never_written_owns_no_pairs_and_its_copies_are_ghosts() {
    let mut bench = Bench::new(&[2], true);
    let marker = bench.owe(0, 100, 0);
    bench.sent(&marker, Sent::Unsent);
    assert_eq!(bench.arrive(Some(bench.seats[0][0]), marker, 101), Arrived::Ghost);
    let never_planned = Marker { index: 77, ..marker };
    assert_eq!(bench.arrive(Some(bench.seats[0][0]), never_planned, 101), Arrived::Ghost);
    assert_eq!(bench.finish(), [0, 0, 0, 0]);
    assert_eq!(bench.book.of(Fact::Ghost), 2);
}

#[test]
fn copies_may_come_before_the_talkers_report() {
    let mut bench = Bench::new(&[1], true);
    let marker = bench.owe(0, 100, 0);
    bench.arrive(Some(bench.seats[0][0]), marker, 101);
    bench.settle(9_999);
    assert_eq!(bench.ledger.open(), 1, "a publication without a report stays open");
    bench.sent(&marker, Sent::Written(at(100)));
    assert_eq!(bench.finish(), [1, 1, 0, 0]);
}

#[test]
fn what_was_cut_off_before_it_was_said_holds_nothing_up() {
    let mut bench = Bench::new(&[1], true);
    bench.owe(0, 100, 0);
    let said = bench.say(0, 200, 0);
    bench.arrive(Some(bench.seats[0][0]), said, 201);
    bench.say(0, 300, 0);
    assert_eq!(bench.finish(), [2, 1, 1, 0]);
}

#[test]
fn what_may_not_have_been_written_is_excluded_not_lost() {
    let mut bench = Bench::new(&[2], true);
    let marker = bench.owe(0, 100, 0);
    bench.sent(&marker, Sent::Uncertain(at(100)));
    bench.arrive(Some(bench.seats[0][1]), marker, 101);
    assert_eq!(bench.finish(), [2, 1, 0, 1]);
    assert_eq!(bench.book.with(Fact::Excluded, Word::UNKNOWN), 1);
}

#[test]
fn a_refused_publication_is_excluded_only_if_nobody_got_it() {
    let mut bench = Bench::new(&[2], true);
    let refused = bench.say(0, 100, 0);
    bench.ledger.refused(RoomId(0), refused.index);
    let refused_yet_heard = bench.say(0, 200, 0);
    bench.ledger.refused(RoomId(0), refused_yet_heard.index);
    bench.arrive(Some(bench.seats[0][1]), refused_yet_heard, 201);
    assert_eq!(bench.finish(), [4, 1, 1, 2]);
    assert_eq!(bench.book.with(Fact::Excluded, Word::REFUSED), 2);
}

#[test]
fn late_is_told_from_duplicate_after_the_window() {
    let mut bench = Bench::new(&[2], true);
    let marker = bench.say(0, 100, 0);
    let [first, second] = [bench.seats[0][0], bench.seats[0][1]];
    bench.arrive(Some(first), marker, 101);
    bench.settle(100 + 5_000);
    assert_eq!(bench.arrive(Some(second), marker, 5_200), Arrived::Late);
    assert_eq!(bench.arrive(Some(second), marker, 5_300), Arrived::Duplicate);
    assert_eq!(bench.arrive(Some(first), marker, 5_300), Arrived::Duplicate);
    assert_eq!(bench.finish(), [2, 1, 1, 0]);
}

#[test]
fn a_client_that_comes_and_goes_is_owed_what_was_said_meanwhile() {
    let mut bench = Bench::new(&[1], true);
    let before = bench.say(0, 100, 0);
    let seat = bench.ledger.enter(ClientId(9), GROUP, WS, RoomId(0));
    let racing = bench.say(0, 200, 0);
    bench.ledger.joined(seat, at(250));
    let heard = bench.say(0, 300, 0);
    bench.ledger.exit(seat, at(350));
    let after = bench.say(0, 400, 0);
    assert_eq!(bench.arrive(Some(seat), before, 260), Arrived::Unowed);
    assert!(matches!(bench.arrive(Some(seat), heard, 310), Arrived::Delivered { .. }));
    assert_eq!(bench.arrive(Some(seat), after, 410), Arrived::Unowed, "the server may not know yet");
    assert_eq!(bench.arrive(Some(seat), after, 1_400), Arrived::Misrouted);
    for marker in [before, racing, heard, after] {
        bench.arrive(Some(bench.seats[0][0]), marker, 500);
    }
    assert_eq!(bench.finish(), [6, 5, 0, 1]);
    assert_eq!(bench.book.with(Fact::Excluded, Word::JOIN_RACE), 1);
}

#[test]
fn a_stale_seat_finds_nothing() {
    let mut bench = Bench::new(&[1], true);
    let seat = bench.ledger.enter(ClientId(9), GROUP, WS, RoomId(0));
    bench.ledger.exit(seat, at(50));
    let marker = bench.say(0, 100, 0);
    bench.arrive(Some(bench.seats[0][0]), marker, 101);
    bench.settle(10_000);
    let again = bench.ledger.enter(ClientId(10), GROUP, WS, RoomId(0));
    assert_ne!(seat, again);
    let marker = bench.say(0, 11_000, 0);
    assert_eq!(bench.arrive(Some(seat), marker, 11_001), Arrived::Misrouted);
}

#[test]
fn what_a_slow_consumer_was_not_sent_before_it_was_told_counts_as_its_slowness() {
    let mut bench = Bench::new(&[2], true);
    let [reader, slow] = [bench.seats[0][0], bench.seats[0][1]];
    let markers = [1_000, 2_000, 8_000].map(|due| bench.say(0, due, 0));
    for marker in markers {
        bench.arrive(Some(reader), marker, 8_100);
    }
    bench.arrive(Some(slow), markers[0], 1_500);
    bench.ledger.lost(slow, cut(9_000, Word::SLOW_CONSUMER));
    assert_eq!(bench.finish(), [6, 4, 2, 0]);
    assert_eq!(bench.book.with(Fact::Lost, Word::SLOW_CONSUMER), 2);
}

#[test]
fn an_outage_classes_the_loss() {
    let mut bench = Bench::new(&[2], true);
    let seat = bench.seats[0][1];
    bench.say(0, 100, 0);
    bench.ledger.lost(seat, cut(1_500, Word::SLOW_CONSUMER));
    bench.say(0, 2_000, 0);
    bench.ledger.joined(seat, at(3_000));
    bench.say(0, 4_000, 0);
    for index in 0..3 {
        let marker = Marker { room: 0, index, publisher: 0, instance: A, sent: Duration::ZERO };
        bench.arrive(Some(bench.seats[0][0]), marker, 4_100);
    }
    assert_eq!(bench.finish(), [6, 3, 3, 0]);
    assert_eq!((bench.book.with(Fact::Lost, Word::STEADY), bench.book.with(Fact::Lost, Word::SLOW_CONSUMER)), (1, 2));
}

#[test]
fn what_was_on_its_way_when_the_connection_was_lost_is_lost_by_that_and_in_its_stretch() {
    let mut bench = Bench::new(&[2], true);
    let [reader, cut_off] = [bench.seats[0][0], bench.seats[0][1]];
    // Publishers 0 and 1 in turn; copies take three seconds, and the connection is lost after 4.3.
    let said = [(0, 0), (500, 1), (1_000, 0), (1_500, 1), (4_000, 0)].map(|(due, by)| bench.say(0, due, by));
    for marker in said {
        bench.arrive(Some(reader), marker, 9_000);
    }
    // The first is missing and its talker's next word is not: that one is not on its way any more.
    bench.arrive(Some(cut_off), said[2], 4_000);
    bench.ledger.lost(cut_off, cut(4_300, Word::RECONNECT_GAP));
    assert_eq!(bench.finish(), [10, 6, 4, 0]);
    assert_eq!(bench.book.with(Fact::Lost, Word::STEADY), 1);
    assert_eq!(bench.book.with(Fact::Lost, Word::RECONNECT_GAP), 3);
    assert_eq!(bench.book.of(Fact::Missed), 3);
    assert_eq!(bench.book.1, BTreeMap::from([(Stretch::during(0), 3)]), "of the other its due time decides: none here");
}

/// A server's mistakes, decided by a seed, and its own count of them.
#[derive(Default, Debug, PartialEq)]
struct Truth {
    dropped: u64,
    duplicated: u64,
    swapped: u64,
    misrouted: u64,
}

fn mutant(seed: u64, one_in: u32) -> (Truth, Bench) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut bench = Bench::new(&[40, 30], true);
    let mut truth = Truth::default();
    let outsider = bench.seats[1][0];
    let mut held: BTreeMap<(usize, u32), Marker> = BTreeMap::new();
    for step in 0..2_000u64 {
        let publisher = rng.random_range(0..40);
        let marker = bench.say(0, step * 10, publisher);
        let mut receivers: Vec<usize> = (0..40).collect();
        receivers.shuffle(&mut rng);
        for receiver in receivers {
            let seat = Some(bench.seats[0][receiver]);
            let now = step * 10 + 3;
            match rng.random_range(0..one_in * 4) {
                0 => truth.dropped += 1,
                1 => {
                    truth.duplicated += 1;
                    bench.arrive(seat, marker, now);
                    bench.arrive(seat, marker, now + 1);
                }
                2 => {
                    truth.misrouted += 1;
                    bench.arrive(seat, marker, now);
                    assert_eq!(bench.arrive(None, marker, now), Arrived::Misrouted);
                    let _ = outsider;
                }
                3 if !held.contains_key(&(receiver, publisher)) => {
                    held.insert((receiver, publisher), marker);
                    continue;
                }
                _ => drop(bench.arrive(seat, marker, now)),
            }
            if let Some(earlier) = held.remove(&(receiver, publisher)) {
                // The later one may itself have been dropped: then nothing was overtaken.
                let overtook = bench.ledger.seats.get(bench.seats[0][receiver]).unwrap().seen.contains(marker.index);
                truth.swapped += u64::from(overtook);
                bench.arrive(seat, earlier, now + 1);
            }
        }
        if step % 50 == 0 {
            bench.settle(step * 10);
        }
    }
    for ((receiver, _), marker) in held {
        bench.arrive(Some(bench.seats[0][receiver]), marker, 20_001);
    }
    (truth, bench)
}

#[test]
fn every_mistake_of_a_mutant_server_is_counted_exactly_over_twenty_seeds() {
    for seed in 0..20 {
        let (truth, mut bench) = mutant(seed, 1_000);
        let late = bench.book.of(Fact::Late);
        let [due, _, lost, excluded] = bench.finish();
        assert_eq!((due, lost, excluded), (80_000, truth.dropped + late, 0), "seed {seed}");
        let found = Truth {
            dropped: lost - late,
            duplicated: bench.book.of(Fact::Duplicate),
            swapped: bench.book.of(Fact::Reordered) + late,
            misrouted: bench.book.of(Fact::Misrouted),
        };
        assert!(truth.dropped > 0 && truth.duplicated > 0 && truth.misrouted > 0, "seed {seed} proves nothing");
        assert_eq!(found.dropped, truth.dropped, "seed {seed}");
        assert_eq!(found.duplicated, truth.duplicated, "seed {seed}");
        assert_eq!(found.misrouted, truth.misrouted, "seed {seed}");
        assert!(
            bench.book.of(Fact::Reordered) <= truth.swapped && truth.swapped <= bench.book.of(Fact::Reordered) + late,
            "seed {seed}"
        );
        assert_eq!(bench.book.of(Fact::Ghost) + bench.book.of(Fact::Unowed) + bench.book.of(Fact::Early), 0);
    }
}

#[test]
fn a_clean_server_is_never_accused() {
    for seed in 0..50u64 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut bench = Bench::new(&[20], true);
        for step in 0..300u64 {
            let marker = bench.say(0, step * 10, rng.random_range(0..20));
            // Receivers see different publishers in different order, which is no reordering.
            for seat in bench.seats[0].clone() {
                bench.arrive(Some(seat), marker, step * 10 + rng.next_u64() % 9);
            }
        }
        assert_eq!(bench.finish(), [6_000, 6_000, 0, 0]);
        let accusing =
            [Fact::Duplicate, Fact::Reordered, Fact::Misrouted, Fact::Ghost, Fact::Early, Fact::Late, Fact::Unowed];
        assert!(accusing.iter().all(|fact| bench.book.of(*fact) == 0), "seed {seed}");
    }
}

#[test]
fn rows_of_two_workers_add_up_to_one_publication() {
    let row = |delivered, first, last| Row {
        room: RoomId(0),
        index: 0,
        topic: TOPIC,
        counts: true,
        due_at: at(100),
        due: 2,
        delivered,
        lost: 0,
        refused: Vec::new(),
        first: at(first),
        last: at(last),
        by_hop: None,
    };
    struct Last(Vec<(Fact, u64)>);
    impl Observe for Last {
        fn observe(&mut self, o: &Observation) {
            self.0.push((o.fact, o.value));
        }
    }
    let (mut tally, mut seen) = (Tally::new(2), Last(Vec::new()));
    tally.add(row(2, 110, 120), &mut seen);
    assert!(seen.0.is_empty() && tally.pending() == 1);
    tally.add(row(2, 105, 115), &mut seen);
    assert_eq!(seen.0, [(Fact::Completion, 20_000_000), (Fact::Spread, 15_000_000)]);
}
