//! How connections are made: TCP with noise and our muxer, QUIC where it is wanted.

use std::{io, sync::Arc};

use libp2p::{
    PeerId, Transport,
    core::{muxing::StreamMuxerBox, transport::Boxed, upgrade::Version},
    identity::Keypair,
    noise, tcp,
};

use super::{
    Settings,
    admission::Admission,
    lifeline::Lifeline,
    muxer::{self, Pool},
    standing::Standings,
};

/// What a QUIC peer may have under way, a stream (a line) and a connection.
#[cfg(feature = "quic")]
const QUIC_STREAM_BYTES: u32 = 128 * 1024;
#[cfg(feature = "quic")]
const QUIC_CONNECTION_BYTES: u32 = 1024 * 1024;

/// # Errors
/// When noise cannot be set up with this key.
pub(super) fn transport(
    settings: &Settings,
    keypair: &Keypair,
    standings: &Arc<Standings>,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, noise::Error> {
    let floor = 2 * settings.max_line_bytes as u64;
    let unread = Arc::new(Pool::new(
        settings.max_unread_bytes,
        settings.max_unread_bytes_per_connection,
        floor,
    ));
    let muxer = muxer::Config::new(unread);
    let standings = Arc::clone(standings);
    let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .map(|tcp, _| Lifeline::new(tcp))
        .upgrade(Version::V1Lazy)
        .authenticate(noise::Config::new(keypair)?)
        .multiplex_ext(move |peer, _| muxer.of(standings.pass(*peer)))
        .timeout(settings.handshake_timeout)
        .boxed();
    let tcp = Admission::new(tcp, settings.max_pending_incoming);
    Ok(with_quic(tcp, settings, keypair))
}

#[cfg(feature = "quic")]
fn with_quic<T>(tcp: T, settings: &Settings, keypair: &Keypair) -> Boxed<(PeerId, StreamMuxerBox)>
where
    T: Transport<Output = (PeerId, StreamMuxerBox), Error = io::Error> + Send + Unpin + 'static,
    T::Dial: Send,
    T::ListenerUpgrade: Send,
{
    use libp2p::{core::transport::OrTransport, futures::future::Either, quic};

    if !settings.quic {
        return tcp.boxed();
    }
    let mut config = quic::Config::new(keypair);
    config.handshake_timeout = settings.handshake_timeout;
    // QUIC holds a peer back by itself, by these windows.
    config.max_stream_data = QUIC_STREAM_BYTES;
    config.max_connection_data = QUIC_CONNECTION_BYTES;
    let quic = quic::tokio::Transport::new(config)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    let quic = Admission::new(quic.boxed(), settings.max_pending_incoming);
    OrTransport::new(quic, tcp)
        .map(|either, _| match either {
            Either::Left(output) | Either::Right(output) => output,
        })
        .boxed()
}

#[cfg(not(feature = "quic"))]
fn with_quic<T>(tcp: T, _: &Settings, _: &Keypair) -> Boxed<(PeerId, StreamMuxerBox)>
where
    T: Transport<Output = (PeerId, StreamMuxerBox), Error = io::Error> + Send + Unpin + 'static,
    T::Dial: Send,
    T::ListenerUpgrade: Send,
{
    tcp.boxed()
}
