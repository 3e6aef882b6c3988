//! Who is charged with what, and when it is over.

use super::*;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_nanos(1_000_000_000_000 + millis * 1_000_000)
}

fn lost(kind: Word) -> Turn {
    let (instance, second) = (InstanceTag::UNKNOWN, Duration::from_secs(1));
    Turn::Lost(Parting { kind, instance, age: second, idle: second })
}

fn event(client: u32, millis: u64, what: Turn) -> ClientEvent {
    ClientEvent { client: ClientId(client), at: at(millis), what }
}

fn storm() -> Incidents {
    Incidents::declared([("storm".to_owned(), "cut".to_owned(), at(10_000), Duration::from_secs(1))])
}

#[test]
fn a_declared_fault_is_followed_until_everybody_is_back() {
    let mut incidents = storm();
    for client in 0..4 {
        assert_eq!(incidents.note(event(client, 10_005, lost(Word::RESET)), 1_000), None);
    }
    for (client, millis) in [(0, 10_250), (1, 10_260), (2, 10_900), (3, 12_000)] {
        incidents.note(event(client, millis, Turn::Tried), 1_000);
    }
    incidents.note(event(3, 12_010, Turn::Failed(Word::UPGRADE, Word::http(503))), 1_000);
    for (client, millis) in [(0, 10_300), (1, 10_310), (2, 11_000)] {
        incidents.note(event(client, millis, Turn::Back), 1_000);
    }
    assert_eq!(incidents.settle(at(12_500)), [], "one is still out");
    incidents.note(event(3, 14_000, Turn::Tried), 1_000);
    incidents.note(event(3, 14_100, Turn::Back), 1_000);
    assert_eq!(incidents.settle(at(14_150)), [(at(14_150), Stretch::after(0))]);
    let [storm] = &incidents.conclude(at(0), at(20_000))[..] else { panic!() };
    assert_eq!((storm.lost, storm.recovered, storm.never, storm.attempts), (4, 4, 0, 5));
    assert_eq!(storm.failures, [(Word::UPGRADE, Word::http(503), 1)]);
    assert_eq!((storm.herd[2], storm.herd[9], storm.herd[20]), (2, 1, 1));
    assert_eq!(storm.herd.iter().sum::<u32>(), 5);
    let millis = storm.back.map(|back| back.unwrap().as_millis());
    assert_eq!(millis, [310, 4_100, 4_100, 4_100]);
    assert_eq!((storm.at_ns, storm.until_ns), (10_000_000_000, 14_150_000_000));
}

#[test]
fn a_cut_that_is_not_noticed_yet_keeps_its_fault_open() {
    let mut incidents = storm();
    incidents.cut(ClientId(3), at(10_001));
    assert_eq!(incidents.settle(at(12_500)), []);
    incidents.note(event(3, 13_000, lost(Word::SILENT)), 1_000);
    assert_eq!(incidents.stretch_at(at(13_000)), Some(Stretch::during(0)));
    incidents.note(event(3, 13_100, Turn::Back), 1_000);
    assert_eq!(incidents.settle(at(13_200)), [(at(13_200), Stretch::after(0))]);
    let [storm] = &incidents.conclude(at(0), at(20_000))[..] else { panic!() };
    assert_eq!((storm.lost, storm.recovered), (1, 1));
}

#[test]
fn losses_nobody_declared_are_found_when_they_come_together() {
    let mut incidents = Incidents::declared([]);
    for client in 0..9 {
        assert_eq!(incidents.note(event(client, u64::from(client) * 2_000, lost(Word::EOF)), 200), None);
    }
    assert_eq!(incidents.note(event(20, 30_000, lost(Word::EOF)), 200), None);
    assert_eq!(incidents.note(event(21, 30_100, lost(Word::EOF)), 200), None);
    let found = incidents.note(event(22, 30_200, lost(Word::RESET)), 200);
    assert_eq!(found, Some((at(30_000), Stretch::during(0))));
    assert_eq!(incidents.names(), ["incident-1"]);
    incidents.note(event(23, 30_400, lost(Word::RESET)), 200);
    let [incident] = &incidents.conclude(at(0), at(60_000))[..] else { panic!() };
    assert_eq!((incident.lost, incident.never), (4, 4));
    assert_eq!(incident.causes, [(Word::EOF, 2), (Word::RESET, 2)]);
    assert_eq!(incident.back, [None; 4]);
}

#[test]
fn a_client_lost_again_belongs_to_the_later_incident() {
    let mut incidents = Incidents::declared([
        ("one".to_owned(), String::new(), at(1_000), Duration::from_secs(1)),
        ("two".to_owned(), String::new(), at(5_000), Duration::from_secs(1)),
    ]);
    incidents.note(event(0, 1_001, lost(Word::RESET)), 10);
    incidents.settle(at(5_001));
    incidents.note(event(0, 5_100, lost(Word::RESET)), 10);
    incidents.note(event(0, 6_000, Turn::Back), 10);
    let both = incidents.conclude(at(0), at(9_000));
    assert_eq!((both[0].lost, both[0].never), (1, 1));
    assert_eq!((both[1].lost, both[1].recovered), (1, 1));
    assert_eq!(both[0].until_ns, 5_000_000_000, "the next one ends it");
}
