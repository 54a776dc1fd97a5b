//! Where the operator's address book says that peers are: of an author we only know by its signed log
//! nothing else tells its address.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::domain::{Contact, PeerId};

/// The addresses of contacts; bounded as the address book is.
#[derive(Debug, Default)]
pub(super) struct Listed {
    of: HashMap<PeerId, Vec<IpAddr>>,
    at: HashMap<IpAddr, Vec<PeerId>>,
}

impl Listed {
    /// A contact is as it stands from now on; the addresses for which that may change something.
    pub fn put(&mut self, contact: &Contact) -> Vec<IpAddr> {
        let mut changed = self.remove(contact.peer);
        let mut places: Vec<IpAddr> = contact.places().collect();
        places.sort_unstable();
        places.dedup();
        for ip in &places {
            let there = self.at.entry(*ip).or_default();
            there.push(contact.peer);
            // Whoever is named of several does not depend on the order of the book.
            there.sort_unstable();
        }
        changed.extend(&places);
        if !places.is_empty() {
            self.of.insert(contact.peer, places);
        }
        changed
    }

    /// A contact is gone; where it was.
    pub fn remove(&mut self, peer: PeerId) -> Vec<IpAddr> {
        let left = self.of.remove(&peer).unwrap_or_default();
        for ip in &left {
            if let Some(there) = self.at.get_mut(ip) {
                there.retain(|other| *other != peer);
                if there.is_empty() {
                    self.at.remove(ip);
                }
            }
        }
        left
    }

    /// Where a peer is.
    pub fn of(&self, peer: PeerId) -> &[IpAddr] {
        self.of.get(&peer).map_or(&[], Vec::as_slice)
    }

    /// Who is at an address.
    pub fn at(&self, ip: IpAddr) -> &[PeerId] {
        self.at.get(&ip).map_or(&[], Vec::as_slice)
    }
}
