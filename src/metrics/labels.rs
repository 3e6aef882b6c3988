//! Label keys, and the names behind the numbers that labels carry.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::observe::{GroupId, Labels, PublishId};
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
    Instance,
    Stage,
    Class,
    Reason,
    Kind,
}

impl LabelKey {
    /// Every key.
    pub const ALL: [LabelKey; 11] = [
        Self::Hop,
        Self::To,
        Self::From,
        Self::Own,
        Self::Group,
        Self::Publish,
        Self::Instance,
        Self::Stage,
        Self::Class,
        Self::Reason,
        Self::Kind,
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
            Self::Instance => "instance",
            Self::Stage => "stage",
            Self::Class => "class",
            Self::Reason => "reason",
            Self::Kind => "kind",
        }
    }

    /// The key spelled `name`.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }
}

/// The names of a run's groups, publish entries and instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// By [`GroupId`].
    pub groups: Vec<String>,
    /// By [`PublishId`].
    pub publishes: Vec<String>,
    /// As the server named them.
    pub instances: BTreeMap<InstanceTag, String>,
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
            LabelKey::Instance => labels.instance.map(|tag| self.instance(tag)),
            LabelKey::Stage => labels.stage.map(|word| word.name()),
            LabelKey::Class | LabelKey::Reason | LabelKey::Kind => labels.detail.map(|word| word.name()),
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
