//! Redis URLs: parsed once, shown without their secrets, and what an error of the server asks people to do.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, ErrorKind, IntoConnectionInfo, RedisError, ServerErrorKind,
};

/// After this long without an acknowledgement from the other host the kernel gives a connection up.
const SILENT_HOST: Duration = Duration::from_secs(20);

/// A Redis URL that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// It is not one of the known forms.
    #[error(
        "Redis URL `{url}`: {reason}; write it like redis://[user:password@]127.0.0.1:6379/0, rediss://host:6379/0 or unix:///run/redis.sock?db=0"
    )]
    Form {
        /// The URL without its secrets.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The certificate file of a TLS server cannot be used.
    #[error(
        "certificate file `{path}` for Redis: {reason}; give a readable PEM file, or remove the setting to use the system's certificates"
    )]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Whether a URL can be used, without connecting.
///
/// # Errors
/// [`UrlError`] names the URL without secrets and the remedy.
pub fn check_url(url: &str, ca_file: Option<&Path>) -> Result<(), UrlError> {
    Server::parse(url, ca_file).map(drop)
}

/// A URL as it may be shown: user, password and unknown parameters are replaced by `***`.
#[must_use]
pub fn redacted(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(s, r)| (s, r));
    let rest = rest
        .rsplit_once('@')
        .map_or_else(|| rest.to_owned(), |(_, host)| format!("***@{host}"));
    let (place, query) = rest
        .split_once('?')
        .map_or((rest.as_str(), None), |(p, q)| (p, Some(q)));
    let mut shown = if scheme.is_empty() {
        place.to_owned()
    } else {
        format!("{scheme}://{place}")
    };
    for (n, pair) in query.into_iter().flat_map(|q| q.split('&')).enumerate() {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = if matches!(key, "db" | "protocol") {
            value
        } else {
            "***"
        };
        shown.push(if n == 0 { '?' } else { '&' });
        shown.push_str(&format!("{key}={value}"));
    }
    shown
}

