//! What the pigeon's flags mean in terms of the config.

use std::path::Path;

use super::Flags;

/// A setting of the config that flags make: dotted key, value, the flag as it is typed.
pub type Setting = (&'static str, String, &'static str);

/// What the flags mean in terms of the config.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// From the pigeon's own defaults: below files and environment.
    pub presets: Vec<Setting>,
    /// From flags that were given: above everything.
    pub given: Vec<Setting>,
}

impl Flags {
    /// The settings these flags mean. Without a key file there is no database here either: the one who
    /// runs the program gives it a place for this run.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let suffix = if self.rename_with_port {
            self.port.to_string()
        } else {
            String::new()
        };
        let mut settings = Settings::default();
        let mut put = |key, value: String, flags: &[&str], typed| {
            let given = flags.iter().any(|flag| self.given.contains(flag));
            let place = if given {
                &mut settings.given
            } else {
                &mut settings.presets
            };
            place.push((key, value, typed));
        };
        let listen = format!("/ip4/{}/tcp/{}", self.host, self.port);
        put(
            "network.listen",
            listen,
            &["host", "port"],
            "-host with -port",
        );
        put("network.protocol", self.pid.clone(), &["pid"], "-pid");
        put(
            "network.rendezvous",
            self.rendezvous.clone(),
            &["rendezvous"],
            "-rendezvous",
        );
        put("redis.url", self.redis_url(), &["redis-db"], "-redis-db");
        // Slips has its cache there whatever server it uses itself (contract 2.3).
        put(
            "redis.cache_url",
            "redis://127.0.0.1:6379/1".into(),
            &[],
            "",
        );
        let renamed = |name: &str| format!("{name}{suffix}");
        let (pygo, gopy) = (
            renamed(&self.redis_channel_pygo),
            renamed(&self.redis_channel_gopy),
        );
        put(
            "redis.from_slips",
            pygo,
            &["redis-channel-pygo", "rename-with-port"],
            "-redis-channel-pygo",
        );
        put(
            "redis.to_slips",
            gopy,
            &["redis-channel-gopy", "rename-with-port"],
            "-redis-channel-gopy",
        );
        put("node.data_dir", ".".into(), &[], "");
        if self.key_file.is_empty() {
            put("node.key_file", String::new(), &["key-file"], "-key-file");
        } else {
            let database =
                Path::new(&self.key_file).with_file_name(format!("p2p4slips{suffix}.db"));
            put(
                "node.key_file",
                renamed(&self.key_file),
                &["key-file"],
                "-key-file",
            );
            put(
                "node.database",
                database.to_string_lossy().into_owned(),
                &[],
                "",
            );
        }
        settings
    }

    /// `host:port` as a URL; an empty host is this one, as in Go.
    fn redis_url(&self) -> String {
        match self.redis_db.as_str() {
            "" => "redis://localhost:6379/0".into(),
            place if place.starts_with(':') => format!("redis://localhost{place}/0"),
            place => format!("redis://{place}/0"),
        }
    }
}
