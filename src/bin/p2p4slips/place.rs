//! Whether this process can have the port and the address it was given.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, TcpListener},
};

use crate::Refusal;

/// As the pigeon does, the port is tried on every address first, so that no other program is there.
pub(crate) fn port_is_free(port: i64) -> Result<(), Refusal> {
    let cannot = |why: String| {
        (
            2,
            format!("can't listen on port \"{port}\": {why}; choose another with -port"),
        )
    };
    let number = u16::try_from(port).map_err(|_| cannot("it is not from 0 to 65535".into()))?;
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, number)) {
        Err(why) if why.kind() == io::ErrorKind::AddrInUse => return Err(cannot(why.to_string())),
        // This host may have no IPv6.
        _ => {}
    }
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, number))
        .map(drop)
        .map_err(|why| cannot(why.to_string()))
}

/// The pigeon knows only IPv4, and so does the address it tells Slips.
pub(crate) fn host_is_ours(host: &str) -> Result<(), Refusal> {
    let refuse = |why: &str| {
        (
            2,
            format!("can't listen on -host \"{host}\": {why}; give an IPv4 address of this host"),
        )
    };
    if host.is_empty() {
        return Err(refuse("it is missing"));
    }
    let address: Ipv4Addr = host.parse().map_err(|_| refuse("it is no IPv4 address"))?;
    TcpListener::bind((address, 0))
        .map(drop)
        .map_err(|why| refuse(&why.to_string()))
}
