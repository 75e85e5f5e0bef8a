//! The server over TLS: by a client that trusts its certificate alone, and with files that are no good.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use expect_test::expect;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring};

use crate::serve::{Answer, LIMIT, Server};
use crate::support::{Sandbox, stop};

/// Writes a new certificate for `localhost` and its key; returns the certificate.
fn certify(sandbox: &Sandbox) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    sandbox.write("cert.pem", cert.pem());
    sandbox.write("key.pem", signing_key.serialize_pem());
    CertificateDer::from_pem_slice(cert.pem().as_bytes()).unwrap()
}

/// The answer to a question over TLS, by a client that trusts one certificate.
fn ask(server: &Server, trusted: &CertificateDer<'static>) -> Result<Answer, std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(server.address())?;
    stream.set_read_timeout(Some(LIMIT))?;
    let mut stream = StreamOwned::new(client, stream);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(Answer::of(&text))
}

#[test]
fn it_answers_over_tls_alone_and_takes_a_new_certificate() {
    let sandbox = Sandbox::with_small_index();
    let first = certify(&sandbox);
    sandbox.write("nba.toml", "[serve]\nhead_seconds = 1\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n");
    let mut server = Server::start(&sandbox);
    assert_eq!(ask(&server, &first).unwrap().json()["ok"], true);
    // Without TLS nothing is understood, and whoever says nothing does not stay.
    assert!(!server.raw_bytes(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").starts_with(b"HTTP"));
    assert!(server.raw_bytes(b"").is_empty());

    let second = certify(&sandbox);
    assert!(ask(&server, &second).is_err(), "it is not read until it is told");
    stop(server.child(), "-HUP");
    let mut tries = 0;
    while ask(&server, &second).is_err() {
        tries += 1;
        assert!(tries < 200, "the new certificate is not there");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(ask(&server, &first).is_err());
    // What cannot be used changes nothing.
    sandbox.write("key.pem", "no key");
    stop(server.child(), "-HUP");
    assert_eq!(ask(&server, &second).unwrap().status, 200);
}

#[test]
fn files_that_are_no_good_are_named() {
    let sandbox = Sandbox::with_small_index();
    certify(&sandbox);
    sandbox
        .sh("cp key.pem other.pem; echo nothing > empty.pem; printf -- '-----BEGIN CERTIFICATE-----\\nx' > half.pem")
        .ok();
    certify(&sandbox);
    let shown = |certificate: &str, key: &str| {
        let args = ["serve", "--index", "index", "--tls-cert", certificate, "--tls-key", key];
        sandbox.shown(&sandbox.nba(&args))
    };
    let told = [
        shown("none.pem", "key.pem"),
        shown("empty.pem", "key.pem"),
        shown("half.pem", "key.pem"),
        shown("cert.pem", "none.pem"),
        shown("cert.pem", "empty.pem"),
        shown("cert.pem", "cert.pem"),
        shown("cert.pem", "other.pem"),
    ];
    expect![[r#"
        exit 5
        --- stderr
        error: failed to open file `none.pem`: No such file or directory (os error 2)
        exit 5
        --- stderr
        error: empty.pem: it holds no `BEGIN CERTIFICATE`
        exit 5
        --- stderr
        error: half.pem: a section of it has no end
        exit 5
        --- stderr
        error: failed to open file `none.pem`: No such file or directory (os error 2)
        exit 5
        --- stderr
        error: empty.pem: it holds no `BEGIN PRIVATE KEY`
        exit 5
        --- stderr
        error: cert.pem: it holds no `BEGIN PRIVATE KEY`
        exit 5
        --- stderr
        error: other.pem: it does not go with cert.pem: keys may not be consistent: KeyMismatch
    "#]]
    .assert_eq(&told.concat());
}
