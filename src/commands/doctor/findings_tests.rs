use super::*;
use crate::commands::doctor::Asked;

/// A machine nothing is wrong with.
fn sound() -> Facts {
    Facts {
        files: (1_024, 1_048_576),
        ports: Some((1_024, 65_535)),
        addresses: 1,
        somaxconn: Some(4_096),
        memory: Some(16 << 30),
        cores: 8,
        timer: (20_000, 100_000),
        clock_source: Some("tsc".to_owned()),
        stolen: Some(0.0),
        running: Some(0),
        redis: Some("redis-server"),
        ..Facts::default()
    }
}

/// What is doubted, with its remedy.
fn doubts(facts: &Facts) -> Vec<(&'static str, Option<String>)> {
    let doubted = facts.findings().into_iter().filter(|found| found.verdict != Verdict::Good);
    doubted.map(|found| (found.what, found.remedy)).collect()
}

#[test]
fn a_sound_machine_is_let_alone_and_each_defect_is_named_with_its_remedy() {
    assert_eq!(doubts(&sound()), []);
    let defects: [(&str, Facts, &str); 9] = [
        ("open files", Facts { files: (1_024, 20_000), ..sound() }, "ulimit -Hn"),
        ("local ports", Facts { ports: Some((32_768, 60_999)), ..sound() }, "ip_local_port_range"),
        ("listen backlog", Facts { somaxconn: Some(128), ..sound() }, "somaxconn=4096"),
        ("tracked connections", Facts { tracked: Some(65_536), ..sound() }, "nf_conntrack_max="),
        ("cores", Facts { quota: Some(1.5), ..sound() }, "CPUQuota="),
        ("timers", Facts { timer: (900_000, 2_000_000), ..sound() }, "ps -eo"),
        ("clock", Facts { clock_source: Some("hpet".to_owned()), ..sound() }, "current_clocksource"),
        ("others running", Facts { running: Some(8), ..sound() }, "ps -eo"),
        ("Redis", Facts { redis: None, ..sound() }, "apt-get install"),
    ];
    for (what, facts, remedy) in defects {
        let found = doubts(&facts);
        assert_eq!(found.iter().map(|doubt| doubt.0).collect::<Vec<_>>(), [what]);
        assert!(found[0].1.as_ref().is_some_and(|said| said.contains(remedy)), "{what}: {found:?}");
    }
}

#[test]
fn what_can_be_carried_follows_from_the_stated_costs() {
    let sound = sound();
    let capacity = sound.capacity();
    assert_eq!((capacity.idle_clients, capacity.bounded_by), (1_048_448, "open files"));
    // 12 GiB of 16 at 13.4 KiB; 6 core-seconds at 7.8 and at 16.2 microseconds.
    assert_eq!(capacity.idle_clients_with_server, 939_023);
    assert_eq!((capacity.deliveries_per_second, capacity.deliveries_per_second_with_server), (769_230, 370_370));
    let small = Facts { memory_allowed: Some(64 << 20), quota: Some(0.5), ..sound }.capacity();
    assert_eq!((small.bounded_by, small.deliveries_per_second), ("memory", 48_076));
}

#[test]
fn a_scenario_is_short_of_what_it_needs_and_of_nothing_else() {
    let asked = Asked {
        clients: 10_000,
        files: 10_128,
        others_files: 10_128,
        ports: Some(5_000),
        deliveries: 100_000.0,
        server_here: true,
    };
    let short = |facts: &Facts, asked: &Asked| -> Vec<&str> {
        let found = facts.carries(asked);
        found.iter().filter(|found| found.verdict == Verdict::Short).map(|found| found.what).collect()
    };
    assert_eq!(short(&sound(), &asked), [""; 0]);
    assert_eq!(short(&Facts { files: (1_024, 10_127), ..sound() }, &asked), ["its open files"]);
    let foreign = Asked { others_files: 0, ..asked.clone() };
    let found = Facts { files: (1_024, 4_128), ..sound() }.carries(&foreign);
    assert_eq!((found[0].what, found[0].verdict), ("its open files", Verdict::Look), "several processes can");
    assert!(found[0].remedy.as_ref().is_some_and(|said| said.ends_with("--processes 3")), "{found:?}");
    assert_eq!(short(&Facts { files: (1_024, 200), ..sound() }, &foreign), ["its open files"], "not even sixty-four");
    assert_eq!(short(&Facts { memory: Some(64 << 20), ..sound() }, &asked), ["its memory"]);
    assert_eq!(short(&Facts { cores: 2, ..sound() }, &asked), ["its CPU time"]);
    assert_eq!(short(&Facts { ports: Some((60_000, 60_999)), ..sound() }, &asked), ["its local ports"]);
}
