//! The life of a report: the only module that knows network, bridge, store and reputation.
