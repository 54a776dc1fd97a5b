//! More authors than a node keeps in memory: one that stands on disk alone goes on where it was.

use std::{sync::Arc, time::Duration};

use libp2p::{PeerId, identity::Keypair};
use slips_p2p::{
    domain::{Digest, Timestamp},
    mesh::OwnLog,
    store::{Batch, LogSegment, Retention, Settings, Store, is_running},
};
use testkit::{sensor::Setup, slips::report, wait};

use super::{
    LONG, alone,
    forks::{Liar, evidence, log_of, peer_id},
    stat,
};

/// Three quarters of the places in memory are taken at a start; a few more than that.
const OTHERS: usize = 3_100;

/// Authors who have said something later than anybody else.
fn others() -> Batch {
    let network: Arc<str> = "slips".into();
    let segments = (0..OTHERS).map(|_| LogSegment {
        network: Arc::clone(&network),
        author: PeerId::random(),
        first: 1,
        last: 1,
        digest: Digest([1; 32]),
        at: Timestamp::now(),
        body: vec![0; 100],
    });
    Batch {
        segments: segments.collect(),
        ..Batch::default()
    }
}

fn put(settings: Settings, batch: Batch) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (store, _) = Store::open(settings)
            .await
            .expect("the database of the node");
        store.commit(batch).await.expect("room");
        store.close().await;
    });
}

/// One message more in a log.
fn next(log: &mut OwnLog, text: &str) -> Vec<u8> {
    let unsent = log.append(&[(Timestamp::now(), text)]).expect("a message");
    let (bytes, ..) = unsent.segments().next().expect("a segment");
    let bytes = bytes.to_vec();
    let _ = log.persisted(unsent);
    bytes
}

#[test]
fn an_author_that_stands_on_disk_alone_goes_on_where_it_was() {
    let mut a = alone();
    let id_a = peer_id(&mut a);
    let key = Keypair::generate_ed25519();
    let author = key.public().to_peer_id().to_string();
    let mut log = OwnLog::new(key.clone(), "slips", None).expect("a key that signs");
    let (text, more) = (report("192.0.2.1", 0.9, 0.8), report("192.0.2.2", 0.9, 0.8));
    let (one, two) = (next(&mut log, &text), next(&mut log, &more));
    let mut peer = Liar::with(key.clone(), a.address(), true);
    peer.meet(id_a);
    peer.push(id_a, one.clone());
    assert_eq!(a.slips.hear_data().1, text);
    drop(peer);
    // In peace: what Slips has heard is noted as delivered.
    a.node.signal(libc::SIGTERM);
    a.node.wait_exit(LONG);
    wait::until("the database to be free", LONG, || {
        (!is_running(&a.database())).then_some(())
    });
    let settings = Settings {
        path: a.database(),
        max_batch_rows: 4096,
        retention: Retention {
            max_age: Duration::from_hours(24),
            max_reports: 1_000,
            max_bytes: 1 << 40,
        },
        outbox_max_age: Duration::from_hours(24),
        outbox_max_rows: 1_000,
    };
    put(settings, others());
    a.restart(&Setup::default());
    let mut peer = Liar::with(key.clone(), a.address(), true);
    peer.meet(id_a);
    peer.push(id_a, one);
    peer.push(id_a, two);
    // What it said before the start is not heard again.
    assert_eq!(a.slips.hear_data().1, more);
    assert_eq!(stat(&a, "log_entries"), OTHERS as u64 + 2);
    // What is on disk convicts who denies it.
    peer.push(id_a, log_of(&key, &[&report("198.51.100.1", 1.0, 1.0)]));
    let proof = wait::until("the proof", LONG, || evidence(&a, &author));
    assert_eq!(proof["number"], 1);
}
