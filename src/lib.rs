//! wsbench
