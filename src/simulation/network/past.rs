//! What was said before the story begins, and who missed the end of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use libp2p::identity::Keypair;

use super::{
    disk::{Disk, Kept, Logs},
    person::{NETWORK, line},
    plan::Plan,
    world::{Failure, Stage},
};
use crate::{
    domain::{Author, Timestamp, Tip},
    mesh::OwnLog,
    wire::segment::MAX_ENTRIES,
};

/// The past of all, and how much of it the last node lacks.
#[derive(Debug, Default)]
pub struct Past {
    logs: Arc<Logs>,
    /// Segments at the end of each author's log.
    missed: BTreeMap<Author, usize>,
    /// The entry up to which each author's log goes of whom something was missed.
    pub targets: BTreeMap<Author, u64>,
}

impl Past {
    /// Signs the past of these authors. What everybody has fills its segments; what was missed is
    /// signed entry by entry, as a Slips says it: the most work for who fetches it.
    ///
    /// # Errors
    /// A key that cannot sign.
    pub fn new(
        plan: &Plan,
        keys: &[Keypair],
        start: Timestamp,
        told: &mut dyn FnMut(&Stage),
    ) -> Result<Self, Failure> {
        let mut logs = Logs::new();
        let (mut missed, mut targets) = (BTreeMap::new(), BTreeMap::new());
        let mut made = 0;
        let share =
            |of: u64, at: u64| of / keys.len() as u64 + u64::from(at < of % keys.len() as u64);
        for (key, at) in keys.iter().zip(0..) {
            let (entries, lacking) = (share(plan.past, at), share(plan.missed, at));
            let mut own = OwnLog::new(key.clone(), NETWORK, None)?;
            let mut log = Vec::new();
            let mut seq = 0;
            while seq < entries {
                let whole = (entries - lacking).saturating_sub(seq);
                let count = whole.clamp(1, MAX_ENTRIES as u64);
                let said: Vec<_> = (seq..seq + count)
                    .map(|number| {
                        let ago = Duration::from_secs(entries - number);
                        (start.minus(ago), line(number * 64 + at))
                    })
                    .collect();
                let unsent = own.append(&said)?;
                log.extend(unsent.segments().map(|(bytes, first, tip)| Kept {
                    first,
                    tip,
                    bytes: bytes.into(),
                }));
                drop(own.persisted(unsent));
                seq += count;
                made += count;
                told(&Stage::Past {
                    made,
                    of: plan.past,
                });
            }
            if lacking > 0 {
                let lost = log.iter().filter(|kept| kept.tip.seq > entries - lacking);
                missed.insert(own.author(), lost.count());
                targets.insert(own.author(), entries);
            }
            logs.insert(own.author(), log);
        }
        Ok(Self {
            logs: Arc::new(logs),
            missed,
            targets,
        })
    }

    /// The disk of a node, and what it begins with.
    pub fn disk(&self, misses: bool) -> (Disk, Vec<Tip>) {
        let nothing = BTreeMap::new();
        let missing = if misses { &self.missed } else { &nothing };
        let disk = Disk::new(Arc::clone(&self.logs), missing);
        let tips = disk.tips().into_values().collect();
        (disk, tips)
    }
}
