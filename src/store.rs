//! SQLite: the only module that knows sqlx.
