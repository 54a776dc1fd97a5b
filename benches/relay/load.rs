//! Open-loop load: every message has a time at which it is due, and a late answer counts from it.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// What is due within so long is published in one go, at rates at which that is more than one message;
/// the delay it adds is part of the figure.
const TICK: Duration = Duration::from_millis(1);

/// A report of 200 base64 characters on an address that carries its number.
pub fn message(number: u32) -> String {
    let key = address(number);
    let json = format!(
        "{{\"message_type\":\"report\",\"key_type\":\"ip\",\"key\":\"{key}\",\
         \"evaluation_type\":\"score_confidence\",\
         \"evaluation\":{{\"score\":0.8,\"confidence\":0.9}}}}"
    );
    // Blanks after the object are JSON too: every message has the same length.
    BASE64_STANDARD.encode(format!("{json:<150}"))
}

fn address(number: u32) -> Ipv4Addr {
    // Three digits in every part, whatever the number: 7 bits a part, from 100 up.
    let part = |bits: u32| 100 + (bits & 0x7f) as u8;
    Ipv4Addr::new(10, part(number >> 14), part(number >> 7), part(number))
}

/// The payload for `p2p_pygo`.
pub fn payload(number: u32, recipient: &str) -> String {
    format!(
        "{{\"message\": \"{}\", \"recipient\": \"{recipient}\", \"version\": \"1.1.21\"}}",
        message(number)
    )
}

/// What became of one load.
pub struct Outcome {
    /// Messages offered.
    pub offered: u32,
    /// Different messages that arrived.
    pub arrived: usize,
    /// From due to arrival, ascending, in milliseconds.
    pub delays: Vec<f64>,
    /// From the first due to the last arrival.
    pub took: Duration,
}

impl Outcome {
    /// The delay that `share` of the messages did not exceed.
    pub fn quantile(&self, share: f64) -> f64 {
        let last = self.delays.len().saturating_sub(1);
        self.delays
            .get((last as f64 * share).round() as usize)
            .copied()
            .unwrap_or(f64::NAN)
    }
}

/// The same as a node hands it to Slips, for the channel to Slips.
pub fn delivered(number: u32) -> String {
    format!(
        "{{\"message_type\":\"go_data\",\"message_contents\":{{\"message\":\"{}\"}}}}",
        message(number)
    )
}

/// Publishes `rate` messages a second for `seconds`, each when it is due.
pub fn offer(
    (port, channel): (u16, &str),
    payload: impl Fn(u32) -> String,
    (rate, seconds): (u32, u32),
    start: Instant,
) -> redis::RedisResult<()> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}/0"))?;
    let mut connection = client.get_connection()?;
    let total = rate * seconds;
    let mut next = 0;
    let due_at = |number: u32| start + Duration::from_secs_f64(f64::from(number) / f64::from(rate));
    while next < total {
        let due = ((start.elapsed().as_secs_f64() * f64::from(rate)) as u32 + 1).min(total);
        if due > next {
            let mut pipe = redis::pipe();
            for number in next..due {
                pipe.publish(channel, payload(number)).ignore();
            }
            pipe.exec(&mut connection)?;
            next = due;
        }
        // One by one each when it is due; many, a tick later.
        let wait = due_at(next).saturating_duration_since(Instant::now());
        let tick = TICK.saturating_sub(Duration::from_secs(1) / rate);
        std::thread::sleep(wait.max(tick));
    }
    Ok(())
}

/// Sorts out what arrived and when: payloads of `p2p_gopy` with the instant they came.
pub fn judge(arrivals: &[(Instant, String)], rate: u32, offered: u32, start: Instant) -> Outcome {
    let numbers: HashMap<String, u32> = (0..offered).map(|n| (message(n), n)).collect();
    let mut first = HashMap::new();
    for (at, text) in arrivals {
        let value: serde_json::Value = serde_json::from_str(text).expect("Slips gets JSON");
        if let Some(number) = value["message_contents"]["message"]
            .as_str()
            .and_then(|m| numbers.get(m))
        {
            first.entry(*number).or_insert(*at);
        }
    }
    let due = |number: u32| start + Duration::from_secs_f64(f64::from(number) / f64::from(rate));
    let mut delays: Vec<f64> = first
        .iter()
        .map(|(number, at)| at.saturating_duration_since(due(*number)).as_secs_f64() * 1e3)
        .collect();
    delays.sort_by(f64::total_cmp);
    let last = first.values().max().copied().unwrap_or(start);
    Outcome {
        offered,
        arrived: first.len(),
        delays,
        took: last.saturating_duration_since(start),
    }
}
