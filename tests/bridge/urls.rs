//! Every way to reach Redis: password, user, unix socket, TLS; and what is said when it does not work.

use slips_p2p::{
    bridge::{Settings, start},
    domain::Done,
};
use tokio_util::sync::CancellationToken;

use crate::{
    common::redis::{Options, RedisServer},
    kit::{Listener, Rig, Shelf, arriving, message, settings},
};

/// What people read when the bridge does not start.
async fn refused(settings: Settings) -> String {
    let bridge = start(
        settings,
        Shelf::default(),
        Done::default(),
        CancellationToken::new(),
    )
    .await;
    bridge.expect_err("it must not start").to_string()
}

/// Delivers one message through this URL.
async fn works(redis: &RedisServer, settings: Settings) {
    let slips = Listener::start(redis, &settings.to_slips).await;
    let rig = Rig::start(settings).await;
    rig.say([message(1)]);
    slips.until_heard(1).await;
    assert_eq!(slips.heard(), [arriving(1)]);
    assert_eq!(
        rig.bridge
            .slips_db
            .evaluation("192.0.2.1".parse().unwrap())
            .await,
        Ok(None)
    );
}

#[tokio::test]
async fn with_a_password_and_without_the_right_one() {
    let redis = RedisServer::with(Options {
        password: Some("hunter2".into()),
        ..Options::default()
    });
    works(&redis, settings(&redis)).await;
    let with = |userinfo: &str| Settings {
        url: format!("redis://{userinfo}127.0.0.1:{}/0", redis.port()),
        ..settings(&redis)
    };
    works(&redis, with("default:hunter2@")).await;
    for (wrong, remedy) in [
        ("", "put the password"),
        (":secret3@", "correct the user and password"),
    ] {
        let text = refused(with(wrong)).await;
        assert!(text.contains(remedy), "{text}");
        assert!(
            text.contains(&format!("127.0.0.1:{}", redis.port())),
            "{text}"
        );
        assert!(!text.contains("secret3"), "{text}");
    }
}

#[tokio::test]
async fn over_a_unix_socket() {
    let redis = RedisServer::with(Options {
        unix: true,
        ..Options::default()
    });
    for scheme in ["unix", "redis+unix"] {
        let url = format!("{scheme}://{}?db=0", redis.socket().display());
        works(
            &redis,
            Settings {
                url,
                ..settings(&redis)
            },
        )
        .await;
    }
    let gone = Settings {
        url: "unix:///nonexistent/redis.sock".into(),
        ..settings(&redis)
    };
    let text = refused(gone).await;
    assert!(
        text.contains("start redis-server") && text.contains("/nonexistent/redis.sock"),
        "{text}"
    );
}

#[tokio::test]
async fn where_nobody_listens_and_where_the_database_does_not_exist() {
    let mut redis = RedisServer::start();
    let url = redis.url_of(200);
    let text = refused(Settings {
        url,
        ..settings(&redis)
    })
    .await;
    assert!(text.contains("database number"), "{text}");
    redis.kill();
    let text = refused(settings(&redis)).await;
    assert!(
        text.contains("start redis-server") && text.contains("p2p_pygo"),
        "{text}"
    );
}

#[tokio::test]
async fn a_frozen_server_is_said_at_the_start() {
    let redis = RedisServer::start();
    redis.freeze();
    let text = refused(settings(&redis)).await;
    assert!(text.contains("does not answer"), "{text}");
    redis.thaw();
}

#[cfg(feature = "tls")]
mod tls {
    use std::{fs, path::PathBuf};

    use super::*;

    /// A certificate for localhost that signs itself, and its key, as files.
    fn certificate(directory: &tempfile::TempDir) -> (PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (
            directory.path().join("cert.pem"),
            directory.path().join("key.pem"),
        );
        fs::write(&certificate, made.cert.pem()).unwrap();
        fs::write(&key, made.key_pair.serialize_pem()).unwrap();
        (certificate, key)
    }

    #[tokio::test]
    async fn over_tls_with_the_authority_or_blindly_but_never_by_chance() {
        let directory = tempfile::tempdir().unwrap();
        let (authority, key) = certificate(&directory);
        let tls = Some((authority.clone(), key));
        let redis = RedisServer::with(Options {
            tls,
            ..Options::default()
        });
        let url = redis.tls_url();
        let trusting = Settings {
            url: url.clone(),
            ca_file: Some(authority),
            ..settings(&redis)
        };
        works(&redis, trusting).await;
        works(
            &redis,
            Settings {
                url: format!("{url}/#insecure"),
                ..settings(&redis)
            },
        )
        .await;
        let text = refused(Settings {
            url,
            ..settings(&redis)
        })
        .await;
        assert!(text.contains("redis.ca_file"), "{text}");
    }
}

#[tokio::test]
async fn the_cache_may_be_another_server() {
    let redis = RedisServer::start();
    let cache = RedisServer::start();
    let mut connection = cache.connection(3);
    for (hash, value) in [("IPsInfo:score", "1"), ("IPsInfo:confidence", "0.6")] {
        let _: i64 = redis::Commands::hset(&mut connection, hash, "192.0.2.9", value).unwrap();
    }
    let elsewhere = Settings {
        cache_url: Some(cache.url_of(3)),
        ..settings(&redis)
    };
    let rig = Rig::start(elsewhere).await;
    let (score, confidence) = rig
        .bridge
        .slips_db
        .evaluation("192.0.2.9".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((score.get(), confidence.get()), (1.0, 0.6));
}
