//! The bytes of a key file: a key that is taken signs for the identity it gives and, written again,
//! gives the same one; what is refused is told in one line of bounded length.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slips_p2p::network::identity;

const LONGEST: usize = 256;

fuzz_target!(|bytes: &[u8]| {
    match identity::parse(bytes) {
        Ok(keypair) => {
            let signature = keypair.sign(b"words").expect("a key signs");
            assert!(keypair.public().verify(b"words", &signature));
            // RSA keys can be read, not written.
            if let Ok(written) = keypair.to_protobuf_encoding() {
                let again = identity::parse(&written).expect("what was written can be read");
                assert_eq!(again.public(), keypair.public());
            }
        }
        Err(reason) => {
            let one_line = !reason.is_empty() && !reason.contains('\n');
            assert!(one_line && reason.len() <= LONGEST, "{reason}");
        }
    }
});
