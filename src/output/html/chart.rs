//! A chart as SVG that needs no script, and the values behind it for the script that shows them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::axis::Axis;
use crate::output::markup::xml;

/// The drawing's size; it is scaled to the page.
const SIZE: (f64, f64) = (520.0, 250.0);
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 26.0;

/// What is drawn.
pub(super) struct Chart {
    pub(super) title: String,
    /// What the axes mean.
    pub(super) caption: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// Places along `x` and what they are called.
    pub(super) places: Vec<(f64, String)>,
    pub(super) series: Vec<Series>,
    pub(super) shape: Shape,
    /// Stretches of `x` that are shaded, with a name.
    pub(super) bands: Vec<(f64, f64, String)>,
    /// Places of `x` that are marked, with a name.
    pub(super) marks: Vec<(f64, String)>,
}

/// Values of one kind, one per place of the chart.
pub(super) struct Series {
    pub(super) name: String,
    /// Its colour, as a number.
    pub(super) colour: usize,
    /// The value and how it is shown.
    pub(super) values: Vec<Option<(f64, String)>>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Shape {
    Lines,
    Bars,
}

impl Chart {
    /// The whole figure; nothing if there is nothing to draw.
    pub(super) fn figure(&self) -> String {
        if self.series.iter().all(|series| series.values.iter().all(Option::is_none)) {
            return String::new();
        }
        let mut text =
            format!("<figure>\n<h3>{}</h3>\n<figcaption>{}</figcaption>\n", xml(&self.title), xml(&self.caption));
        if self.series.len() > 1 {
            let entry =
                |series: &Series| format!("<span class=\"c{}\"><i></i>{}</span>", series.colour, xml(&series.name));
            let legend: String = self.series.iter().map(entry).collect();
            text.push_str(&format!("<div class=\"legend\">{legend}</div>\n"));
        }
        text.push_str(&self.svg());
        text.push_str(&format!("<script type=\"application/json\">{}</script>\n</figure>\n", embedded(&self.data())));
        text
    }

    fn svg(&self) -> String {
        let (width, height) = SIZE;
        let label = xml(&self.title);
        let mut svg = format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\">\n");
        svg.push_str(&self.bands());
        svg.push_str(&self.axes());
        for series in &self.series {
            svg.push_str(&match self.shape {
                Shape::Lines => self.line(series),
                Shape::Bars => self.bars(series),
            });
        }
        svg.push_str(&self.marks());
        let bottom = height - BOTTOM;
        svg.push_str(&format!("<line class=\"cursor\" x1=\"0\" x2=\"0\" y1=\"{TOP}\" y2=\"{bottom}\"/>\n</svg>\n"));
        svg
    }

    fn axes(&self) -> String {
        let (width, height) = SIZE;
        let mut svg = String::new();
        for (at, label) in &self.y.ticks {
            let y = self.down(*at);
            let (right, label) = (width - RIGHT, xml(label));
            svg.push_str(&format!("<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"));
            let (x, y) = (LEFT - 6.0, y + 4.0);
            svg.push_str(&format!("<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{label}</text>\n"));
        }
        let bottom = height - BOTTOM;
        svg.push_str(&format!(
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{bottom}\" y2=\"{bottom}\"/>",
            width - RIGHT
        ));
        for (at, label) in &self.x.ticks {
            let (x, y) = (self.across(*at), height - 8.0);
            let (tick, label) = (bottom + 4.0, xml(label));
            let anchor = if x > width - RIGHT - 12.0 { "end" } else { "middle" };
            svg.push_str(&format!("<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom}\" y2=\"{tick}\"/>"));
            svg.push_str(&format!("<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{label}</text>\n"));
        }
        svg
    }

