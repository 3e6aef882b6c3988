//! The rooms of an instance: who wants them, how far their subscription is, and in which order messages, joins and gaps
//! reach the workers. Everything that must be in order happens under one lock, and nothing under it waits.

mod admission;
mod channel;
mod flow;
mod inbox;
mod look;
mod people;
mod presence;
mod recall;
mod registry;

pub(crate) use flow::public;
pub(crate) use inbox::{Entrance, Inbox, JoinRequest, Look, ToWorker};
pub(crate) use registry::Registry;
