//! The operator's address book: the rules by which orders change it. Pure, and the same whether a node
//! runs or not: both the running node and the commands go through here.

use std::{collections::HashMap, net::IpAddr};

use libp2p::{Multiaddr, PeerId};

mod error;

pub use error::BookError;

use super::{
    Act, Ban, Contact, Decision, GivenTrust, Order, Timestamp, TooLong, Trust, TrustChange,
    check_dialable, plain, plain_whole,
};

/// Entries at the most: as many as the peers a node remembers by default (`limits.known_peers`).
pub const MAX_CONTACTS: usize = 10_000;
/// Peers that can be pinned: each is dialled and kept whatever the limits of connections say.
pub const MAX_PINNED: usize = 256;
/// Strangers that wait for a decision; beyond it the one waiting longest is forgotten.
pub const MAX_PENDING: usize = 1_000;
/// Addresses of one entry, the newest first; as many as the network keeps of a peer.
pub const MAX_ADDRESSES: usize = 8;
/// The longest alias, in characters: it has to fit a column of a table.
pub const MAX_ALIAS: usize = 40;
/// The longest note or reason, in characters: a long line.
pub const MAX_NOTE: usize = 200;
/// The longest tag and name of an organisation, in characters.
pub const MAX_TAG: usize = 40;
/// Tags of one entry.
pub const MAX_TAGS: usize = 16;

/// Why somebody is banned of whom nothing is said.
const NO_REASON: &str = "by the operator";
/// How much of a text that is too long is shown, in characters.
const SHOWN: usize = 24;

/// What an order changes, to be stored in one go.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// The entry as it is from now on.
    pub contact: Option<Contact>,
    /// Entries that are gone.
    pub removed: Vec<PeerId>,
    /// The trust given from now on.
    pub trust: Option<TrustChange>,
    /// A ban set.
    pub ban: Option<Ban>,
    /// A ban lifted.
    pub unbanned: Option<PeerId>,
}

/// The book.
#[derive(Debug, Clone, Default)]
pub struct AddressBook {
    contacts: HashMap<PeerId, Contact>,
    bans: HashMap<PeerId, Timestamp>,
    own: Option<PeerId>,
    forked: HashMap<PeerId, Timestamp>,
    lacks_quic: bool,
}

impl AddressBook {
    /// The book as it was kept, with the bans that may still hold.
    #[must_use]
    pub fn of(contacts: Vec<Contact>, bans: &[Ban]) -> Self {
        Self {
            contacts: contacts.into_iter().map(|it| (it.peer, it)).collect(),
            bans: bans.iter().map(|ban| (ban.peer, ban.until)).collect(),
            ..Self::default()
        }
    }

    /// The book that knows who signed two things as one, and when that was found.
    #[must_use]
    pub fn aware_of(mut self, forked: impl IntoIterator<Item = (PeerId, Timestamp)>) -> Self {
        self.forked.extend(forked);
        self
    }

    /// The book of a node that dials over QUIC, or does not; without this, of one that does.
    #[must_use]
    pub fn dialling_quic(mut self, quic: bool) -> Self {
        self.lacks_quic = !quic;
        self
    }

    /// When it was found that a peer signed two things as one, if it did.
    #[must_use]
    pub fn forked(&self, peer: PeerId) -> Option<Timestamp> {
        self.forked.get(&peer).copied()
    }

    /// The book of the node with this id, which is no peer of its own.
    #[must_use]
    pub fn owned_by(mut self, own: PeerId) -> Self {
        self.own = Some(own);
        self
    }

    /// An entry.
    #[must_use]
    pub fn get(&self, peer: PeerId) -> Option<&Contact> {
        self.contacts.get(&peer)
    }