    fn line(&self, series: &Series) -> String {
        let mut path = String::new();
        let mut svg = String::new();
        let mut pen = 'M';
        for (at, (place, _)) in self.places.iter().enumerate() {
            let Some((value, _)) = series.values.get(at).and_then(Option::as_ref) else {
                pen = 'M';
                continue;
            };
            let (x, y) = (self.across(*place), self.down(*value));
            // A lone value between two gaps would be a line without length.
            let next = series.values.get(at + 1).is_some_and(Option::is_some);
            if pen == 'M' && !next {
                svg.push_str(&format!(
                    "<circle class=\"dot c{}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>\n",
                    series.colour
                ));
            }
            write!(path, "{pen}{x:.1} {y:.1}").unwrap_or_default();
            pen = 'L';
        }
        format!("<path class=\"line c{}\" d=\"{path}\"/>\n{svg}", series.colour)
    }

    fn bars(&self, series: &Series) -> String {
        let each = (SIZE.0 - LEFT - RIGHT) / self.places.len().max(1) as f64;
        let wide = (each - if each > 4.0 { 1.0 } else { 0.0 }).max(0.5);
        let bottom = SIZE.1 - BOTTOM;
        let mut svg = String::new();
        for (at, value) in series.values.iter().enumerate() {
            let Some((value, _)) = value.as_ref().filter(|(value, _)| *value > 0.0) else { continue };
            let (x, y) = (LEFT + each * at as f64, self.down(*value));
            let tall = bottom - y;
            svg.push_str(&format!(
                "<rect class=\"bar c{}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{tall:.1}\"/>\n",
                series.colour
            ));
        }
        svg
    }

    fn bands(&self) -> String {
        let band = |(from, until, name): &(f64, f64, String)| {
            let (left, right) = (self.across(*from), self.across(*until));
            let (tall, wide) = (SIZE.1 - BOTTOM - TOP, (right - left).max(2.0));
            format!(
                "<rect class=\"band\" x=\"{left:.1}\" y=\"{TOP}\" width=\"{wide:.1}\" height=\"{tall:.1}\"/>\
                 <text x=\"{left:.1}\" y=\"{}\">{}</text>\n",
                TOP - 4.0,
                xml(name)
            )
        };
        self.bands.iter().map(band).collect()
    }

    /// Names stand one below the other, so that close marks can be read.
    fn marks(&self) -> String {
        let mark = |(row, (at, name)): (usize, &(f64, String))| {
            let (x, bottom) = (self.across(*at), SIZE.1 - BOTTOM);
            let late = x > SIZE.0 * 0.7;
            let (anchor, text) = if late { ("end", x - 4.0) } else { ("start", x + 4.0) };
            let (y, name) = (TOP + 12.0 + 15.0 * row as f64, xml(name));
            format!(
                "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
                 <text class=\"over\" x=\"{text:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{name}</text>\n"
            )
        };
        self.marks.iter().enumerate().map(mark).collect()
    }

    /// What the script shows: for each place of the drawing its name and the values there.
    fn data(&self) -> Value {
        let each = (SIZE.0 - LEFT - RIGHT) / self.places.len().max(1) as f64;
        let at = |(number, (place, _)): (usize, &(f64, String))| match self.shape {
            Shape::Lines => self.across(*place),
            Shape::Bars => LEFT + each * (number as f64 + 0.5),
        };
        let tenth = |place: f64| (place * 10.0).round() / 10.0;
        let places: Vec<f64> = self.places.iter().enumerate().map(at).map(tenth).collect();
        let heads: Vec<&str> = self.places.iter().map(|(_, name)| name.as_str()).collect();
        let series = |series: &Series| {
            let shown: Vec<Option<&str>> =
                series.values.iter().map(|value| value.as_ref().map(|(_, shown)| shown.as_str())).collect();
            json!({ "name": series.name, "colour": format!("c{}", series.colour), "text": shown })
        };
        json!({ "at": places, "head": heads, "series": self.series.iter().map(series).collect::<Vec<_>>() })
    }

    fn across(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (SIZE.0 - LEFT - RIGHT)
    }

    fn down(&self, value: f64) -> f64 {
        SIZE.1 - BOTTOM - self.y.place(value) * (SIZE.1 - BOTTOM - TOP)
    }
}

/// JSON inside a page: nothing in it can end the element or begin a comment.
fn embedded(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}
