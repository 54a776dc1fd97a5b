//! Builds the tasks, watches them, stops them.
