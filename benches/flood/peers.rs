//! The peers of the flood: honest ones with a time for each report, and one without measure.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{AsyncReadExt, AsyncWriteExt, io::WriteHalf};
use libp2p::core::muxing::SubstreamBox;
use libp2p::{Multiaddr, identity::Keypair};
use testkit::chatter::address;
use testkit::raw::{Manner, Raw};
use testkit::slips::report;
use tokio_util::sync::CancellationToken;

/// How often what is due is written.
const TICK: Duration = Duration::from_millis(1);
/// Streams the flooder has open at once: twice what the node has in work of one connection.
const STREAMS: usize = 256;
/// Different reports of the flooder.
const DIFFERENT: u32 = 4_096;

fn frame(out: &mut Vec<u8>, text: &str) {
    let body = format!(r#"{{"type":"message","text":"{text}"}}"#);
    let length = u32::try_from(body.len()).expect("a length");
    out.extend(length.to_be_bytes());
    out.extend(body.as_bytes());
}

/// Opens a stream of frames; its acknowledgements are read and forgotten.
async fn framed(raw: &Raw) -> WriteHalf<SubstreamBox> {
    let stream = raw.open_framed().await;
    let (mut read, write) = stream.split();
    tokio::spawn(async move {
        let mut bytes = [0; 4096];
        while read.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
    });
    write
}

/// A peer that has something to say now and then.
pub struct Honest {
    raw: Raw,
    stream: Arc<tokio::sync::Mutex<WriteHalf<SubstreamBox>>>,
    reporter: String,
    /// When each report is due, by the text of its message.
    due: Arc<Mutex<HashMap<String, Instant>>>,
    next: u32,
}

impl Honest {
    /// Connects.
    pub async fn call(to: &Multiaddr) -> Self {
        let raw = Raw::dial(&Keypair::generate_ed25519(), to, Manner::Framed).await;
        assert_eq!(raw.say("hello version1\n").await, "hello version1\n");
        let stream = Arc::new(tokio::sync::Mutex::new(framed(&raw).await));
        Self {
            reporter: raw.id.to_string(),
            raw,
            stream,
            due: Arc::default(),
            next: 0,
        }
    }

    /// When what Slips has just heard was due, if it is this peer's; once.
    pub fn due(&self, text: &str) -> Option<Instant> {
        if !text.contains(&self.reporter) || !text.contains("\"go_data\"") {
            return None;
        }
        let json: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let message = json["message_contents"]["message"].as_str()?;
        self.due.lock().expect("no panic").remove(message)
    }
}

/// Has each peer say `rate` reports a second for so long, each when it is due; how many in all. It
/// goes on in the background.
pub fn offer(
    runtime: &tokio::runtime::Runtime,
    honest: &mut [Honest],
    rate: u32,
    time: Duration,
    start: Instant,
) -> usize {
    let count = (f64::from(rate) * time.as_secs_f64()) as u32;
    for (at, peer) in (0..).zip(honest.iter_mut()) {
        assert!(!peer.raw.gone.is_cancelled(), "an honest peer was cut off");
        let numbers = peer.next..peer.next + count;
        peer.next += count;
        let messages: Vec<String> = numbers
            .map(|n| report(&address((at + 1) << 24 | n).to_string(), 0.8, 0.9))
            .collect();
        let when = |n: usize| start + Duration::from_secs_f64(n as f64 / f64::from(rate));
        let due = messages
            .iter()
            .enumerate()
            .map(|(n, m)| (m.clone(), when(n)));
        peer.due.lock().expect("no panic").extend(due);
        let stream = Arc::clone(&peer.stream);
        runtime.spawn(async move {
            let mut stream = stream.lock().await;
            let mut next = 0;
            while next < messages.len() {
                let elapsed = start.elapsed().as_secs_f64();
                let now_due = ((elapsed * f64::from(rate)) as usize).min(messages.len());
                let mut out = Vec::new();
                messages[next..now_due.max(next)]
                    .iter()
                    .for_each(|message| frame(&mut out, message));
                next = now_due.max(next);
                if stream.write_all(&out).await.is_err() || stream.flush().await.is_err() {
                    break;
                }
                tokio::time::sleep(TICK).await;
            }
        });
    }
    count as usize * honest.len()
}

async fn call(to: &Multiaddr, manner: Manner) -> Raw {
    let raw = Raw::dial(&Keypair::generate_ed25519(), to, manner).await;
    assert_eq!(raw.say("hello version1\n").await, "hello version1\n");
    raw
}

fn reports() -> Vec<String> {
    (0..DIFFERENT)
        .map(|n| report(&address(u32::MAX - n).to_string(), 0.8, 0.9))
        .collect()
}

/// Writes reports into one stream of frames as fast as it is let.
pub async fn flood_frames(to: &Multiaddr, over: CancellationToken) {
    let raw = call(to, Manner::Framed).await;
    let mut stream = framed(&raw).await;
    let blocks: Vec<Vec<u8>> = (reports().chunks(64))
        .map(|some| {
            let mut out = Vec::new();
            some.iter().for_each(|text| frame(&mut out, text));
            out
        })
        .collect();
    for block in blocks.iter().cycle() {
        tokio::select! {
            () = over.cancelled() => break,
            written = stream.write_all(block) => if written.is_err() { break },
        }
    }
    raw.hang_up();
}

/// Opens a stream for each report, as many at once as make sense.
pub async fn flood_lines(to: &Multiaddr, over: CancellationToken) {
    let raw = Arc::new(call(to, Manner::Polite).await);
    let lines: Arc<Vec<String>> = Arc::new(reports().iter().map(|r| format!("{r}\n")).collect());
    let talkers: Vec<_> = (0..STREAMS)
        .map(|first| {
            let (raw, lines, over) = (Arc::clone(&raw), Arc::clone(&lines), over.clone());
            tokio::spawn(async move {
                for line in lines.iter().cycle().skip(first) {
                    let said = tokio::select! {
                        () = over.cancelled() => return,
                        said = raw.try_say(line) => said,
                    };
                    if said.is_none() {
                        return;
                    }
                }
            })
        })
        .collect();
    for talker in talkers {
        let _ = talker.await;
    }
    raw.hang_up();
}
