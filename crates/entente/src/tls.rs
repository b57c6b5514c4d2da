//! The certificate that is served.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::configuration::{Listen, Tls};
use crate::data_dir::{DataDir, write_private};

/// Certificate and key for development, in the data directory: clients that shall trust it can be given the first.
const CERTIFICATE: &str = "self-signed.pem";
const KEY: &str = "self-signed.key";

/// Makes the process's TLS provider known to every library that asks for one.
pub(crate) fn install_provider() {
    // Fails only where one is installed already, and then there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// What a TLS listener works with: HTTP/1.1 and HTTP/2, TLS 1.2 and later.
pub(crate) fn server(tls: &Tls, directory: &DataDir, listen: &Listen) -> Result<Arc<ServerConfig>> {
    let (certificate, key) = match tls {
        Tls::SelfSigned => self_signed(directory, listen)?,
        Tls::Files { certificate, key } => (text(certificate)?, text(key)?),
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate.as_bytes())
        .collect::<Result<_, _>>()
        .context("the certificate file is no PEM")?;
    let key =
        PrivateKeyDer::from_pem_slice(key.as_bytes()).context("the key file holds no private key in PEM")?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("certificate and key do not fit together")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// The development certificate of this data directory, made at the first start.
fn self_signed(directory: &DataDir, listen: &Listen) -> Result<(String, String)> {
    let (certificate, key) = (directory.file(CERTIFICATE), directory.file(KEY));
    if !(certificate.exists() && key.exists()) {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let made = parameters(listen)?.self_signed(&pair)?;
        write_private(&key, &pair.serialize_pem())?;
        write_private(&certificate, &made.pem())?;
    }
    Ok((text(&certificate)?, text(&key)?))
}

fn parameters(listen: &Listen) -> Result<CertificateParams> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let host = listen.host.trim_start_matches('[').trim_end_matches(']');
    if !names.iter().any(|name| name == host) && host != "0.0.0.0" && host != "::" {
        names.push(host.to_owned());
    }
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name.push(DnType::CommonName, "Entente, for development");
    // Not an authority: clients that are told to trust it trust this one service.
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.not_before = rcgen::date_time_ymd(2026, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2056, 1, 1);
    Ok(parameters)
}
