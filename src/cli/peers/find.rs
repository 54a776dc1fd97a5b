//! The peer that is meant: by its id, its alias, or the beginning of its id.

use anyhow::Context as _;

use crate::{
    cli::{exit::Exit, output::short_peer},
    domain::{AddressBook, PeerId},
    store::{PeerRecord, Reader},
};

/// The one known peer whose id or alias is `wanted`, or whose id begins with it.
///
/// # Errors
/// The database cannot be read; exit 3 where there is none, 2 where there are several.
pub async fn record(wanted: &str, reader: &Reader) -> anyhow::Result<PeerRecord> {
    // A whole id is looked up; only a beginning needs them all.
    if let Ok(id) = wanted.parse()
        && let Some(peer) = reader.peer(id).await?
    {
        return Ok(peer);
    }
    if let Some(contact) = reader.address_book().await?.named(wanted)
        && let Some(peer) = reader.peer(contact.peer).await?
    {
        return Ok(peer);
    }
    let mut peers = reader.peers().await?;
    let id = pick(wanted, peers.iter().map(|peer| peer.peer))?;
    peers.retain(|peer| peer.peer == id);
    peers.pop().context("the peer was there a moment ago")
}

/// The same for an order: a whole id need not be known yet.
///
/// # Errors
/// As of [`record`].
pub(super) fn target(
    wanted: &str,
    book: &AddressBook,
    known: impl Iterator<Item = PeerId>,
) -> anyhow::Result<PeerId> {
    if let Ok(id) = wanted.parse() {
        return Ok(id);
    }
    match book.named(wanted) {
        Some(contact) => Ok(contact.peer),
        None => pick(wanted, known),
    }
}

/// The one peer whose id is `wanted` or begins with it.
///
/// # Errors
/// Exit 3 where none does, 2 where several do.
fn pick(wanted: &str, known: impl Iterator<Item = PeerId>) -> anyhow::Result<PeerId> {
    let beginning = wanted.trim_end_matches('…');
    let fitting: Vec<PeerId> = known
        .filter(|peer| peer.to_string().starts_with(beginning))
        .collect();
    if let Some(exact) = fitting.iter().find(|peer| peer.to_string() == beginning) {
        return Ok(*exact);
    }
    match fitting.as_slice() {
        [one] => Ok(*one),
        [] => Err(Exit::NotFound.because(format!(
            "no known peer has the alias `{wanted}` or an id that begins with it; `slips-p2p peers` lists them"
        ))),
        several => {
            let shown: Vec<String> = several.iter().take(8).map(short_peer).collect();
            Err(Exit::Usage.because(format!(
                "`{wanted}` is the beginning of {} peer ids ({}); give more of it",
                several.len(),
                shown.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(wanted: &str, known: &[PeerId]) -> Result<PeerId, Option<Exit>> {
        pick(wanted, known.iter().copied()).map_err(|error| Exit::of(&error))
    }

    #[test]
    fn a_beginning_picks_a_peer_only_when_it_is_the_only_one() {
        let known = [PeerId::random(), PeerId::random()];
        let whole = known[0].to_string();
        assert_eq!(picked(&whole, &known), Ok(known[0]));
        assert_eq!(
            picked(&format!("{}…", short_peer(&known[1])), &known),
            Ok(known[1])
        );
        assert_eq!(picked("", &known), Err(Some(Exit::Usage)));
        assert_eq!(picked("nobody", &known), Err(Some(Exit::NotFound)));
        assert_eq!(
            picked(&format!("{whole}x"), &known),
            Err(Some(Exit::NotFound))
        );
    }
}
