//! Redis: what Slips says comes in, what is meant for Slips goes out.
