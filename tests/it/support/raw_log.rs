//! A raw log as somebody else reads it: the identity recomputed from its lines alone, by the rules and not by the ledger.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::Value;

use super::report::{Report, embedded};

/// A client and a room.
pub(crate) type Seat = (u64, u64);

/// A room and the place of a publication in it.
pub(crate) type Message = (u64, u64);

/// What the lines say, sorted by subject.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) axis: Value,
    pub(crate) closed: u64,
    /// From when until when the plan has a client in a room, on the machine's clock.
    pub(crate) members: HashMap<Seat, (u64, Option<u64>)>,
    pub(crate) publications: HashMap<Message, Publication>,
    pub(crate) arrivals: HashMap<(u64, Message), Vec<(u64, bool)>>,
    pub(crate) joined: HashMap<Seat, Vec<u64>>,
    pub(crate) down: HashMap<u64, Vec<u64>>,
}

/// What became of a publication at its talker.
pub(crate) struct Publication {
    pub(crate) publisher: u64,
    pub(crate) due: u64,
    pub(crate) echo: bool,
    pub(crate) sent: Option<u64>,
    pub(crate) refused: bool,
    pub(crate) uncertain: bool,
    pub(crate) named: bool,
}

impl Log {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut log =
            Self { axis: lines.iter().find(|line| line["what"] == "axis").unwrap().clone(), ..Self::default() };
        lines.iter().for_each(|line| log.add(line));
        log.joined.values_mut().for_each(|times| times.sort_unstable());
        log
    }

    fn add(&mut self, line: &Value) {
        let number = |key: &str| line[key].as_u64().unwrap_or_else(|| panic!("no {key} in {line}"));
        let t0 = self.axis["t0"].as_u64().unwrap();
        match line["what"].as_str().unwrap() {
            "axis" => {}
            "closed" => self.closed = self.closed.max(number("at")),
            "member" => {
                let until = line["until"].as_u64().map(|until| t0 + until);
                let twice = self.members.insert((number("client"), number("room")), (t0 + number("from"), until));
                assert!(twice.is_none(), "one life, one membership: {line}");
            }
            "publication" => {
                let publication = Publication {
                    publisher: number("publisher"),
                    due: number("due"),
                    echo: line["echo"] == true,
                    sent: line["sent"].as_u64(),
                    refused: false,
                    uncertain: false,
                    named: false,
                };
                assert_eq!(publication.sent.is_none(), line["unsent"].is_string(), "{line}");
                self.publications.insert((number("room"), number("index")), publication);
            }
            "arrival" => {
                let pair = (number("client"), (number("room"), number("index")));
                self.arrivals.entry(pair).or_default().push((number("at"), line["replayed"] == true));
            }
            "joined" => self.joined.entry((number("client"), number("room"))).or_default().push(number("at")),
            "lost" => self.down.entry(number("client")).or_default().push(number("at")),
            "left" => {}
            fate @ ("refused" | "uncertain" | "named") => {
                let publication = self.publications.get_mut(&(number("room"), number("index"))).unwrap();
                let flag = match fate {
                    "refused" => &mut publication.refused,
                    "uncertain" => &mut publication.uncertain,
                    _ => &mut publication.named,
                };
                *flag = true;
            }
            other => panic!("what is a {other}?"),
        }
    }

    fn rule(&self, name: &str) -> u64 {
        self.axis[name].as_u64().unwrap()
    }

    /// Whether it was due in the measured phase.
    pub(crate) fn is_measured(&self, publication: &Publication) -> bool {
        (self.rule("measured_from")..self.rule("measured_until")).contains(&publication.due)
    }

    /// Who is owed a copy.
    pub(crate) fn owed(&self, room: u64, publication: &Publication) -> Vec<u64> {
        let there = |(from, until): &(u64, Option<u64>)| {
            *from <= publication.due && until.is_none_or(|until| publication.due < until)
        };
        let hears = |client: u64| publication.echo || client != publication.publisher;
        let members = self.members.iter().filter(|((client, of), span)| *of == room && there(span) && hears(*client));
        members.map(|((client, _), _)| *client).collect()
    }

    /// Why a copy of what was said at `sent` is missing: whether it is lost, and of which class or reason.
    fn missing(&self, seat: Seat, index: u64, sent: u64) -> (bool, &'static str) {
        let acks = self.joined.get(&seat).map_or(&[][..], Vec::as_slice);
        match acks.first() {
            None => return (false, "never_joined"),
            Some(acked) if *acked > sent => return (false, "join_race"),
            Some(_) => {}
        }
        let race = sent + self.rule("race");
        let downs = self.down.get(&seat.0).map_or(&[][..], Vec::as_slice);
        // Down from the loss to the next acknowledged join; a loss while down is the same outage.
        let back = |from: u64| acks.iter().find(|at| **at >= from).copied();
        let is_down =
            |from: u64, to: u64| downs.iter().any(|down| *down <= to && back(*down).is_none_or(|at| at >= from));
        if is_down(sent, sent) {
            return (true, "reconnect_gap");
        }
        if self.members[&seat].1.is_some_and(|until| until <= race) {
            return (false, "leave_race");
        }
        // Later than that a loss took it only if it was still on its way.
        let next = downs.iter().copied().filter(|down| *down > race).min();
        let took = next.is_some_and(|down| !self.overtaken(seat, index, sent, down));
        (true, if is_down(sent, race) || took { "reconnect_gap" } else { "steady" })
    }

    /// Whether something that the same talker said after `sent` had come by `at`.
    fn overtaken(&self, (client, room): Seat, index: u64, sent: u64, at: u64) -> bool {
        let publisher = self.publications[&(room, index)].publisher;
        let mut later =
            self.publications.iter().filter(|((of, _), p)| *of == room && p.publisher == publisher && p.due > sent);
        later.any(|(message, _)| {
            let copies = self.arrivals.get(&(client, *message));
            copies.is_some_and(|copies| copies.iter().any(|(came, _)| *came <= at))
        })
    }

    pub(crate) fn recount(&self) -> Counts {
        let mut counts = Counts::default();
        for ((room, index), publication) in self.publications.iter().filter(|(_, p)| self.is_measured(p)) {
            counts.scheduled += 1;
            let Some(sent) = publication.sent else { continue };
            let window = self.closed.min(publication.due + self.rule("settle"));
            let owed = self.owed(*room, publication);
            let pair = |client: &u64| self.arrivals.get(&(*client, (*room, *index)));
            let came =
                |client: &u64| pair(client).and_then(|copies| copies.iter().min().filter(|(at, _)| *at <= window));
            let nobody = !owed.iter().any(|client| came(client).is_some());
            counts.due += owed.len() as u64;
            for client in &owed {
                counts.copies += pair(client).map_or(0, |copies| copies.len() as u64);
                if let Some((at, replayed)) = came(client) {
                    counts.delivered += 1;
                    if *replayed {
                        counts.replayed += 1
                    } else {
                        counts.latencies.push(at - publication.due)
                    }
                    continue;
                }
                let (lost, why) = match self.missing((*client, *room), *index, sent) {
                    _ if publication.uncertain => (false, "unknown"),
                    _ if self.axis["needs_name"] == true && !publication.named && !publication.refused => {
                        (false, "unknown")
                    }
                    (true, _) if publication.refused => (!nobody, if nobody { "refused" } else { "steady" }),
                    fate => fate,
                };
                *counts.missing.entry((lost, why)).or_default() += 1;
            }
        }
        counts.latencies.sort_unstable();
        counts
    }
}

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) scheduled: u64,
    pub(crate) due: u64,
    pub(crate) delivered: u64,
    pub(crate) replayed: u64,
    /// Of owed pairs, further ones included.
    pub(crate) copies: u64,
    pub(crate) missing: BTreeMap<(bool, &'static str), u64>,
    pub(crate) latencies: Vec<u64>,
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { scheduled, due, delivered, replayed, copies, missing, .. } = self;
        write!(
            f,
            "scheduled {scheduled} due {due} delivered {delivered} replayed {replayed} copies {copies} {missing:?}"
        )
    }
}

