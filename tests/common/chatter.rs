//! A Slips that talks all the time: one report after the other, each on an address of its own.

use std::{
    net::Ipv6Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::slips::{FROM_SLIPS, VERSION, report};

/// The pace: a few reports at a time, so that a kill finds some on every stretch of the way. Nothing of
/// it is lost while the other side is dead, it comes by the log; a faster pace would fill databases.
const PACE: Duration = Duration::from_millis(20);
const AT_A_TIME: u32 = 5;

/// Talks until it is dropped.
#[derive(Debug)]
pub struct Chatter {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The address the `n`th report is about.
#[must_use]
pub fn address(n: u32) -> Ipv6Addr {
    let [a, b, c, d] = n.to_be_bytes();
    Ipv6Addr::new(
        0x2001,
        0xdb8,
        0,
        0,
        0,
        1,
        u16::from_be_bytes([a, b]),
        u16::from_be_bytes([c, d]),
    )
}

impl Chatter {
    /// Starts talking on the channel from Slips of the Redis on a port.
    #[must_use]
    pub fn start(port: u16) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        let thread = thread::spawn(move || {
            let client = redis::Client::open(format!("redis://127.0.0.1:{port}/0")).expect("a URL");
            let mut connection = client.get_connection().expect("redis-server is there");
            let mut next = 0;
            while !stop.load(Ordering::Relaxed) {
                let mut pipe = redis::pipe();
                for n in next..next + AT_A_TIME {
                    let message = report(&address(n).to_string(), 0.8, 0.9);
                    let text = format!(
                        r#"{{"message": "{message}", "recipient": "*", "version": "{VERSION}"}}"#
                    );
                    pipe.publish(FROM_SLIPS, text).ignore();
                }
                pipe.exec(&mut connection).expect("redis-server is there");
                next += AT_A_TIME;
                thread::sleep(PACE);
            }
        });
        Self {
            over,
            thread: Some(thread),
        }
    }
}

impl Drop for Chatter {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
