//! Lines of a replay file: what is accepted stays within its ranges, and means the same once its
//! time, peers and address are written in another spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slips_p2p::wire::{
    json::{self, Limits},
    replay::{Decoder, Entry},
};

const ID: Limits = Limits {
    max_bytes: 1 << 17,
    max_depth: 0,
    max_values: 1,
};

fuzz_target!(|bytes: &[u8]| {
    let mut decoder = Decoder::default();
    let Ok(line) = decoder.decode(bytes) else {
        return;
    };
    // Remembered names change nothing.
    assert_eq!(decoder.decode(bytes).as_ref(), Ok(&line));
    let t = line.at.as_secs_f64();
    let anew = match &line.entry {
        Entry::PeerUpdate {
            peer,
            ip,
            reliability,
        } => {
            let ip = ip.map(|ip| format!(",\"ip\":\"{ip}\"")).unwrap_or_default();
            let worth = reliability.map(|it| format!(",\"reliability\":{it}"));
            let worth = worth.unwrap_or_default();
            format!("{{\"t\":{t},\"type\":\"peer_update\",\"peerid\":\"{peer}\"{ip}{worth}}}")
        }
        Entry::Report {
            author,
            subject,
            score,
            confidence,
        } => format!(
            "{{\"t\":{t},\"type\":\"report\",\"reporter\":\"{author}\",\"key\":\"{subject}\",\
             \"evaluation\":{{\"score\":{score},\"confidence\":{confidence}}}}}"
        ),
        Entry::Local {
            subject,
            score,
            confidence,
        } => format!(
            "{{\"t\":{t},\"type\":\"local\",\"key\":\"{subject}\",\
             \"evaluation\":{{\"score\":{score},\"confidence\":{confidence}}}}}"
        ),
        Entry::Anchor { peer, trust } => {
            format!("{{\"t\":{t},\"type\":\"anchor\",\"peerid\":\"{peer}\",\"trust\":{trust}}}")
        }
        Entry::Query { id, subject } => {
            assert!(json::parse(id.as_bytes(), ID).is_ok(), "{id}");
            format!("{{\"t\":{t},\"type\":\"query\",\"id\":{id},\"key\":\"{subject}\"}}")
        }
    };
    let again = decoder.decode(anew.as_bytes()).expect("what was written");
    assert_eq!(again.entry, line.entry);
    // Beyond the year 2255 a float of seconds is coarser than a microsecond.
    assert!(t.abs() > 9e9 || again.at == line.at, "{t}");
});