/// A run's two files, compared in every number both of them tell.
pub(crate) fn compare(raw: &Path, report: &Report) -> Counts {
    let counts = Log::read(raw).recount();
    let of = |lost: bool| counts.missing.iter().filter(|((l, _), _)| *l == lost).map(|(_, n)| *n).sum::<u64>();
    let [due, delivered, lost, excluded] = report.identity();
    let told =
        (report.count("messages.scheduled"), due, delivered, lost, excluded, report.count("deliveries.replayed"));
    let ours = (counts.scheduled, counts.due, counts.delivered, of(true), of(false), counts.replayed);
    assert_eq!(
        told, ours,
        "(scheduled, due, delivered, lost, excluded, replayed) told and recomputed; {:?}",
        counts.missing
    );
    for ((lost, why), number) in &counts.missing {
        let (name, key) = if *lost { ("deliveries.lost", "class") } else { ("deliveries.excluded", "reason") };
        assert_eq!(report.counted(name, &[(key, why)]), *number, "{name}{{{key}={why}}}");
    }
    assert_eq!(counts.copies - counts.delivered, report.count("deliveries.duplicate"), "duplicates");
    percentiles(&counts.latencies, report);
    counts
}

/// The merged histogram against an exact sort.
fn percentiles(sorted: &[u64], report: &Report) {
    let told = report.histogram("delivery");
    assert_eq!(told["count"], sorted.len());
    assert_eq!((told["min"].as_u64(), told["max"].as_u64()), (sorted.first().copied(), sorted.last().copied()));
    let histogram = embedded(told);
    for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99_9", 0.999)] {
        let exact = sorted[((quantile * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len()) - 1];
        let value = told[name].as_u64().unwrap();
        let allowed = (exact / 1_000).max(histogram.equivalent_range(exact));
        assert!(value.abs_diff(exact) <= allowed, "{name}: {value} told, {exact} by sorting");
    }
}
