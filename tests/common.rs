//! Parts that several test files share: a real Redis server.

#[path = "common/redis.rs"]
pub mod redis;
