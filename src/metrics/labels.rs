//! Label keys, and the names behind the numbers that labels carry.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::observe::{GroupId, Labels, PublishId, RequestId, Stretch};
use crate::wire::InstanceTag;

/// The keys a metric's entries may be labelled with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[allow(missing_docs)] // named as they are spelled
pub enum LabelKey {
    Hop,
    To,
    From,
    Own,
    Group,
    Publish,
    Request,
    Instance,
    Stage,
    Class,
    Reason,
    Kind,
    Phase,
    Bystander,
}

impl LabelKey {
    /// Every key.
    pub const ALL: [LabelKey; 14] = [
        Self::Hop,
        Self::To,
        Self::From,
        Self::Own,
        Self::Group,
        Self::Publish,
        Self::Request,
        Self::Instance,
        Self::Stage,
        Self::Class,
        Self::Reason,
        Self::Kind,
        Self::Phase,
        Self::Bystander,
    ];

    /// The key as thresholds and results spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hop => "hop",
            Self::To => "to",
            Self::From => "from",
            Self::Own => "own",
            Self::Group => "group",
            Self::Publish => "publish",
            Self::Request => "request",
            Self::Instance => "instance",
            Self::Stage => "stage",
            Self::Class => "class",
            Self::Reason => "reason",
            Self::Kind => "kind",
            Self::Phase => "phase",
            Self::Bystander => "bystander",
        }
    }

    /// The key spelled `name`.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }
}

/// The names of a run's groups, publish and request entries and instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// By [`GroupId`].
    pub groups: Vec<String>,
    /// By [`PublishId`].
    pub publishes: Vec<String>,
    /// By [`RequestId`].
    pub requests: Vec<String>,
    /// As the server named them.
    pub instances: BTreeMap<InstanceTag, String>,
    /// Faults and incidents, in the order of their instants.
    pub incidents: Vec<String>,
}

impl Names {
    /// The value of label `key`, if `labels` carry it.
    pub fn value(&self, labels: &Labels, key: LabelKey) -> Option<Cow<'_, str>> {
        match key {
            LabelKey::Hop => labels.hop.map(|hop| hop.name().into()),
            LabelKey::To => labels.to.map(|kind| kind.name().into()),
            LabelKey::From => labels.from.map(|kind| kind.name().into()),
            LabelKey::Own => labels.own.map(|own| if own { "yes" } else { "no" }.into()),
            LabelKey::Group => labels.group.map(|GroupId(at)| name_at(&self.groups, at)),
            LabelKey::Publish => labels.publish.map(|PublishId(at)| name_at(&self.publishes, at)),
            LabelKey::Request => labels.request.map(|RequestId(at)| name_at(&self.requests, at)),
            LabelKey::Instance => labels.instance.map(|tag| self.instance(tag)),
            LabelKey::Stage => labels.stage.map(|word| word.name()),
            LabelKey::Phase => labels.phase.map(|stretch| self.stretch(stretch).into()),
            LabelKey::Bystander => labels.bystander.map(|bystander| if bystander { "yes" } else { "no" }.into()),
            LabelKey::Class | LabelKey::Reason | LabelKey::Kind => labels.detail.map(|word| word.name()),
        }
    }

    /// A stretch as labels spell it: `before`, `during:NAME`, `after:NAME`.
    pub fn stretch(&self, stretch: Stretch) -> String {
        let name = |incident: u16| self.incidents.get(usize::from(incident)).map_or("?", String::as_str);
        match stretch.incident() {
            None => "before".to_owned(),
            Some((incident, true)) => format!("during:{}", name(incident)),
            Some((incident, false)) => format!("after:{}", name(incident)),
        }
    }

    /// The name of an instance; `unknown` when the server did not say.
    pub fn instance(&self, tag: InstanceTag) -> Cow<'_, str> {
        match self.instances.get(&tag) {
            Some(name) => name.as_str().into(),
            None if tag == InstanceTag::UNKNOWN => "unknown".into(),
            None => format!("{:08x}", tag.0).into(),
        }
    }
}

fn name_at(names: &[String], at: u16) -> Cow<'_, str> {
    names.get(usize::from(at)).map_or_else(|| format!("#{at}").into(), |name| name.as_str().into())
}
