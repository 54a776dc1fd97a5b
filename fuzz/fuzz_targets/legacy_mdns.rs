//! Packets that come to the pigeon's mDNS port: few peers are taken of one, at addresses that can be
//! dialled, never ourselves; a question gets an answer by which we are found.
#![no_main]

use std::{net::IpAddr, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use libp2p::PeerId;

// Private in the library, where nobody else may want it.
#[path = "../../src/network/mdns/packet.rs"]
mod packet;

use packet::{Found, Names, Wanted};

const MOST: usize = 8;
const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9));

struct Ends {
    ours: Names,
    own: PeerId,
    theirs: Names,
}

static ENDS: LazyLock<Ends> = LazyLock::new(|| {
    let peer = |text: &str| -> PeerId { text.parse().expect("a peer id") };
    let own = peer("QmafUcmZd1sGvQ7hPwiDAPUQ3brMgXRzWHp6j2ZVFW21V2");
    let other = peer("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N");
    Ends {
        ours: Names::new("slips", own).expect("a name"),
        own,
        theirs: Names::new("slips", other).expect("a name"),
    }
});

fuzz_target!(|bytes: &[u8]| {
    let ends = &*ENDS;
    let found = ends.ours.found(bytes, FROM);
    assert!(found.len() <= MOST);
    for Found { peer, at } in found {
        assert_ne!(peer, ends.own);
        assert!((1..=MOST).contains(&at.len()));
        assert!(
            at.iter()
                .all(|at| !at.ip().is_unspecified() && !at.ip().is_multicast())
        );
    }
    if let Some(asked) = ends.ours.asked(bytes) {
        let at: Vec<IpAddr> = vec![FROM];
        let answer = ends
            .ours
            .answer(asked, 4001, &at)
            .expect("an answer encodes");
        let found = ends.theirs.found(&answer, [192, 0, 2, 1].into());
        match asked.wanted {
            Wanted::Services => assert!(found.is_empty()),
            Wanted::Peers | Wanted::Instance => {
                assert_eq!(found.len(), 1);
                assert_eq!(found[0].peer, ends.own);
                assert_eq!(found[0].at, [(FROM, 4001).into()]);
            }
        }
        assert_eq!(ends.ours.asked(&answer), None, "no answer is answered");
    }
    // As a name to meet under: it makes a question that it understands itself.
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(names) = Names::new(text, ends.own)
        && let Some(query) = names.query(0)
    {
        assert!(
            names
                .asked(&query)
                .is_some_and(|asked| asked.wanted == Wanted::Peers)
        );
    }
});
