//! `[[publish]]`: who says what how often to whom.

use std::time::Duration;

use super::rooms::Rooms;
use super::{Check, Checked};
use crate::dialect::Dialect;
use crate::observe::{GroupId, TransportKind};
use crate::profile::Spacing;
use crate::scenario::file::{self, Arrival, Course, Every, File, Lengths, RatePoint, RateText, WordOr};
use crate::scenario::plan::LARGEST_PAYLOAD;
use crate::scenario::{Cadence, Group, Population, Publish, Target, Text, Times, To};
use crate::wire::MARKER_LEN;

/// How often something is due, as it was written.
pub(super) struct Pace<'f> {
    pub(super) rate: Option<&'f Course<RateText, RatePoint>>,
    pub(super) ramp: Option<bool>,
    pub(super) every: Option<Every>,
    pub(super) arrival: Option<Arrival>,
}

impl Check<'_> {
    pub(super) fn publishes(
        &self,
        file: &File,
        times: &Times,
        target: &Target,
        (groups, rooms): (&[Group], &Rooms),
    ) -> Checked<Vec<Publish>> {
        let dialect = self.dialect(target)?;
        self.different_names("publish", file.publish.iter().map(|publish| publish.name.as_str()))?;
        let streams = file.publish.iter().enumerate();
        let streams = streams.map(|(at, publish)| self.publish(at, publish, times, &*dialect, (groups, rooms)));
        let mut streams = streams.collect::<Checked<Vec<Publish>>>()?;
        if let Some(wanted) = self.overrides.rate {
            self.scale_rates(&mut streams, wanted.get(), times, groups)?;
        }
        self.fitting(&*dialect, file, (groups, rooms), &streams)?;
        self.countable(&streams, times, groups)?;
        Ok(streams)
    }

    fn publish(
        &self,
        at: usize,
        publish: &file::Publish,
        times: &Times,
        dialect: &dyn Dialect,
        (groups, rooms): (&[Group], &Rooms),
    ) -> Checked<Publish> {
        let place = |key: &str| format!("publish.{at}.{key}");
        if publish.via.is_some() {
            return Err(self.not_built(&place("via"), "`via`"));
        }
        let Some(from) = groups.iter().position(|group| group.name == publish.from) else {
            let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
            return Err(self.unknown(&place("from"), "group of clients", &publish.from, &names));
        };
        let group = &groups[from];
        if group.rooms.is_empty() && !matches!(publish.to, Some(WordOr::Table(_))) {
            let message = format!("`{}` cannot speak: its clients are in no room", group.name);
            let help = format!("give `{}` `rooms`, for example `rooms = {{ count = 10 }}`", group.name);
            return Err(self.wrong(&place("from"), message).with_help(help));
        }
        let (rate, ramp, every, arrival) = (publish.rate.as_ref(), publish.ramp, publish.every, publish.arrival);
        let paced = self.cadence(&format!("publish.{at}"), &Pace { rate, ramp, every, arrival }, times)?;
        let Some((rate, spacing)) = paced else {
            let help = "write `rate = \"100/s\"` for all talkers together, or `every = \"20s..60s\"` for each";
            let message = format!("how often `{}` speaks is not said", publish.name);
            return Err(self.wrong(&format!("publish.{at}"), message).with_help(help.to_owned()));
        };
        Ok(Publish {
            name: publish.name.clone(),
            from: GroupId(from as u16),
            rate,
            spacing,
            to: self.to(&place("to"), publish, group, (groups, rooms))?,
            text: self.text(at, publish)?,
            message: self.saying(at, publish, dialect, group)?,
            echo: publish.echo.unwrap_or(dialect.habits().sender_hears_itself),
        })
    }

    /// How often the entry at `path` is due, and how that is spaced; nothing if it does not say.
    pub(super) fn cadence(&self, path: &str, pace: &Pace<'_>, times: &Times) -> Checked<Option<(Cadence, Spacing)>> {
        let place = |key: &str| format!("{path}.{key}");
        let spacing = pace.arrival.map_or(Spacing::Constant, |arrival| arrival.0);
        match (pace.rate, pace.every) {
            (Some(_), Some(_)) => Err(self.wrong(&place("every"), "`rate` and `every` exclude each other")),
            (None, None) => Ok(None),
            (None, Some(every)) => {
                if pace.arrival.is_some() {
                    let message = "`arrival` goes with `rate`; with `every` each client has its own pace";
                    return Err(self.wrong(&place("arrival"), message));
                }
                Ok(Some((Cadence::Think(every.0.0, every.0.1), spacing)))
            }
            (Some(rate), None) => {
                if pace.ramp.is_some() && matches!(rate, Course::Always(_)) {
                    return Err(self.wrong(&place("ramp"), "`ramp` joins the points of a rate; this one has none"));
                }
                let joined = pace.ramp.unwrap_or(false);
                let shape = self.rate_shape(&place("rate"), rate, joined, times.warm_up)?;
                Ok(Some((Cadence::Total(shape), spacing)))
            }
        }
    }

    fn to(
        &self,
        place: &str,
        publish: &file::Publish,
        group: &Group,
        (groups, rooms): (&[Group], &Rooms),
    ) -> Checked<To> {
        let name = match &publish.to {
            None => return Ok(To::Rooms),
            Some(WordOr::Table(to)) => return self.user_of(place, &to.user_of, group, groups),
            Some(WordOr::Word(word)) if word == "rooms" => return Ok(To::Rooms),
            Some(WordOr::Word(word)) if word == "by-size" => return Ok(To::BySize),
            Some(WordOr::Word(word)) => word,
        };
        let Some(room) = rooms.id(name) else {
            let known: Vec<&str> = rooms.names.iter().take(1_000).map(String::as_str).collect();
            let near = super::super::nearest(name, known.iter().copied()).unwrap_or("rooms");
            let help = format!("did you mean `{near}`?");
            return Err(self.wrong(place, format!("no room is called `{name}`")).with_help(help));
        };
        if group.rooms.iter().any(|set| set.rooms.contains(&room)) {
            return Ok(To::Room(room));
        }
        Err(self.wrong(place, format!("no client of `{}` is in the room `{name}`", group.name)))
    }

    /// Users are notified by request, wherever they have a socket or a stream.
    fn user_of(&self, place: &str, name: &str, from: &Group, groups: &[Group]) -> Checked<To> {
        let place = format!("{place}.user_of");
        let Some(at) = groups.iter().position(|group| group.name == name) else {
            let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
            return Err(self.unknown(&place, "group of clients", name, &names));
        };
        if groups[at].transports.iter().any(|(kind, _)| *kind == TransportKind::LongPoll) {
            let message = format!("clients of `{name}` poll rooms: they hear nothing that is for their user alone");
            return Err(self.wrong(&place, message).with_help("let them connect by websocket or sse".to_owned()));
        }
        if from.transports.iter().any(|(kind, _)| *kind == TransportKind::WebSocket) {
            let message = format!("a user is notified over HTTP, and `{}` speaks over sockets", from.name);
            let help = format!("write `transport = \"longpoll\"` for `{}`; without rooms it polls nothing", from.name);
            return Err(self.wrong(&place, message).with_help(help));
        }
        Ok(To::UserOf(GroupId(at as u16)))
    }

    fn text(&self, at: usize, publish: &file::Publish) -> Checked<Text> {
        let place = |key: &str| format!("publish.{at}.{key}");
        let (length, at) = match (&publish.size, &publish.text) {
            (Some(_), Some(_)) => return Err(self.wrong(&place("text"), "`size` and `text` exclude each other")),
            (None, None) => return Ok(Text::Size(128)),
            (Some(size), None) => (Lengths::Fixed(size.0.0), place("size")),
            (None, Some(text)) => match (&text.size, &text.file) {
                (Some(size), None) => (size.0, place("text.size")),
                (None, Some(name)) => {
                    let lines = file::lines(self.source, name);
                    let lines = lines.map_err(|message| self.wrong(&place("text.file"), message))?;
                    return Ok(Text::Corpus(lines.into()));
                }
                _ => return Err(self.wrong(&place("text"), "write one of `size` and `file`")),
            },
        };
        let bytes = match length {
            Lengths::Fixed(size) => size,
            Lengths::LogNormal { median, .. } => median,
        };
        if bytes < MARKER_LEN as u64 {
            let message = format!("{bytes} bytes are too few: the marker alone takes {MARKER_LEN}");
            let help = format!("write \"{MARKER_LEN}B\" or more");
            return Err(self.wrong(&at, message).with_help(help));
        }
        if bytes > u64::from(LARGEST_PAYLOAD) {
            return Err(self.wrong(&at, "a payload may have 16MiB at most"));
        }
        Ok(match length {
            Lengths::Fixed(size) => Text::Size(size as u32),
            Lengths::LogNormal { median, sigma } => Text::LogNormal { median: median as u32, sigma },
        })
    }

    /// Makes all streams together have `wanted` publications per second over the measured phase.
    fn scale_rates(&self, streams: &mut [Publish], wanted: f64, times: &Times, groups: &[Group]) -> Checked<()> {
        let flag = |message: &str| super::Diagnostic::without_place("-r", message);
        let total: f64 = streams.iter().map(|stream| mean_rate(stream, times, groups)).sum();
        if total <= 0.0 {
            return Err(flag("nothing is published in the measured phase of this scenario"));
        }
        if wanted <= 0.0 {
            return Err(flag("the rate must be above zero"));
        }
        let factor = wanted / total;
        let slower =
            |pause: Duration| Duration::try_from_secs_f64(pause.as_secs_f64() / factor).unwrap_or(Duration::MAX);
        for stream in streams {
            stream.rate = match &stream.rate {
                Cadence::Total(shape) => Cadence::Total(shape.scaled(factor)),
                Cadence::Think(least, most) => Cadence::Think(slower(*least), slower(*most)),
            };
        }
        Ok(())
    }

    /// A marker numbers the publications of a room in 32 bits.
    fn countable(&self, streams: &[Publish], times: &Times, groups: &[Group]) -> Checked<()> {
        let count = |stream: &Publish| match &stream.rate {
            Cadence::Total(shape) => shape.total(times.published()),
            Cadence::Think(..) => mean_rate(stream, times, groups) * times.published().as_secs_f64(),
        };
        let too_many = streams.iter().position(|stream| count(stream) * 1.01 > f64::from(u32::MAX));
        let Some(at) = too_many else { return Ok(()) };
        let key = if matches!(streams[at].rate, Cadence::Total(_)) { "rate" } else { "every" };
        let message = "these are more publications than can be numbered";
        match self.overrides.rate {
            Some(_) => Err(super::Diagnostic::without_place("-r", message)),
            None => Err(self.wrong(&format!("publish.{at}.{key}"), message)),
        }
    }
}

/// Publications per second of a stream over the measured phase.
fn mean_rate(publish: &Publish, times: &Times, groups: &[Group]) -> f64 {
    match &publish.rate {
        Cadence::Total(shape) => {
            (shape.total(times.published()) - shape.total(times.warm_up)) / times.duration.as_secs_f64()
        }
        Cadence::Think(least, most) => {
            let talkers = match &groups[usize::from(publish.from.0)].population {
                Population::Ramp { count, .. } => f64::from(*count),
                Population::Steps(points) => points.iter().map(|(_, n)| f64::from(*n)).fold(0.0, f64::max),
                Population::Arrive { rate, .. } => rate.total(times.published()),
            };
            talkers * 2.0 / (*least + *most).as_secs_f64()
        }
    }
}
