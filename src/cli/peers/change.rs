//! Orders: checked against the address book, then carried out by the running node, or on its database
//! while none runs. Both ways go through the same rules and the same transaction.

use std::time::Duration;

use crate::{
    app::{self, AskError, identity},
    cli::{
        context::{Context, Database},
        exit::Exit,
    },
    config::Config,
    domain::{Act, AddressBook, BookError, Order, PeerId, Timestamp, plain},
    store::{Batch, OpenError, Reader, Store},
};

use super::{find, list::View};

/// How long the running node may take to answer: a little more than it takes to say that something
/// holds it up.
const ANSWER_LIMIT: Duration = Duration::from_secs(6);

/// Whom an order is about.
pub(super) enum Whom<'a> {
    Peer(PeerId),
    /// An id, an alias or the beginning of an id.
    Named(&'a str),
}

/// Carries an order out and shows what came of it.
///
/// # Errors
/// Exit 2 where it makes no sense, 3 where nobody is meant, 5 where a node runs and does not answer.
pub(super) async fn order(
    whom: Whom<'_>,
    act: Act,
    context: &mut Context<'_>,
) -> anyhow::Result<Exit> {
    let config = context.config()?.config;
    let path = config.node.database.clone();
    let removes = matches!(act, Act::Remove);
    let cleaned = cleaned(&act);
    let peer = if app::is_running(&path) {
        through_node(&whom, act, &config).await?
    } else {
        match on_database(&whom, &act, &config).await {
            // A node has started just now.
            Err(error) if matches!(error.downcast_ref(), Some(OpenError::InUse { .. })) => {
                through_node(&whom, act, &config).await?
            }
            done => done?,
        }
    };
    for told in cleaned {
        eprintln!("{told}");
    }
    let database = Database {
        reader: Reader::open(&path).await?,
        path,
        config,
    };
    match database.reader.peer(peer).await? {
        Some(record) if !removes => View::of(&database).await?.one(&record, context),
        _ => {
            eprintln!("note: {peer} is no longer in the address book");
            Ok(Exit::Ok)
        }
    }
}

/// What is kept otherwise than it was typed, a sentence each.
fn cleaned(act: &Act) -> Vec<String> {
    let told = |(what, typed): (&str, &str)| {
        let kept = plain(typed, usize::MAX);
        (kept != typed).then(|| {
            format!(
                "note: the {what} is kept as `{kept}`: characters that act on a terminal, reorder what is read or \
                 cannot be seen are left out, and white space is one space"
            )
        })
    };
    act.texts().into_iter().filter_map(told).collect()
}

async fn through_node(whom: &Whom<'_>, act: Act, config: &Config) -> anyhow::Result<PeerId> {
    let reader = Reader::open(&config.node.database).await?;
    let book = owned(reader.address_book().await?, config);
    let peer = match whom {
        Whom::Peer(peer) => *peer,
        Whom::Named(wanted) => {
            let known = reader.peers().await?;
            find::target(wanted, &book, known.iter().map(|record| record.peer))?
        }
    };
    reader.close().await;
    let order = Order { peer, act };
    // Checked here as well: what makes no sense is told apart from what went wrong.
    book.plan(&order, Timestamp::now()).map_err(refused)?;
    // Whether it dials over QUIC the node knows better than the configuration read here.
    let is_senseless = || {
        let book = book.clone().dialling_quic(config.network.quic);
        book.plan(&order, Timestamp::now()).is_err()
    };
    let socket = app::control_socket(config);
    app::ask_running_node(&socket, &order, ANSWER_LIMIT)
        .await
        .map_err(|error| match error {
            AskError::Unreachable { .. } => Exit::NodeUnreachable.because(error),
            AskError::Refused(_) if is_senseless() => Exit::Usage.because(error),
            AskError::Refused(_) | AskError::Unreadable(_) => Exit::Error.because(error),
        })?;
    Ok(peer)
}

async fn on_database(whom: &Whom<'_>, act: &Act, config: &Config) -> anyhow::Result<PeerId> {
    let path = &config.node.database;
    let is_new = !path.exists();
    if let Whom::Named(wanted) = whom
        && is_new
        && wanted.parse::<PeerId>().is_err()
    {
        // Nobody has a name yet, and a typing error should leave no file behind.
        return Err(OpenError::NotFound { path: path.clone() }.into());
    }
    let (store, loaded) = Store::open(app::store_settings(config)).await?;
    let done = async {
        let forked = loaded.forks.iter().map(|fork| (fork.author, fork.found_at));
        let book = AddressBook::of(loaded.contacts, &loaded.bans)
            .aware_of(forked)
            .dialling_quic(config.network.quic);
        let book = owned(book, config);
        let peer = match whom {
            Whom::Peer(peer) => *peer,
            Whom::Named(wanted) => {
                let known = loaded.peers.iter().map(|record| record.peer);
                find::target(wanted, &book, known)?
            }
        };
        let act = act.clone();
        let order = Order { peer, act };
        let change = book.plan(&order, Timestamp::now()).map_err(refused)?;
        let mut batch = Batch::default();
        batch.take_in(change);
        store.commit(batch).await?;
        if is_new {
            eprintln!(
                "note: there was no database at {}; it is made (--config or --database name that of another node)",
                path.display()
            );
        }
        Ok(peer)
    };
    let done = done.await;
    store.close().await;
    done
}

/// The book of this node, as far as its key says who that is.
fn owned(book: AddressBook, config: &Config) -> AddressBook {
    match own_id(config) {
        Some(own) => book.owned_by(own),
        None => book,
    }
}

/// The id of this node, as far as its key tells.
pub(super) fn own_id(config: &Config) -> Option<PeerId> {
    let file = config.node.key_file.as_ref().filter(|file| file.exists())?;
    // A key that cannot be used is no matter here: the node says so when it starts.
    let key = identity::load(file, identity::Loose::Refuse).ok()?;
    Some(key.public().to_peer_id())
}

fn refused(error: BookError) -> anyhow::Error {
    let exit = match error {
        BookError::Unknown(_) | BookError::NotBanned(_) | BookError::NotTrusted(_) => {
            Exit::NotFound
        }
        _ => Exit::Usage,
    };
    exit.because(error)
}