    /// Every entry, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Contact> {
        self.contacts.values()
    }

    /// Whom the operator says to be at an address, other than those that are banned at `now`.
    #[must_use]
    pub fn at(&self, ip: IpAddr, now: Timestamp) -> Option<PeerId> {
        let is_banned = |peer: &PeerId| self.bans.get(peer).is_some_and(|until| *until > now);
        let there = self
            .contacts
            .values()
            .filter(|it| it.places().any(|place| place == ip));
        there
            .map(|it| it.peer)
            .filter(|peer| !is_banned(peer))
            .min()
    }

    /// The entry with this name, whatever its capitals.
    #[must_use]
    pub fn named(&self, alias: &str) -> Option<&Contact> {
        let wanted = folded(&plain(alias, usize::MAX));
        let is_it = |it: &&Contact| it.alias.as_deref().map(folded).as_ref() == Some(&wanted);
        self.contacts.values().find(is_it)
    }

    /// What an order would change at `now`.
    ///
    /// # Errors
    /// [`BookError`] names the value and what to do.
    pub fn plan(&self, order: &Order, now: Timestamp) -> Result<Change, BookError> {
        let peer = order.peer;
        if self.own == Some(peer) {
            return Err(BookError::Ourselves(peer));
        }
        let mut change = Change::default();
        match &order.act {
            Act::Ban { until, reason } => {
                if *until <= now {
                    return Err(BookError::Over(*until));
                }
                let mut reason = whole("reason", reason, MAX_NOTE)?;
                if reason.is_empty() {
                    reason = NO_REASON.to_owned();
                }
                change.ban = Some(Ban {
                    peer,
                    since: now,
                    until: *until,
                    reason,
                });
                return Ok(change);
            }
            Act::Unban => {
                if self.bans.get(&peer).is_none_or(|until| *until <= now) {
                    return Err(BookError::NotBanned(peer));
                }
                change.unbanned = Some(peer);
                return Ok(change);
            }
            Act::Remove => {
                let contact = self.known(peer)?;
                change.trust = contact.anchor.is_some().then_some(TrustChange {
                    peer,
                    given: None,
                    since: now,
                });
                change.removed.push(peer);
                return Ok(change);
            }
            _ => {}
        }
        let mut contact = self.changed(order, now)?;
        if let Act::Trust(given) = &order.act {
            if let Some(found_at) = self.forked(peer) {
                return Err(BookError::Forked { peer, found_at });
            }
            contact.anchor = Some(checked(given, now)?);
        }
        if matches!(order.act, Act::Untrust) && contact.anchor.take().is_none() {
            return Err(BookError::NotTrusted(peer));
        }
        if matches!(order.act, Act::Trust(_) | Act::Untrust) {
            change.trust = Some(TrustChange {
                peer,
                given: contact.anchor.clone(),
                since: now,
            });
        }
        self.check_room(&contact)?;
        change.contact = Some(contact);
        Ok(change)
    }

    /// The entry as it would be, but for the trust in it.
    fn changed(&self, order: &Order, now: Timestamp) -> Result<Contact, BookError> {
        let peer = order.peer;
        let or_new = || {
            let known = self.contacts.get(&peer).cloned();
            known.unwrap_or_else(|| Contact::new(peer, now))
        };
        let contact = match &order.act {
            Act::Add {
                address,
                alias,
                note,
                tags,
                pin,
            } => {
                let mut contact = or_new();
                if let Some(alias) = alias {
                    contact.alias = Some(self.free_alias(alias, peer)?);
                }
                if let Some(note) = note {
                    contact.note = whole("note", note, MAX_NOTE)?;
                }
                let all: Vec<String> = contact.tags.iter().chain(tags).cloned().collect();
                contact.tags = checked_tags(&all)?;
                if let Some(address) = address {
                    check_dialable(address, !self.lacks_quic).map_err(|why| {
                        BookError::Unusable {
                            address: address.clone(),
                            why,
                        }
                    })?;
                    remember(&mut contact.addresses, address);
                }
                contact.pinned |= pin;
                contact
            }
            Act::Rename(alias) => {
                let mut contact = self.known(peer).cloned().or_else(|unknown| match alias {
                    Some(_) => Ok(or_new()),
                    None => Err(unknown),
                })?;
                contact.alias = match alias {
                    Some(alias) => Some(self.free_alias(alias, peer)?),
                    None => None,
                };
                contact
            }
            Act::Unpin => Contact {
                pinned: false,
                ..self.known(peer)?.clone()
            },
            Act::Pin => Contact {
                pinned: true,
                ..or_new()
            },
            Act::Note(note) => Contact {
                note: whole("note", note, MAX_NOTE)?,
                ..or_new()
            },
            Act::Tags(tags) => Contact {
                tags: checked_tags(tags)?,
                ..or_new()
            },
            Act::Accept => Contact {
                decision: Some((Decision::Accepted, now)),
                ..or_new()
            },
            Act::Reject => Contact {
                decision: Some((Decision::Rejected, now)),
                ..or_new()
            },
            Act::Trust(_) => or_new(),
            Act::Untrust => self
                .contacts
                .get(&peer)
                .cloned()
                .ok_or(BookError::NotTrusted(peer))?,
            Act::Remove | Act::Ban { .. } | Act::Unban => or_new(),
        };
        Ok(contact)
    }

    fn known(&self, peer: PeerId) -> Result<&Contact, BookError> {
        self.contacts.get(&peer).ok_or(BookError::Unknown(peer))
    }

    fn free_alias(&self, alias: &str, peer: PeerId) -> Result<String, BookError> {
        if looks_like_an_id(alias) {
            return Err(BookError::AliasIsId(plain(alias, MAX_NOTE)));
        }
        let cleaned = visible("alias", alias, MAX_ALIAS)?;
        match self.named(&cleaned) {
            Some(other) if other.peer != peer => Err(BookError::AliasTaken {
                alias: cleaned,
                peer: other.peer,
            }),
            _ => Ok(cleaned),
        }
    }

    fn check_room(&self, contact: &Contact) -> Result<(), BookError> {
        let known = self.contacts.get(&contact.peer);
        if known.is_none() && self.contacts.len() >= MAX_CONTACTS {
            let (what, most) = ("entries in the address book", MAX_CONTACTS);
            return Err(BookError::Full { what, most });
        }
        let pins = contact.pinned && known.is_none_or(|known| !known.pinned);
        if pins && self.iter().filter(|it| it.pinned).count() >= MAX_PINNED {
            let (what, most) = ("pinned peers", MAX_PINNED);
            return Err(BookError::Full { what, most });
        }
        Ok(())
    }
}

