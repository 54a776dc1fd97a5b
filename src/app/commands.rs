//! How commands reach the running node: the control socket, and what waits on it for the node.

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Error;
use crate::config::Config;
use crate::control::{self, Place, PlaceError};
use crate::node::NodeError;

/// Orders, and questions, that may wait for the node: one of each client of the control socket.
pub(super) const WAITING: usize = 16;

/// The control socket; without it where the system has none to give, which is said.
pub(super) fn place(config: &Config) -> Result<Option<Place>, Error> {
    let path = super::settings::control_socket(config);
    match Place::take(&path) {
        Ok(place) => {
            info!(path = %path.display(), "commands reach this node on its control socket");
            Ok(Some(place))
        }
        Err(error @ PlaceError::Io { .. }) => {
            warn!(%error, "commands cannot reach this node while it runs");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes orders and questions until the node stops.
pub(super) async fn serve(
    place: Option<Place>,
    way: control::Way,
    cancel: CancellationToken,
) -> (&'static str, Result<(), NodeError>) {
    if let Some(place) = place
        && let Err(error) = control::serve(place, way.clone(), cancel.clone()).await
    {
        warn!(%error, "commands no longer reach this node while it runs");
    }
    // The node ends when nobody can order anything any more; so that waits for the stop.
    cancel.cancelled().await;
    drop(way);
    ("control", Ok(()))
}
