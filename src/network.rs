//! The swarm: who is connected, what they hand over, and how to reach them.
//!
//! Users hold a [`Handle`] and read [`Event`]s and [`Line`]s; libp2p does not show through.
