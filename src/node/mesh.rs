//! The signed logs: ours, in which everything stands before anybody gets it, and those of others.