/// One database of one server, and how it may be named in a log.
#[derive(Clone)]
pub(super) struct Server {
    client: Client,
    shown: Arc<str>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Server {
    /// Parses a URL; reads the certificate file where there is one.
    pub(super) fn parse(url: &str, ca_file: Option<&Path>) -> Result<Self, UrlError> {
        let shown = redacted(url);
        let form = |reason: String| UrlError::Form {
            url: shown.clone(),
            reason,
        };
        let info = url
            .into_connection_info()
            .map_err(|e| form(e.to_string()))?;
        if info.redis_settings().db() < 0 {
            return Err(form("the database number is negative".into()));
        }
        let tcp = redis::io::tcp::TcpSettings::default()
            .set_nodelay(true)
            .set_keepalive(redis::io::tcp::socket2::TcpKeepalive::new().with_time(SILENT_HOST))
            .set_user_timeout(SILENT_HOST);
        // Servers before 7.2 answer the library's introduction with errors.
        let introduced = info.redis_settings().clone().set_skip_set_lib_name();
        let info = info.set_tcp_settings(tcp).set_redis_settings(introduced);
        #[cfg(feature = "tls")]
        if url.starts_with("rediss:") {
            // Another part of the program may have chosen the same one before.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let client = match ca_file {
            Some(path) if url.starts_with("rediss:") => trusting(info, path)?,
            _ => Client::open(info).map_err(|e| form(e.to_string()))?,
        };
        Ok(Self {
            client,
            shown: shown.into(),
        })
    }

    /// The same server, another database.
    pub(super) fn with_database(&self, db: i64) -> Self {
        let settings = self
            .client
            .get_connection_info()
            .redis_settings()
            .clone()
            .set_db(db);
        self.with_settings(settings, format!("{} (database {db})", self.shown))
    }

    /// The same server over the protocol in which one connection can subscribe and command.
    pub(super) fn resp3(&self) -> Self {
        let settings = self.client.get_connection_info().redis_settings().clone();
        self.with_settings(
            settings.set_protocol(redis::ProtocolVersion::RESP3),
            self.shown.to_string(),
        )
    }

    fn with_settings(&self, settings: redis::RedisConnectionInfo, shown: String) -> Self {
        let info = self
            .client
            .get_connection_info()
            .clone()
            .set_redis_settings(settings);
        // Only an address without support on this platform is refused, and it was taken before.
        Client::open(info).map_or_else(
            |_| self.clone(),
            |client| Self {
                client,
                shown: shown.into(),
            },
        )
    }

    /// One attempt to connect, with the time limits of `config`.
    pub(super) async fn connect(
        &self,
        config: &AsyncConnectionConfig,
    ) -> redis::RedisResult<redis::aio::MultiplexedConnection> {
        self.client
            .get_multiplexed_async_connection_with_config(config)
            .await
    }
}

#[cfg(feature = "tls")]
fn trusting(info: redis::ConnectionInfo, path: &Path) -> Result<Client, UrlError> {
    let authority = |reason: String| UrlError::Authority {
        path: path.to_owned(),
        reason,
    };
    let pem = std::fs::read(path).map_err(|e| authority(e.to_string()))?;
    if !pem.windows(10).any(|w| w == b"-----BEGIN") {
        return Err(authority("there is no certificate in it".into()));
    }
    let certificates = redis::TlsCertificates {
        client_tls: None,
        root_cert: Some(pem),
    };
    Client::build_with_tls(info, certificates).map_err(|e| authority(e.to_string()))
}

#[cfg(not(feature = "tls"))]
fn trusting(_: redis::ConnectionInfo, path: &Path) -> Result<Client, UrlError> {
    let reason = "this program was built without TLS".to_owned();
    Err(UrlError::Authority {
        path: path.to_owned(),
        reason,
    })
}

/// What went wrong and what to do about it, without secrets.
pub(super) fn explain(error: &RedisError) -> String {
    // A failed batch lists an error a command; the first says it all.
    let text = match error.clone().into_server_errors().as_deref() {
        Some([(_, first), ..]) => first.to_string(),
        _ => error.to_string(),
    };
    let remedy = match error.kind() {
        _ if error.is_connection_refusal() => {
            "nobody listens there: start redis-server, or correct redis.url"
        }
        _ if error.is_timeout() => {
            "the server does not answer: see whether it is overloaded or stopped"
        }
        ErrorKind::AuthenticationFailed => "correct the user and password in redis.url",
        ErrorKind::RESP3NotSupported => "Redis 6 or newer is needed",
        ErrorKind::Server(ServerErrorKind::ReadOnly) => {
            "this server is a replica: put its primary into redis.url"
        }
        ErrorKind::Server(ServerErrorKind::NoPerm) => {
            "grant the user of redis.url this command, key or channel"
        }
        ErrorKind::Server(ServerErrorKind::BusyLoading) => "the server is still loading its data",
        _ => remedy_in(&text),
    };
    if remedy.is_empty() {
        text
    } else {
        format!("{text}; {remedy}")
    }
}

fn remedy_in(text: &str) -> &'static str {
    const BY_WORD: [(&str, &str); 8] = [
        (
            "NOAUTH",
            "put the password into redis.url: redis://:PASSWORD@host:6379/0",
        ),
        ("WRONGPASS", "correct the user and password in redis.url"),
        (
            "NOPERM",
            "grant the user of redis.url this command, key or channel",
        ),
        (
            "READONLY",
            "this server is a replica: put its primary into redis.url",
        ),
        (
            "OOM",
            "the server is out of memory: raise its maxmemory or let it evict",
        ),
        ("MISCONF", "the server cannot save its data: see its log"),
        ("DB index", "correct the database number in redis.url"),
        (
            "certificate",
            "set redis.ca_file to its authority, or end the URL with /#insecure to trust it blindly",
        ),
    ];
    BY_WORD
        .iter()
        .find(|(word, _)| text.contains(word))
        .map_or("", |(_, remedy)| remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_url_shows_its_secrets() {
        let shown = [
            ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
            ("redis://:hunter2@host:1/0", "redis://***@host:1/0"),
            (
                "rediss://me:hunter2@host/#insecure",
                "rediss://***@host/#insecure",
            ),
            ("redis://hunter2@host", "redis://***@host"),
            ("redis://:hun@ter/2@host", "redis://***@host"),
            ("me:hunter2@host:6379", "***@host:6379"),
            (
                "unix:///run/r.sock?db=3&pass=hunter2",
                "unix:///run/r.sock?db=3&pass=***",
            ),
            (
                "redis+unix:///r?user=me&pass=hunter2",
                "redis+unix:///r?user=***&pass=***",
            ),
        ];
        for (url, expected) in shown {
            assert_eq!(redacted(url), expected);
            assert!(
                !format!("{:?}", Server::parse(url, None)).contains("hunter2"),
                "{url}"
            );
            let settings = super::super::Settings {
                url: url.into(),
                ..Default::default()
            };
            assert!(!format!("{settings:?}").contains("hunter2"), "{url}");
        }
    }

    #[test]
    fn what_is_no_redis_url_is_refused_with_the_forms_there_are() {
        for url in [
            "",
            "localhost:6379",
            "http://host",
            "redis://",
            "redis://host/x",
            "redis://host/-1",
        ] {
            let text = check_url(url, None).expect_err(url).to_string();
            assert!(
                text.contains("redis://[user:password@]127.0.0.1:6379/0"),
                "{text}"
            );
        }
        for url in [
            "redis://h",
            "redis://u:p@h:1/3",
            "unix:///r.sock?db=1&user=u&pass=p",
            "redis+unix:///r",
        ] {
            check_url(url, None).expect(url);
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn the_certificate_file_is_checked_for_tls_only() {
        let missing = Path::new("/nonexistent/ca.pem");
        check_url("redis://host", Some(missing)).expect("no TLS, no certificate");
        let text = check_url("rediss://host", Some(missing))
            .expect_err("missing")
            .to_string();
        assert!(text.contains("/nonexistent/ca.pem"), "{text}");
        let empty = tempfile::NamedTempFile::new().expect("temporary file");
        let text = check_url("rediss://host", Some(empty.path()))
            .expect_err("empty")
            .to_string();
        assert!(text.contains("no certificate"), "{text}");
    }

    #[test]
    fn errors_name_a_remedy() {
        let refused = RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
        assert!(
            explain(&refused).contains("start redis-server"),
            "{}",
            explain(&refused)
        );
        let slow = RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        assert!(explain(&slow).contains("does not answer"));
    }
}
