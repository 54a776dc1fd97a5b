//! config.toml, config.d, environment and flags become one checked Config.