/// A whole id, or enough of the beginning of one to be taken for it in a table.
fn looks_like_an_id(alias: &str) -> bool {
    /// How long an id can get in the database.
    const LONGEST_ID: usize = 128;
    /// What commands show of an id is longer.
    const TELLING: usize = 16;
    let text = plain(alias, LONGEST_ID);
    let begins = text.starts_with("12D3KooW") || text.starts_with("Qm");
    let in_base58 = text.chars().all(|c| c.is_ascii_alphanumeric());
    text.parse::<PeerId>().is_ok() || (begins && in_base58 && text.len() >= TELLING)
}

/// Names that differ in capitals only are one name.
fn folded(alias: &str) -> String {
    alias.to_lowercase()
}

/// The text, cleaned; nothing of it is cut off.
fn whole(what: &'static str, text: &str, most: usize) -> Result<String, BookError> {
    plain_whole(text, most).map_err(|TooLong { length, most }| BookError::TooLong {
        what,
        start: plain(text, SHOWN),
        length,
        most,
    })
}

fn visible(what: &'static str, text: &str, most: usize) -> Result<String, BookError> {
    let cleaned = whole(what, text, most)?;
    if cleaned.is_empty() {
        let text = text.escape_debug().take(most).collect();
        return Err(BookError::Empty { what, text });
    }
    Ok(cleaned)
}

fn checked_tags(tags: &[String]) -> Result<Vec<String>, BookError> {
    let mut kept: Vec<String> = Vec::new();
    for tag in tags {
        let tag = visible("tag", tag, MAX_TAG)?;
        if !kept.contains(&tag) {
            kept.push(tag);
        }
    }
    if kept.len() > MAX_TAGS {
        let (what, most) = ("tags on this peer", MAX_TAGS);
        return Err(BookError::Full { what, most });
    }
    Ok(kept)
}

fn checked(given: &GivenTrust, now: Timestamp) -> Result<GivenTrust, BookError> {
    if given.trust <= Trust::MIN {
        return Err(BookError::NoTrust);
    }
    if let Some(until) = given.until.filter(|until| *until <= now) {
        return Err(BookError::Over(until));
    }
    let organisation = match &given.organisation {
        Some(name) => Some(visible("organisation", name, MAX_TAG)?),
        None => None,
    };
    Ok(GivenTrust {
        organisation,
        ..given.clone()
    })
}

/// The newest first.
fn remember(addresses: &mut Vec<Multiaddr>, address: &Multiaddr) {
    addresses.retain(|known| known != address);
    addresses.insert(0, address.clone());
    addresses.truncate(MAX_ADDRESSES);
}
